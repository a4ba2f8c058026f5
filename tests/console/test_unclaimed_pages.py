"""The pages about programs that registered themselves: look, adopt, refuse, ask, decide the policy."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import AdoptionAsk, AdoptionRule, Agent, Client, Organisation, RegistrationToken
from agents.programs import adoption_rules
from tests import builders
from tests.builders import actor, one_refusal
from tests.forms import form_of, text_of
from tests.programs import allows, host_on_this_machine, opens, registered, registers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("organisation")]


@pytest.fixture
def program(db):
    return registered()


@pytest.fixture
def notes(ada, mara, see_appointments):
    return builders.agent("Notes", owner=ada, scopes=[see_appointments])


def address(client, *parts):
    return f"/unclaimed/{client.software_key}/" + "".join(f"{part}/" for part in parts)


def test_the_list_shows_each_program_once_and_none_as_verified(program, mara):
    registered(redirect_uris=["http://127.0.0.1:5555/callback"])
    registered(client_name="St. Anna verified ✓", redirect_uris=["https://evil.example/cb"])
    page = text_of(builders.browser(mara).get("/unclaimed/"))
    assert page.count("Note Helper") == 1
    assert "evil.example" in page
    assert "chip ok" not in page
    assert "not verified" in text_of(builders.browser(mara).get(address(program)))


def test_the_list_costs_the_same_however_many(mara):
    browser = builders.browser(mara)
    for number in range(3):
        registered(client_name=f"Program {number}")
    browser.get("/unclaimed/")
    with CaptureQueriesContext(connection) as few:
        browser.get("/unclaimed/")
    for number in range(3, 20):
        registered(client_name=f"Program {number}")
    with CaptureQueriesContext(connection) as many:
        browser.get("/unclaimed/")
    assert len(many) == len(few)


@pytest.mark.parametrize("way", [("adopt",), ("adopt", "new")])
def test_what_is_adopted_is_what_was_looked_at(weber, notes, mara, look_up_staff, directory, settings, way):
    """A document can say another thing between the page and the button."""
    settings.LOCAL_CALLS = True
    asks = {"resource": directory.uri, "scope": "staff:read"}
    with host_on_this_machine() as host:
        client_id = host.serves()
        opens(weber, client_id, **asks)
        program = Client.objects.get()
        browser, page = builders.browser(mara), address(program, *way)
        shown = form_of(browser.get(page), page)
        said = {"agent": notes.pk} if way == ("adopt",) else {"purpose": "Take notes"}
        Client.objects.update(cimd_expires_at=timezone.now())
        host.serves(redirect_uris=["https://elsewhere.example/cb"])
        opens(weber, client_id, redirect_uri="https://elsewhere.example/cb", **asks)
        with one_refusal("page.refused", "facts_changed"):
            again = browser.post(page, {**shown, **said, "reason": "It returns to my own machine."})
        assert "elsewhere.example" in text_of(again)
        assert Client.objects.get().is_unclaimed
        assert browser.post(page, {**form_of(again, page), **said, "reason": "All right."}).status_code == 302
        assert not Client.objects.get().is_unclaimed


def test_adopting_by_the_page(program, notes, mara):
    browser = builders.browser(mara)
    form = form_of(browser.get(address(program, "adopt")), address(program, "adopt"))
    answer = browser.post(address(program, "adopt"), {**form, "agent": notes.pk, "reason": "Asked for by the ward."})
    assert answer.headers["Location"] == f"/agents/{notes.pk}/clients/"
    assert Client.objects.get(pk=program.pk).agent == notes
    assert browser.get(address(program)).status_code == 404


def test_a_new_agent_by_the_page(program, mara):
    browser = builders.browser(mara)
    form = form_of(browser.get(address(program, "adopt", "new")), address(program, "adopt", "new"))
    assert form["name"] == ["Note Helper"]
    answer = browser.post(address(program, "adopt", "new"), {**form, "purpose": "Take notes", "reason": "Asked for."})
    agent = Agent.objects.get()
    assert answer.headers["Location"] == f"/agents/{agent.pk}/scopes/"
    assert Client.objects.get(pk=program.pk).agent == agent


def test_refusing_by_the_page(program, mara, ada):
    browser = builders.browser(mara)
    assert "Personal agents" in text_of(browser.get(address(program, "refuse")))
    assert browser.post(address(program, "refuse"), {"reason": ""}).status_code == 200
    browser.post(address(program, "refuse"), {"reason": "Nobody knows it."})
    assert Client.objects.get(pk=program.pk).ended_at is not None
    other = registered(client_name="Another")
    with one_refusal("page.refused", "forbidden"):
        assert builders.browser(ada).post(address(other, "refuse"), {"reason": "x"}).status_code == 403


def test_a_person_asks_from_the_page_that_they_meet_and_it_waits_for_administrators(
    program, weber, mara, records, read_records
):
    browser = builders.browser(weber)
    page = opens(weber, program.client_id, resource=records.uri, scope="records:read")
    assert "Read patient files of ward 3B" in text_of(page)
    form = form_of(page, "/oauth/authorize/ask")
    assert browser.post("/oauth/authorize/ask", {**form, "why": "For the ward round"}).status_code == 200
    assert AdoptionAsk.objects.get().user == weber
    overview = text_of(builders.browser(mara).get("/"))
    assert "asks for the program" in overview
    seen = text_of(builders.browser(mara).get(address(program)))
    assert "For the ward round" in seen
    assert "records:read" in seen
    assert browser.post("/oauth/authorize/ask", form).status_code == 409


def test_asking_is_for_whoever_met_the_page(program, weber, ada, records, read_records):
    page = opens(weber, program.client_id, resource=records.uri, scope="records:read")
    form = form_of(page, "/oauth/authorize/ask")
    assert builders.browser().post("/oauth/authorize/ask", form).status_code == 302
    with one_refusal("consent.form_refused", "form_tampered"):
        assert builders.browser(ada).post("/oauth/authorize/ask", form).status_code == 409
    assert builders.browser(weber).post("/oauth/authorize/ask", {"asked": "x"}).status_code == 409
    assert builders.browser(weber).get("/oauth/authorize/ask").status_code == 405
    assert not AdoptionAsk.objects.exists()


def test_an_owner_is_led_to_where_they_can_adopt(program, mallory, records, read_records):
    Organisation.objects.update(adoption="owners")
    page = text_of(opens(mallory, program.client_id, resource=records.uri, scope="records:read"))
    assert address(program) in page
    Organisation.objects.update(adoption="administrators")
    assert address(program) not in text_of(opens(mallory, program.client_id, resource=records.uri))


def test_the_policy_is_decided_on_its_page(mara, ada):
    browser = builders.browser(mara)
    form = form_of(browser.get("/settings/registration/"), "/settings/registration/")
    assert (form["registration"], form["adoption"]) == (["open"], ["everybody"])
    browser.post("/settings/registration/", {"registration": "off", "adoption": "owners"})
    row = Organisation.objects.get()
    assert (row.registration, row.adoption, row.client_documents) == ("off", "owners", False)
    assert registers().status_code == 404
    assert browser.post("/settings/registration/", {"registration": "maybe", "adoption": "x"}).status_code == 200
    with one_refusal("page.refused", "forbidden"):
        assert builders.browser(ada).get("/settings/registration/").status_code == 403


def test_a_token_is_shown_once(mara):
    browser = builders.browser(mara)
    form = form_of(browser.get("/settings/registration/token/"), "/settings/registration/token/")
    answer = browser.post("/settings/registration/token/", {**form, "name": "Fleet"})
    value = text_of(answer).split('<code id="token" tabindex="0">')[1].split("<")[0]
    assert registers(token=value).status_code == 201
    assert "no-store" in answer["Cache-Control"]
    assert value not in text_of(browser.post("/settings/registration/token/", {**form, "name": "Fleet"}, follow=True))
    token = RegistrationToken.objects.get()
    assert value not in token.digest
    browser.post(f"/settings/registration/token/{token.pk}/revoke/", {"reason": "Lost."})
    assert registers(token=value).status_code == 401


def test_a_rule_shows_first_what_it_would_adopt(mara, notes):
    browser = builders.browser(mara)
    issued = adoption_rules.issue_token(name="Fleet", ends_at=None, by=actor(mara), now=timezone.now())
    registers(token=issued.value)
    sent = {"match": "token", "token": issued.token.pk, "agent": notes.pk, "reason": "Ours.", "host": ""}
    preview = browser.post("/settings/registration/rule/", sent)
    assert "1 program that waits now is adopted" in text_of(preview)
    assert not AdoptionRule.objects.exists()
    browser.post("/settings/registration/rule/", {**form_of(preview, "/settings/registration/rule/"), **sent})
    rule = AdoptionRule.objects.get()
    assert Client.objects.get().agent == notes
    browser.post(f"/settings/registration/rule/{rule.pk}/end/", {"reason": "Over."})
    assert not AdoptionRule.objects.live().exists()


def test_a_personal_agent_is_nobody_elses_on_any_page(program, weber, mallory, mara, records, see_appointments):
    allows(weber, program.client_id, resource=records.uri)
    agent = Agent.objects.get()
    assert builders.browser(weber).get(f"/agents/{agent.pk}/").status_code == 200
    assert builders.browser(mara).get(f"/agents/{agent.pk}/").status_code == 200
    assert builders.browser(mallory).get(f"/agents/{agent.pk}/").status_code == 404
    assert "Note Helper" in text_of(builders.browser(weber).get("/my-agents/"))
