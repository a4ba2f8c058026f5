"""Adopting programs that registered themselves: by people who may, in one step, or by a rule for what Mandate verified."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from agents import lifecycle, registry
from agents.errors import Ended, Forbidden, InvalidInput
from agents.models import AdoptionAsk, AdoptionRule, Client, Organisation, User
from agents.programs import adoption, adoption_rules
from agents.programs.adoption import AskedForAlready, UsedByOthers
from agents.programs.unclaimed import groups, one
from tests import builders
from tests.builders import actor, events
from tests.grants import post
from tests.programs import allows, host_on_this_machine, opens, redeems, registered, registers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("organisation")]
NOW = timezone.now


@pytest.fixture
def program(db):
    return registered()


@pytest.fixture
def notes(ada, mara, see_appointments):
    """Ada's agent for note programs, which may ask for appointments."""
    return builders.agent("Notes", owner=ada, scopes=[see_appointments])


def adopts(person: User, client: Client, agent, reason="It is ours."):
    return adoption.adopt(client.software_key, agent, reason=reason, by=actor(person), now=NOW())


def test_all_registrations_of_a_program_are_adopted_in_one_step(program, notes, mara):
    other = registered(redirect_uris=["http://127.0.0.1:5555/callback"])
    stranger = registered(client_name="Another")
    assert {client.pk for client in adopts(mara, program, notes)} == {program.pk, other.pk}
    assert [event.client_id for event in events("client.adopted")] == [program.pk, other.pk]
    stranger.refresh_from_db()
    assert stranger.is_unclaimed
    with pytest.raises(Ended):
        adopts(mara, program, notes)


def test_once_adopted_it_asks_as_the_agent_and_people_decide(program, notes, mara, weber, records):
    adopts(mara, program, notes)
    page = opens(weber, program.client_id, resource=records.uri, scope="calendar:read")
    assert "Notes" in page.content.decode()
    code = allows(weber, program.client_id, resource=records.uri, scope="calendar:read")
    assert redeems(program.client_id, code).status_code == 200


def test_what_people_allowed_before_stands(program, notes, mara, weber, records, records_api, see_appointments):
    code = allows(weber, program.client_id, resource=records.uri, scope="calendar:read")
    token = redeems(program.client_id, code).json()["access_token"]
    adopts(mara, program, notes)
    assert records_api.introspects(token)["active"] is True


@pytest.mark.parametrize("who", ["weber", "omar", "mallory"])
def test_who_may_not_adopt_into_it(program, notes, who, request):
    with pytest.raises(Forbidden):
        adopts(request.getfixturevalue(who), program, notes)
    assert Client.objects.get(pk=program.pk).agent is None


def test_an_owner_adopts_into_agents_of_theirs_where_policy_lets_them(program, notes, ada):
    Organisation.objects.update(adoption="administrators")
    with pytest.raises(Forbidden):
        adopts(ada, program, notes)
    Organisation.objects.update(adoption="owners")
    assert adopts(ada, program, notes)


def test_it_is_adopted_into_no_agent_that_cannot_have_it(program, claims_filer, notes, mara, weber, records):
    with pytest.raises(InvalidInput):
        adopts(mara, program, claims_filer)
    allows(weber, program.client_id, resource=records.uri, scope="calendar:read")
    with pytest.raises(InvalidInput):
        adopts(mara, program, weber.personal_agents.get())
    lifecycle.retire(notes, reason="Over.", by=actor(mara), now=NOW())
    with pytest.raises(InvalidInput):
        adopts(mara, program, notes)
    with pytest.raises(InvalidInput):
        adopts(mara, program, notes, reason=" ")


def test_a_new_agent_is_a_draft_and_lets_nothing_be_done(program, mara, ada, weber):
    agent = adoption.adopt_into_new(
        program.software_key,
        name="Notes",
        purpose="Take notes",
        owner=ada,
        reason="Asked for.",
        by=actor(mara),
        now=NOW(),
    )
    assert (agent.state, agent.owner) == ("draft", ada)
    assert Client.objects.get(pk=program.pk).agent == agent
    assert opens(weber, program.client_id, scope="calendar:read").status_code == 400


def test_refusing_removes_it_for_good_and_cuts_off_who_used_it(
    program, mara, ada, weber, records, see_appointments, records_api
):
    code = allows(weber, program.client_id, resource=records.uri)
    token = redeems(program.client_id, code).json()["access_token"]
    with pytest.raises(Forbidden):
        adoption.refuse(program.software_key, reason="No.", by=actor(ada), now=NOW())
    adoption.refuse(program.software_key, reason="No.", by=actor(mara), now=NOW())
    assert records_api.introspects(token) == {"active": False}
    assert opens(weber, program.client_id, resource=records.uri).status_code == 400
    assert one(program.software_key) is None


def test_a_personal_agent_is_given_to_nobody_else(program, weber, ada, mara, records, see_appointments):
    allows(weber, program.client_id, resource=records.uri)
    with pytest.raises(InvalidInput):
        registry.hand_over(weber.personal_agents.get(), owner=ada, reason="Mine.", by=actor(mara), now=NOW())


# ------------------------------------------------------------------------------------------------------------- asking


def test_somebody_asks_and_an_administrator_decides(program, weber, mara, notes, read_records):
    adoption.ask(program, scopes=[read_records], why="For the ward round", by=actor(weber), now=NOW())
    with pytest.raises(AskedForAlready):
        adoption.ask(registered(), scopes=[], why="", by=actor(weber), now=NOW())
    assert groups()[0]["open_asks"] == 1
    adopts(mara, program, notes)
    ask = AdoptionAsk.objects.get()
    assert (ask.answered_by, ask.user) == (mara, weber)
    assert not AdoptionAsk.objects.open().exists()


def test_an_auditor_asks_for_nothing(program, omar):
    with pytest.raises(Forbidden):
        adoption.ask(program, scopes=[], why="Mine.", by=actor(omar), now=NOW())
    assert not AdoptionAsk.objects.exists()


def test_nobody_asks_without_end(weber, monkeypatch):
    monkeypatch.setattr(adoption, "MOST_OPEN_ASKS", 2)
    for name in ("One", "Two"):
        adoption.ask(registered(client_name=name), scopes=[], why="", by=actor(weber), now=NOW())
    with pytest.raises(AskedForAlready):
        adoption.ask(registered(client_name="Three"), scopes=[], why="", by=actor(weber), now=NOW())


# -------------------------------------------------------------------------------------------------------------- rules


def rule_for(agent, person, **more):
    return adoption_rules.make_rule(agent=agent, reason="Ours.", by=actor(person), now=NOW(), **more)


def test_what_registers_with_a_token_is_adopted(notes, mara):
    issued = adoption_rules.issue_token(name="Fleet", ends_at=None, by=actor(mara), now=NOW())
    waiting = Client.objects.get(client_id=registers(token=issued.value).json()["client_id"])
    assert waiting.is_unclaimed
    rule_for(notes, mara, match="token", token=issued.token)
    coming = Client.objects.get(client_id=registers(token=issued.value).json()["client_id"])
    waiting.refresh_from_db()
    assert (waiting.agent, coming.agent) == (notes, notes)
    assert registered().agent is None  # without the token it is like any other
    assert [event.detail["how"] for event in events("client.adopted")] == ["rule", "rule"]


def test_a_document_is_adopted_by_its_host_and_never_by_its_name(notes, mara, weber, settings, records):
    settings.LOCAL_CALLS = True
    with host_on_this_machine() as host, host_on_this_machine() as other:
        rule_for(notes, mara, match="document_host", host=f"127.0.0.1:{host.port}")
        asks = {"resource": records.uri, "scope": "calendar:read"}
        assert opens(weber, host.serves(), **asks).status_code == 200
        assert opens(weber, other.serves(client_name="Notes"), **asks).status_code == 200
        assert Client.objects.get(client_id=host.address()).agent == notes
        assert Client.objects.get(client_id=other.address()).agent is None


def test_a_rule_matches_one_whole_host(notes, mara):
    for host in ("example", "*.example.org", "app.example.org/path", "", "evil.example.org@app.example.org", "a b"):
        with pytest.raises(InvalidInput):
            rule_for(notes, mara, match="document_host", host=host)
    made = rule_for(notes, mara, match="document_host", host="https://App.Example.org/")
    assert made.host == "app.example.org"
    with pytest.raises(InvalidInput):
        rule_for(notes, mara, match="document_host", host="app.example.org")
    adoption_rules.end_rule(made, reason="Over.", by=actor(mara), now=NOW())
    assert rule_for(notes, mara, match="document_host", host="app.example.org")


@pytest.mark.parametrize("who", ["ada", "weber", "omar", "mallory"])
def test_only_administrators_make_rules_and_tokens(notes, mara, who, request):
    other = actor(request.getfixturevalue(who))
    made = rule_for(notes, mara, match="document_host", host="app.example.org")
    token = adoption_rules.issue_token(name="Fleet", ends_at=None, by=actor(mara), now=NOW()).token
    with pytest.raises(Forbidden):
        adoption_rules.make_rule(
            match="document_host", host="x.example.org", agent=notes, reason="Mine.", by=other, now=NOW()
        )
    with pytest.raises(Forbidden):
        adoption_rules.end_rule(made, reason="Mine.", by=other, now=NOW())
    with pytest.raises(Forbidden):
        adoption_rules.issue_token(name="Mine", ends_at=None, by=other, now=NOW())
    with pytest.raises(Forbidden):
        adoption_rules.revoke_token(token, reason="Mine.", by=other, now=NOW())


def test_a_revoked_token_registers_nothing_and_its_rule_ends(notes, mara):
    issued = adoption_rules.issue_token(name="Fleet", ends_at=NOW() + timedelta(days=1), by=actor(mara), now=NOW())
    rule_for(notes, mara, match="token", token=issued.token)
    adoption_rules.revoke_token(issued.token, reason="Lost.", by=actor(mara), now=NOW())
    assert registers(token=issued.value).status_code == 401
    assert not AdoptionRule.objects.live().exists()
    with pytest.raises(InvalidInput):
        rule_for(notes, mara, match="token", token=issued.token)


def test_a_token_is_needed_where_policy_says_so(mara, time_machine):
    issued = adoption_rules.issue_token(name="Fleet", ends_at=NOW() + timedelta(days=1), by=actor(mara), now=NOW())
    Organisation.objects.update(registration="token")
    answer = registers()
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert registers(token="mdi_wrong").status_code == 401
    assert registers(token=issued.value).status_code == 201
    assert issued.value not in str(list(events()))
    time_machine.move_to(NOW() + timedelta(days=2))
    assert registers(token=issued.value).status_code == 401


def test_what_others_use_is_adopted_by_administrators_alone(
    program, notes, mara, ada, mallory, weber, see_appointments, records
):
    """An owner could have it ask everybody as an agent of hers, or as a draft, which may ask nobody."""
    Organisation.objects.update(adoption="everybody")
    asks = {"resource": records.uri, "scope": "calendar:read"}
    allows(mallory, program.client_id, **asks)
    hers = builders.agent("Hers", owner=mallory, scopes=[see_appointments], active=False)
    allows(weber, program.client_id, **asks)
    with pytest.raises(UsedByOthers):
        adopts(mallory, program, hers)
    with pytest.raises(UsedByOthers):
        adoption.adopt_into_new(
            program.software_key,
            name="Hers",
            purpose="Notes",
            owner=mallory,
            reason="Mine.",
            by=actor(mallory),
            now=NOW(),
        )
    assert adopts(mara, program, notes)


def test_what_nobody_else_uses_is_for_owners_too(program, mallory, see_appointments, records):
    Organisation.objects.update(adoption="everybody")
    allows(mallory, program.client_id, resource=records.uri, scope="calendar:read")
    assert adopts(mallory, program, builders.agent("Hers", owner=mallory, scopes=[see_appointments]))


def test_what_people_allowed_goes_on_whatever_becomes_of_the_agent(program, notes, mara, weber, records, records_api):
    """Each by its own: what was allowed to the personal agent, and what to the agent that adopted it."""
    asks = {"resource": records.uri, "scope": "calendar:read"}

    def gets(**form):
        answer = post("/oauth/token", {"client_id": program.client_id, **form})
        return answer.json() if answer.status_code == 200 else None

    def renews(said):
        return gets(grant_type="refresh_token", refresh_token=said["refresh_token"])

    own = redeems(program.client_id, allows(weber, program.client_id, **asks)).json()
    adopts(mara, program, notes)
    adopted = redeems(program.client_id, allows(weber, program.client_id, **asks)).json()
    lifecycle.suspend(notes, reason="Enough.", by=actor(mara), now=NOW())
    assert renews(adopted) is None
    assert records_api.introspects(adopted["access_token"]) == {"active": False}
    assert (own := renews(own)) is not None
    assert records_api.introspects(own["access_token"])["active"] is True
    lifecycle.suspend(weber.personal_agents.get(), reason="Enough.", by=actor(mara), now=NOW())
    assert renews(own) is None
    assert records_api.introspects(own["access_token"]) == {"active": False}
