"""Passing work on, as people meet it: a sentence to untick on the screen, kept with the consent, taken back later."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from agents import lifecycle, passing
from agents.actors import Actor
from agents.encryption import decrypt
from agents.errors import Ended, Forbidden, InvalidInput
from agents.models import OutgoingMail, Recipient
from consent.approval import Approval
from consent.evidence import evidence_of
from consent.models import Consent, PendingConsent
from consent.pending import approval_of as kept_approval
from consent.pending import as_kept
from consent.requests import person_to_ask
from tests import builders, grants
from tests.builders import browser, events
from tests.consent.asking import answer_of, decides, opens
from tests.exchanging import asks_to_pass, passes
from tests.forms import form_of

pytestmark = pytest.mark.django_db
HARMLESS = "staff:read"
SENSITIVE = "records:read"


@pytest.fixture
def asks(discharge_assistant, planner_agent, reader_agent):
    """The assistant asks to pass work on to both, twice."""
    asks_to_pass(discharge_assistant, planner_agent, reader_agent, deep=2)


def allowed(weber, client, scope=HARMLESS, **form):
    """Weber opens the screen, and allows what is ticked. Returns the page and the consent."""
    person = browser(weber)
    page = opens(person, client, scope=scope)
    decides(person, form_of(page), **form)
    return page, Consent.objects.filter(user=weber).order_by("-starts_at", "-pk").first()


# ---------------------------------------------------------------------------------------------------- the screen


def test_the_screen_says_to_whom_and_how_far(asks, weber, discharge_client):
    page, given = allowed(weber, discharge_client)
    text = page.content.decode()
    assert "It may pass this work on to" in text
    assert "Bed Planner" in text
    assert "They may pass it on once more, among these." in text
    assert {str(key) for key in given.passes.to} == set(given.passing["to"])
    assert given.passes.deep == 2
    assert given.shown["passes_on"] is True
    assert [other["name"] for other in given.shown["passes"]["to"]] == ["Bed Planner", "Lab Reader"]


def test_a_person_unticks_it(asks, weber, discharge_client):
    _, given = allowed(weber, discharge_client, passes=None)
    assert not given.passes
    assert given.shown["passes_on"] is False


def test_beside_something_sensitive_it_starts_unticked(asks, weber, discharge_client):
    page = opens(browser(weber), discharge_client, scope=SENSITIVE)
    assert "passes" not in form_of(page)
    assert "Off unless you tick it." in page.content.decode()


def test_an_agent_that_does_not_ask_for_it_shows_nothing_of_it(weber, discharge_client):
    page, given = allowed(weber, discharge_client)
    assert "pass this work on" not in page.content.decode()
    assert given.passing is None
    assert "passes" not in given.shown


def test_a_form_that_says_yes_to_what_was_not_asked_is_refused(weber, discharge_client):
    person = browser(weber)
    page = opens(person, discharge_client, scope=HARMLESS)
    assert decides(person, form_of(page), passes=["on"]).status_code == 400
    assert not Consent.objects.exists()


def test_what_the_owner_changes_meanwhile_is_shown_again(
    asks, weber, discharge_client, discharge_assistant, reader_agent
):
    person = browser(weber)
    page = opens(person, discharge_client, scope=HARMLESS)
    asks_to_pass(discharge_assistant, reader_agent, deep=2)
    assert decides(person, form_of(page)).status_code == 409
    assert not Consent.objects.exists()


def test_a_further_agent_needs_the_screen_again(
    weber, discharge_client, discharge_assistant, planner_agent, reader_agent
):
    asks_to_pass(discharge_assistant, planner_agent)
    allowed(weber, discharge_client)
    person = browser(weber)
    assert "code" in answer_of(opens(person, discharge_client, scope=HARMLESS))
    asks_to_pass(discharge_assistant, planner_agent, reader_agent)
    page = opens(person, discharge_client, scope=HARMLESS)
    assert page.status_code == 200
    assert "passes" not in form_of(page), "what is not held yet starts unticked"


def test_the_event_and_the_evidence_tell_of_it(asks, weber, discharge_client, planner_agent, reader_agent):
    _, given = allowed(weber, discharge_client)
    [event] = events("consent.approved")
    assert set(event.detail["passes_to"]) == {str(planner_agent.pk), str(reader_agent.pk)}
    assert event.detail["passes_deep"] == 2
    kept = evidence_of(Consent.objects.with_scopes().get(pk=given.pk), now=timezone.now())
    assert kept["consent"]["passes"]["deep"] == 2
    assert kept["trail"]["words"] == "confirmed"


def test_a_decision_that_waits_for_an_approver_keeps_it(discharge_client, weber, read_records, planner_agent):
    approval = Approval(
        client=discharge_client,
        user=weber,
        scopes={read_records: read_records.wording},
        purpose="x",
        ends_at=timezone.now(),
        passing=passes(planner_agent),
    )

    waiting = PendingConsent(
        agent=discharge_client.agent, client=discharge_client, user=weber, purpose="x", approval=as_kept(approval)
    )
    assert kept_approval(waiting).passing == passes(planner_agent)


# ---------------------------------------------------------------------------------------------- taking it back


@pytest.fixture
def passed(planner, reader, subject):
    """Work that went on to the planner, and from there to the reader."""
    return reader.takes(planner.takes(subject, scope="records:read"))


def test_my_agents_shows_what_was_passed_on_under_the_consent_it_came_from(passed, weber, passed_twice):
    text = browser(weber).get(reverse("my-agents")).content.decode()
    assert text.count('class="card" id="consent-') == 1
    assert "Who took work over" in text
    assert "Bed Planner" in text
    assert "Lab Reader" in text
    assert reverse("consent-passing", args=[passed_twice.pk]) in text


def test_before_it_is_revoked_the_page_counts_who_stops_too(passed, weber, passed_twice):
    text = browser(weber).get(reverse("consent-revoke", args=[passed_twice.pk])).content.decode()
    assert "<dt>Agents below it</dt><dd>2" in text
    assert "<dt>Live tokens</dt><dd>3" in text


def test_a_person_takes_an_agent_off_the_list(passed, weber, passed_twice, planner_agent, reader_agent, records_api):
    person = browser(weber)
    address = reverse("consent-passing", args=[passed_twice.pk])
    page = person.get(address)
    assert page.status_code == 200
    less = {"to": [str(reader_agent.pk)], "deep": "1", "reason": "Not any more."}
    assert "That counts within 5 minutes" in person.post(address, less, follow=True).content.decode()
    passed_twice.refresh_from_db()
    assert passed_twice.passes == passes(reader_agent)
    assert records_api.introspects(passed) == {"active": False}
    [event] = events("consent.passing_limited")
    assert event.detail["after"] == {"to": [str(reader_agent.pk)], "deep": 1}
    assert len(events("consent.revoked")) == 2


def test_nothing_can_be_added(weber, passed_twice, reader_agent, planner_agent, discharge_assistant):
    person = browser(weber)
    address = reverse("consent-passing", args=[passed_twice.pk])
    both = [str(planner_agent.pk), str(reader_agent.pk)]
    for form in ({"to": both, "deep": "2"}, {"to": [*both, str(discharge_assistant.pk)], "deep": "2"}):
        assert person.post(address, form).status_code == 400
    passed_twice.refresh_from_db()
    assert passed_twice.passes.deep == 2
    # What no form of ours sends allows nothing: it never becomes more.
    assert person.post(address, {"to": both, "deep": "9"}).status_code == 302
    passed_twice.refresh_from_db()
    assert not passed_twice.passes


def test_a_stranger_limits_nothing(mallory, omar, passed_twice):
    address = reverse("consent-passing", args=[passed_twice.pk])
    assert browser(mallory).post(address, {}).status_code == 404
    assert browser(omar).post(address, {}).status_code == 403


def test_the_record_of_a_consent_draws_who_took_it_over(passed, weber, mara, reader_agent):
    share = Consent.objects.get(agent=reader_agent)
    text = browser(mara).get(reverse("consent", args=[share.pk])).content.decode()
    assert text.count("Passed on to") == 2
    assert "took it over from Bed Planner" in text
    assert browser(weber).get(reverse("my-consent", args=[share.pk])).status_code == 200


def test_an_event_draws_the_whole_chain(passed, mara):
    token = events("token.issued")[-1]
    text = browser(mara).get(token.get_absolute_url()).content.decode()
    assert text.count("Passed on to") == 2
    passed_on = events("consent.passed_on")[-1]
    assert "<strong>" in browser(mara).get(passed_on.get_absolute_url()).content.decode()


def test_the_page_of_the_agent_draws_the_ways_that_work_takes(
    passed, mara, planner_agent, django_assert_max_num_queries
):
    person = browser(mara)
    text = person.get(reverse("agent", args=[planner_agent.pk])).content.decode()
    assert text.count('<ol class="way">') == 1
    way = text.split('<ol class="way">')[1].split("</ol>")[0]
    assert [name in way for name in ("1 person", "Discharge Assistant", "Bed Planner", "Lab Reader")] == [True] * 4


def test_my_agents_takes_as_many_queries_however_much_was_passed_on(
    weber, planner, reader, subject, django_assert_num_queries, discharge_client, read_records
):
    person = browser(weber)
    planner.takes(subject, scope="records:read")
    person.get(reverse("my-agents"))
    with CaptureQueriesContext(connection) as before:
        person.get(reverse("my-agents"))
    reader.takes(planner.takes(subject, scope="records:read"))
    reader.takes(subject, scope="records:read")
    with CaptureQueriesContext(connection) as after:
        person.get(reverse("my-agents"))
    assert len(after) == len(before)


# ----------------------------------------------------------------------------------------------- the registration


def test_an_owner_says_to_whom_their_agent_asks_to_pass_work_on(ada, discharge_assistant, planner_agent):
    person = browser(ada)
    address = reverse("agent-passing", args=[discharge_assistant.pk])
    assert "Bed Planner" in person.get(address).content.decode()
    assert person.post(address, {"to": [str(planner_agent.pk)], "deep": "1"}).status_code == 302
    assert [row.recipient for row in Recipient.objects.live().filter(agent=discharge_assistant)] == [planner_agent]
    [event] = events("agent.passing_changed")
    assert event.detail == {"added": [str(planner_agent.pk)], "removed": [], "deep": 1}
    assert person.post(address, {"to": [str(planner_agent.pk)], "deep": "1"}).status_code == 302
    assert len(events("agent.passing_changed")) == 1, "a change to what holds already is none"


def test_whose_agents_there_are_is_told_to_nobody(mallory, ada, discharge_assistant):
    hers = builders.agent("Hers", owner=mallory)
    assert "Discharge Assistant" not in browser(mallory).get(reverse("agent-passing", args=[hers.pk])).content.decode()
    with pytest.raises(InvalidInput):
        passing.set_recipients(hers, to=[discharge_assistant], deep=1, by=Actor.person(mallory), now=timezone.now())
    with pytest.raises(Forbidden):
        passing.set_recipients(discharge_assistant, to=[hers], deep=1, by=Actor.person(mallory), now=timezone.now())


def test_what_an_agent_may_not_be_registered_to_pass_on(mara, ada, discharge_assistant, planner_agent, claims_filer):
    by = {"by": Actor.person(mara), "now": timezone.now()}
    for to, deep in (([discharge_assistant], 1), ([claims_filer], 1), ([planner_agent], 0), ([planner_agent], 4)):
        with pytest.raises(InvalidInput):
            passing.set_recipients(discharge_assistant, to=to, deep=deep, **by)
    with pytest.raises(InvalidInput):
        passing.set_recipients(claims_filer, to=[planner_agent], deep=1, **by)
    lifecycle.retire(planner_agent, reason="Done.", **by)
    with pytest.raises(Ended):
        passing.set_recipients(planner_agent, to=[discharge_assistant], deep=1, **by)


def test_a_derived_consent_lets_no_agent_ask_the_person(passed, planner_agent, weber):
    assert person_to_ask(str(weber.pk), planner_agent) is None


def test_stopping_all_stops_what_was_passed_on(passed, weber, records_api):
    person = browser(weber)
    assert person.post(reverse("my-agents-stop-all"), {"reason": ""}).status_code == 302
    assert records_api.introspects(passed) == {"active": False}
    assert len(events("consent.revoked")) == 1


def test_what_a_person_agreed_to_pass_on_survives_narrowing(passed, passed_twice, weber, read_records, records_api):
    grants.keeps(passed_twice, read_records, by=weber)
    assert records_api.introspects(passed)["scope"] == "records:read"


def test_the_mail_after_it_says_to_whom_work_may_go(asks, weber, discharge_client, settings):

    settings.MAIL_IS_SENT = True
    allowed(weber, discharge_client)
    assert "May pass work on to Bed Planner, Lab Reader." in decrypt(OutgoingMail.objects.get().sealed)


def test_the_connect_page_of_an_agent_that_only_takes_work_over(ada, planner, discharge_assistant):
    address = reverse("agent-connect", args=[planner.agent.pk])
    before = browser(ada).get(address).content.decode()
    assert "No other agent asks people yet" in before
    assert "where people return to" not in before
    asks_to_pass(discharge_assistant, planner.agent)
    assert "No other agent asks people yet" not in browser(ada).get(address).content.decode()
