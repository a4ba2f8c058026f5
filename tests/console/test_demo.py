"""``make demo``: one believable organisation, made by the functions that do it in earnest (issue 3 §1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import TestCase
from django.utils import timezone

from agents.models import Agent, Client, Event, Resource, Role, Scope, State, User
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from consent.models import AccessRequest, Consent, ConsentScope, PendingConsent, Silence
from consent.oauth.signing_keys import forget_keys
from consent.passing_on.passed_on import passed_on_from
from console.demo.story import fill
from console.demo.timeline import Timeline
from console.demo.world import World
from console.management.commands.demo import write_variables

NOW = timezone.now()


@pytest.fixture(scope="module")
def st_anna(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[World]:
    """The organisation, made once for this file and taken back at its end."""
    with django_db_blocker.unblock():
        atomics = TestCase._enter_atomics()  # as Django holds the data of a test class
        try:
            yield fill(now=NOW)
        finally:
            TestCase._rollback_atomics(atomics)
            forget_keys()


def test_there_are_twelve_agents_in_every_state(st_anna):
    states = Counter(Agent.objects.values_list("state", flat=True))
    assert sum(states.values()) == 12
    assert set(states) == set(State.values)


def test_a_consent_holds_transfers_as_they_were_allowed(st_anna):
    (row,) = [held for held in ConsentScope.objects.held(NOW) if held.details]
    assert row.scope.name == "payments:send"
    assert [each["value"]["amount"] for each in row.details] == [4800, 950.5]
    assert "Nordmed Supplies" in row.details_in_words[0]


def test_three_resources_offer_sixteen_scopes_of_every_sensitivity(st_anna):
    assert Resource.objects.count() == 3
    scopes = list(Scope.objects.all())
    assert len(scopes) == 16
    assert {scope.data_class for scope in scopes} == {"none", "personal", "health", "financial"}
    assert {scope.access for scope in scopes} == {"read", "write", "delete"}


def test_there_are_people_in_each_role(st_anna):
    assert set(User.objects.values_list("role", flat=True)) == set(Role.values)
    assert len(User.objects.administrators()) == 2


def test_everybody_has_a_password_of_their_own(st_anna):
    assert all(st_anna.people[key].check_password(password) for key, password in st_anna.passwords.items())
    assert len(set(st_anna.passwords.values())) == len(st_anna.passwords)


def test_forty_consents_have_met_every_fate(st_anna):
    consents = list(Consent.objects.filter(parent=None))
    assert len(consents) == 41  # one of them on the word of a trusted issuer
    assert {consent.status(NOW) for consent in consents} == {"live", "paused", "revoked", "superseded", "ended"}
    assert {consent.user_id is None for consent in consents} == {True, False}
    changes = {Kind.CONSENT_NARROWED, Kind.CONSENT_SHORTENED, Kind.CONSENT_REVOKED, Kind.CONSENT_ENDED}
    assert changes <= set(Event.objects.values_list("kind", flat=True))


def test_words_that_changed_pause_the_doctors_consent_and_an_administrators_word_is_waited_for(st_anna):
    (paused,) = Consent.objects.drifted(NOW)
    assert (paused.user, paused.agent.name) == (st_anna.people["weber"], "Ward Round Notes")
    assert [change["what"] for change in paused.paused_because] == ["wording"]
    (waiting,) = PendingConsent.objects.waiting(NOW)
    assert waiting.decided_by == st_anna.people["elif"]
    assert waiting.may_be_agreed_to_by(st_anna.people["mara"])
    (changed,) = Event.objects.filter(kind=Kind.RULE_CHANGED)
    assert changed.detail["after"] == {"approver_role": "administrator"}


def test_two_questions_wait_for_the_doctor_and_one_ran_out(st_anna):
    asked = AccessRequest.objects.visible_to(st_anna.people["weber"])
    assert [request.kind for request in asked.waiting(NOW)] == ["ciba", "step_up"]
    assert {request.status(NOW) for request in asked} == {"waiting", "refused", "over"}
    assert Silence.objects.live().count() == 1


def test_what_people_saw_is_kept_with_each_consent(st_anna):
    consents = Consent.objects.filter(parent=None)
    assert all(consent.shown["resources"] and consent.shown["until"] for consent in consents)


def test_work_is_passed_on_from_agent_to_agent_under_what_the_doctor_allowed(st_anna):
    letters = st_anna.consents["letters-weber"]
    first, second = passed_on_from([letters], NOW)[letters.pk]
    assert [(row.step, row.by.name, row.consent.agent.name, row.status) for row in (first, second)] == [
        (1, "Discharge Assistant", "Ward Round Notes", "live"),
        (2, "Ward Round Notes", "Appointment Helper", "live"),
    ]
    for share in (first.consent, second.consent):
        assert (share.user, share.purpose) == (st_anna.people["weber"], letters.purpose)
        kinds = set(Event.objects.filter(consent_id=share.pk).values_list("kind", flat=True))
        assert {Kind.CONSENT_PASSED_ON, Kind.TOKEN_ISSUED} <= kinds
    assert Event.objects.filter(consent_id=first.consent.pk, kind=Kind.RECEIPT_REPORTED).exists()
    assert not Agent.objects.exclude(changed_since=None).exists()


def test_programs_registered_themselves_over_the_two_weeks_and_unused_ones_were_forgotten(st_anna):
    events = Event.objects.filter(kind=Kind.CLIENT_REGISTERED)
    assert len({event.at.date() for event in events}) == 8
    assert events.earliest("at").at < NOW - timedelta(days=12)
    times = dict(events.values_list("client_id", "at"))
    waiting = Client.objects.unclaimed()
    assert {client.name for client in waiting} == {"Note Helper", "Ward Planner"}
    assert all(client.created == times[client.pk] for client in waiting)
    forgotten = Event.objects.filter(kind=Kind.CLIENT_SWEPT).values_list("client_id", flat=True)
    assert set(forgotten) == set(times) - {client.pk for client in waiting}


def test_tokens_and_refusals_fill_two_weeks_up_to_now(st_anna):
    days = [NOW - timedelta(days=number) for number in range(14)]
    for day in days:
        that_day = Event.objects.filter(at__gt=day - timedelta(days=1), at__lte=day)
        assert that_day.filter(kind=Kind.TOKEN_ISSUED).count() > 20, day
    refused = set(Event.objects.filter(outcome=Outcome.REFUSED).values_list("kind", flat=True))
    assert len(refused) >= 8
    assert Event.objects.filter(kind=Kind.TOKEN_ISSUED, at__gt=NOW - timedelta(hours=2)).exists()


def test_nothing_lies_in_the_future(st_anna):
    assert not Event.objects.filter(at__gt=NOW).exists()


def test_every_issued_token_leads_back_to_the_human_who_allowed_it(st_anna):
    consents = {consent.pk: consent for consent in Consent.objects.select_related("approved_by")}
    issued = Event.objects.filter(kind=Kind.TOKEN_ISSUED)
    assert issued
    for event in issued:
        consent = consents[event.consent_id]
        assert consent.starts_at <= event.at < consent.ends_at + timedelta(seconds=1)
        assert (event.agent_id, event.user_id) == (consent.agent_id, consent.user_id)


def test_the_trail_is_in_the_order_of_its_times(st_anna):
    times = list(Event.objects.order_by("pk").values_list("at", flat=True))
    latest = times[0]
    for at in times:
        assert at > latest - timedelta(minutes=10)
        latest = max(latest, at)


def test_the_variables_of_the_example_are_for_their_owner_alone(st_anna, tmp_path):
    path = write_variables(st_anna, tmp_path / "demo")
    assert path.stat().st_mode & 0o777 == 0o600
    assert f"RECORDS_IDENTIFIER={st_anna.resources['records'].identifier}\n" in path.read_text()


def test_a_mandate_in_use_is_left_alone(organisation, mara):
    with pytest.raises(CommandError, match=r"(?s)St. Anna.*DATA_DIR=var-demo"):
        call_command("demo")
    assert User.objects.count() == 1


def test_nobody_writes_to_people_who_do_not_exist(db, settings):
    settings.MAIL_IS_SENT = True
    with pytest.raises(CommandError, match="EMAIL_URL"):
        call_command("demo")


def test_steps_run_in_the_order_of_their_times_and_not_after_the_end():
    ran: list[int] = []
    line = Timeline(NOW)
    for minutes in (3, 1, 2, -1):
        line.at(NOW - timedelta(minutes=minutes), lambda at, minutes=minutes: ran.append(minutes))
    assert line.run() == 3
    assert ran == [3, 2, 1]
