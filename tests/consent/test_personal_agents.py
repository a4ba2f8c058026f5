"""A program that nobody adopted becomes the personal agent of whoever allows it something: at the first try, for them alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from agents import clients, lifecycle, registry, scopes
from agents.errors import Forbidden, InvalidInput
from agents.models import Agent, AgentScope, Client, LastUse, Organisation
from agents.programs import adoption
from consent.models import Consent, Report
from tests import builders
from tests.builders import actor, events, one_refusal
from tests.consent.asking import DECIDE, answer_of
from tests.forms import form_of, text_of
from tests.oauth.authorizing import is_page
from tests.programs import allows, opens, redeems, registered, request_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("organisation")]


@pytest.fixture
def helper(directory, look_up_staff):
    """A program that registered itself."""
    return registered()


@pytest.fixture
def asks(directory):
    return {"resource": directory.uri, "scope": "staff:read"}


@pytest.mark.engine
def test_from_registration_to_a_token_at_the_first_try(helper, asks, weber, directory_api, directory):
    code = allows(weber, helper.client_id, **asks)
    answer = redeems(helper.client_id, code)
    assert answer.status_code == 200, answer.content
    assert {"access_token", "refresh_token"} <= answer.json().keys()
    told = directory_api.introspects(answer.json()["access_token"])
    agent = Agent.objects.get()
    assert (told["sub"], told["act"], told["client_id"]) == (str(weber.pk), {"sub": str(agent.pk)}, helper.client_id)
    assert (agent.personal_of, agent.owner, agent.state, agent.name) == (weber, weber, "active", "Note Helper")
    consent = Consent.objects.get()
    assert (consent.agent, consent.client, consent.user) == (agent, helper, weber)
    assert [event.kind for event in events(agent_id=agent.pk)][:3] == [
        "agent.personal_made",
        "client.adopted",
        "agent.personal_grew",
    ]


def test_nobody_who_has_not_signed_in_learns_or_makes_anything(helper, asks):
    before = Client.objects.count()
    answer = opens(None, helper.client_id, **asks)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/account/login/?next=%2Foauth%2Fauthorize")
    assert (Client.objects.count(), Agent.objects.count()) == (before, 0)
    silent = opens(None, helper.client_id, prompt="none", **asks)
    is_page(silent, "login_required")


def test_the_screen_says_plainly_what_happens(helper, asks, weber):
    page = text_of(opens(weber, helper.client_id, **asks))
    assert "calls itself" in page
    assert "personal agent" in page
    assert not Agent.objects.exists()  # looking makes nothing


def test_a_no_leaves_nothing_behind(helper, asks, weber):
    browser = builders.browser(weber)
    page = browser.get("/oauth/authorize", request_of(helper.client_id, **asks))
    assert answer_of(browser.post(DECIDE, {**form_of(page), "decision": ["refuse"]}))["error"] == "access_denied"
    assert not Agent.objects.exists()
    assert [event.agent_id for event in events("consent.refused")] == [None]


def test_each_person_has_an_agent_of_their_own(helper, asks, weber, ada):
    allows(weber, helper.client_id, **asks)
    code = allows(ada, helper.client_id, **asks)
    assert redeems(helper.client_id, code).status_code == 200
    assert {agent.personal_of for agent in Agent.objects.all()} == {weber, ada}
    assert Consent.objects.live(timezone.now()).count() == 2


def test_installations_of_one_program_share_an_agent_of_one_person(helper, asks, weber):
    allows(weber, helper.client_id, **asks)
    other = registered(redirect_uris=["http://127.0.0.1:5555/callback"])
    allows(weber, other.client_id, redirect_uri="http://127.0.0.1:5555/callback", **asks)
    assert Agent.objects.get().personal_of == weber
    stranger = registered(client_name="Another")
    allows(weber, stranger.client_id, **asks)
    assert Agent.objects.count() == 2


def test_it_is_never_remembered_on_this_computer(helper, asks, weber):
    is_page(opens(weber, helper.client_id, prompt="none", **asks), "consent_required")  # no redirect before that
    allows(weber, helper.client_id, **asks)
    assert opens(weber, helper.client_id, **asks).status_code == 200
    with one_refusal("authorization.refused", "consent_required"):
        assert answer_of(opens(weber, helper.client_id, prompt="none", **asks))["error"] == "consent_required"


def test_what_is_sensitive_is_left_out_and_alone_it_needs_an_administrator(
    helper, weber, directory, records, read_records, see_appointments
):
    page = text_of(opens(weber, helper.client_id, resource=records.uri, scope="calendar:read records:read"))
    assert "See your appointments" in page
    assert f'value="{read_records.pk}"' not in page
    answer = opens(weber, helper.client_id, resource=records.uri, scope="records:read")
    is_page(answer, "needs_administrator")
    code = allows(weber, helper.client_id, resource=records.uri, scope="calendar:read records:read")
    assert redeems(helper.client_id, code).json()["scope"] == "calendar:read"
    assert not AgentScope.objects.filter(scope=read_records).exists()


def test_without_scope_it_gets_what_is_not_sensitive_there(helper, weber, records, read_records, see_appointments):
    code = allows(weber, helper.client_id, resource=records.uri)
    assert redeems(helper.client_id, code).json()["scope"] == "calendar:read"


def test_a_scope_that_becomes_sensitive_is_not_its_own_any_more(helper, weber, mara, records, see_appointments):
    asks = {"resource": records.uri, "scope": "calendar:read"}
    allows(weber, helper.client_id, **asks)
    scopes.change_scope(see_appointments, marked_sensitive=True, by=actor(mara), now=timezone.now())
    is_page(opens(weber, helper.client_id, **asks), "needs_administrator")
    consent = Consent.objects.get()
    assert consent.status(timezone.now()) == "paused"
    assert builders.browser(weber).get(f"/consents/{consent.pk}/changes/").status_code == 200


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"resource": "https://elsewhere.example", "scope": "staff:read"}, "invalid_target"),
        ({"scope": "nothing:here"}, "invalid_scope"),
        ({"resource": None, "scope": None}, "invalid_target"),
        ({"code_challenge": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
    ids=str,
)
def test_until_somebody_adopted_it_no_error_leads_anywhere(helper, asks, weber, changed, code):
    wrong = {**asks, **changed}
    is_page(opens(weber, helper.client_id, **wrong), code)
    allows(weber, helper.client_id, **asks)
    assert answer_of(opens(weber, helper.client_id, **wrong))["error"] == code


def test_what_it_is_allowed_ends_within_a_month(helper, asks, weber):
    browser = builders.browser(weber)
    form = form_of(browser.get("/oauth/authorize", request_of(helper.client_id, **asks)))
    late = (timezone.now() + timedelta(days=40)).strftime("%Y-%m-%dT%H:%M")
    answer = browser.post(DECIDE, {**form, "until": ["custom"], "until_at": [late], "decision": ["allow"]})
    assert answer.status_code == 400
    allows(weber, helper.client_id, **asks)
    assert Consent.objects.get().ends_at <= timezone.now() + timedelta(days=30)


def test_a_suspended_one_is_not_made_again(helper, asks, weber, mara, directory_api):
    code = allows(weber, helper.client_id, **asks)
    token = redeems(helper.client_id, code).json()["access_token"]
    lifecycle.suspend(Agent.objects.get(), reason="Looks wrong.", by=actor(mara), now=timezone.now())
    assert directory_api.introspects(token) == {"active": False}
    is_page(opens(weber, helper.client_id, **asks), "client_not_usable")


def test_its_person_can_retire_it_and_begin_anew(helper, asks, weber):
    code = allows(weber, helper.client_id, **asks)
    first = Agent.objects.get()
    lifecycle.retire(first, reason="Enough.", by=actor(weber), now=timezone.now())
    assert redeems(helper.client_id, code).status_code == 400
    allows(weber, helper.client_id, **asks)
    assert Agent.objects.exclude(pk=first.pk).get().personal_of == weber


def test_reporting_a_program_that_is_nobodys_agent_yet(helper, asks, weber, mara):
    browser = builders.browser(weber)
    page = browser.get("/oauth/authorize", request_of(helper.client_id, **asks))
    form = {"shown": form_of(page, "/oauth/authorize/report")["shown"]}
    assert browser.post("/oauth/authorize/report", {**form, "why": "I did not start it"}).status_code == 200
    report = Report.objects.get()
    assert (report.agent, report.client, report.about) == (None, helper, "Note Helper")
    admin = builders.browser(mara)
    assert "reported what" in text_of(admin.get("/"))
    assert f"/unclaimed/{helper.software_key}/" in text_of(admin.get(report.get_absolute_url()))
    assert not Agent.objects.exists()


def test_its_page_names_the_program_and_when_it_was_used(helper, asks, weber):
    assert redeems(helper.client_id, allows(weber, helper.client_id, **asks)).status_code == 200
    agent = Agent.objects.get()
    page = text_of(builders.browser(weber).get(f"/agents/{agent.pk}/clients/"))
    assert helper.client_id in page
    assert LastUse.objects.filter(subject_id=agent.pk).exists()


def test_nobody_edits_what_a_program_says_of_itself(helper, ada, mara, see_appointments):
    notes = builders.agent("Notes", owner=ada, scopes=[see_appointments])
    adoption.adopt(helper.software_key, notes, reason="Ours.", by=actor(mara), now=timezone.now())
    helper.refresh_from_db()
    with pytest.raises(InvalidInput):
        clients.change(helper, name="Ours", by=actor(ada), now=timezone.now())


def test_an_auditor_has_none(helper, asks, omar):
    is_page(opens(omar, helper.client_id, **asks), "client_unclaimed")


@pytest.mark.parametrize("policy", ["administrators", "owners"])
def test_under_another_policy_nobody_makes_one(helper, asks, weber, policy):
    browser = builders.browser(weber)
    form = form_of(browser.get("/oauth/authorize", request_of(helper.client_id, **asks)))
    Organisation.objects.update(adoption=policy)
    is_page(opens(weber, helper.client_id, **asks), "client_unclaimed")
    is_page(browser.post(DECIDE, {**form, "decision": ["allow"]}), "client_unclaimed")
    assert not Agent.objects.exists()


def test_who_owns_agents_gets_no_more_of_their_own_personal_one(helper, asks, ada, mara, mallory, now):
    """It was activated by nobody: neither another client, nor a longer life, nor company makes more of it."""
    allows(ada, helper.client_id, **asks)
    agent = Agent.objects.get()
    for by in (ada, mara):
        with pytest.raises(InvalidInput, match="no other client"):
            builders.client(agent, by=by)
        for ends_at in (None, now + timedelta(days=400)):
            with pytest.raises(InvalidInput, match="lasts longer"):
                registry.edit(agent, ends_at=ends_at, by=actor(by), now=now)
        with pytest.raises(InvalidInput, match="belongs to nobody else"):
            registry.set_deputies(agent, deputies=[mallory], by=actor(by), now=now)
    assert registry.edit(agent, name="My notes", by=actor(ada), now=now).name == "My notes"
    assert agent.clients.count() == 0


def test_what_an_administrator_suspended_is_not_retired_to_be_made_anew(helper, asks, weber, ada, mara, now):
    for person in (weber, ada):
        allows(person, helper.client_id, **asks)
        agent = Agent.objects.get(personal_of=person)
        lifecycle.suspend(agent, reason="It reads too much.", by=actor(mara), now=now)
        with pytest.raises(Forbidden):
            lifecycle.retire(agent, reason="A new one, please.", by=actor(person), now=now)
        is_page(opens(person, helper.client_id, **asks), "client_not_usable")
        lifecycle.resume(agent, reason="All is well.", by=actor(mara), now=now)
        assert lifecycle.retire(agent, reason="Needed no more.", by=actor(person), now=now).state == "retired"
