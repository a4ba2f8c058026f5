"""Exchanging at once: one derived consent however many ask first, no use too many, and nothing outlives a revocation."""

from __future__ import annotations

import pytest
from django.utils import timezone

from agents.actors import Actor
from consent import mandate
from consent.conditions import Conditions
from consent.models import AccessToken, Consent
from consent.passing_on.limiting_passing import limit_passing
from consent.passing_on.passing import NOTHING
from tests.builders import events
from tests.exchanging import allow, asks_to_pass, first_token, passes
from tests.services.parallel import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.engine]
INACTIVE = {"active": False}
MANY = 50


def tokens_of(outcome):
    return [answer.json()["access_token"] for answer in outcome.returned if answer.status_code == 200]


def test_fifty_first_exchanges_make_one_derived_consent(planner, subject, passed_twice, records_api):
    outcome = at_once(MANY, lambda _: planner.exchange(subject, scope="records:read"))
    assert not outcome.raised
    tokens = tokens_of(outcome)
    assert len(set(tokens)) == MANY
    [share] = Consent.objects.filter(parent=passed_twice)
    assert len(events("consent.passed_on")) == 1
    assert {records_api.introspects(token)["consent"] for token in tokens} == {str(share.pk)}


def test_fifty_exchanges_of_different_scopes_fill_up_one_derived_consent(planner, subject, passed_twice):
    names = ["records:read", "letters:write"]
    outcome = at_once(MANY, lambda number: planner.exchange(subject, scope=names[number % 2]))
    assert not outcome.raised
    assert len(tokens_of(outcome)) == MANY
    [share] = Consent.objects.filter(parent=passed_twice)
    assert {scope.name for scope in share.scopes(timezone.now())} == set(names)
    assert sorted(event.scopes for event in events("consent.passed_on")) == sorted(names)


def test_of_fifty_no_more_come_through_than_the_person_gave_uses(
    discharge, weber, read_records, discharge_assistant, planner
):
    asks_to_pass(discharge_assistant, planner.agent)
    given = allow(discharge.client, weber, [read_records], passes(planner.agent), conditions=Conditions(uses=6))
    token = first_token(discharge, given)
    outcome = at_once(MANY, lambda _: planner.exchange(token))
    assert not outcome.raised
    assert len(tokens_of(outcome)) == 5
    assert {answer.json()["error"] for answer in outcome.returned if answer.status_code != 200} == {"access_denied"}
    given.refresh_from_db()
    assert given.uses_taken == 6
    assert AccessToken.objects.filter(consent__parent=given).count() == 5


@pytest.mark.parametrize("what", ["revoke", "pass nothing on", "revoke what was passed on"])
def test_nothing_that_was_exchanged_meanwhile_outlives_it(
    planner, reader, subject, passed_twice, weber, records_api, what
):
    first = planner.takes(subject, scope="records:read")
    share = Consent.objects.get(parent=passed_twice)
    by = {"reason": "Now.", "by": Actor.person(weber)}

    def act(number):
        if number == 7:
            if what == "revoke":
                return mandate.revoke(passed_twice.pk, now=timezone.now(), **by)
            if what == "pass nothing on":
                return limit_passing(passed_twice.pk, to=NOTHING, now=timezone.now(), **by)
            return mandate.revoke(share.pk, now=timezone.now(), **by)
        return planner.exchange(subject) if number % 2 else reader.exchange(first)

    outcome = at_once(MANY, act)
    assert not outcome.raised
    answers = [answer for answer in outcome.returned if hasattr(answer, "status_code")]
    assert {answer.status_code for answer in answers} <= {200, 400}
    below = [answer.json()["access_token"] for answer in answers if answer.status_code == 200]
    assert [token for token in [first, *below] if records_api.introspects(token) != INACTIVE] == []
    for again in (planner.exchange(subject), reader.exchange(first)):
        assert again.status_code == 400
