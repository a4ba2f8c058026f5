"""Fifty at once: one answer, one use, one owner of a typed code, and limits that hold. On both engines."""

from __future__ import annotations

import pytest
import requests

from consent import user_codes
from consent.errors import RequestClosed, UserCodesStopped, UserCodeUnknown
from consent.models import AccessRequest, AccessToken, Consent
from tests import builders
from tests.forms import form_of
from tests.out_of_band import (
    CIBA,
    asked_id,
    asks,
    decides,
    polls,
    polls_device,
    request_of,
    starts,
    types_code,
)
from tests.services.parallel import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.engine]
MANY = 50


def the_one_winner(answers):
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1, [(answer.status_code, answer.content) for answer in answers]
    assert {answer.json()["error"] for answer in answers if answer.status_code != 200} == {"invalid_grant"}
    assert AccessToken.objects.count() == 1


def test_of_fifty_polls_for_one_answer_exactly_one_gets_the_tokens(robot, weber):
    secret = asked_id(robot, weber)
    decides(weber, request_of(secret))
    outcome = at_once(MANY, lambda _: polls(robot, secret))
    assert not outcome.raised
    the_one_winner(outcome.returned)


def test_of_fifty_polls_for_one_device_exactly_one_gets_the_tokens(display, weber):
    body = starts(display).json()
    types_code(weber, body["user_code"])
    decides(weber, request_of(body["device_code"]))
    outcome = at_once(MANY, lambda _: polls_device(display, body["device_code"]))
    assert not outcome.raised
    the_one_winner(outcome.returned)


def test_of_fifty_polls_at_once_one_is_in_time(robot, weber):
    secret = asked_id(robot, weber)
    outcome = at_once(20, lambda _: polls(robot, secret))
    assert not outcome.raised
    errors = [answer.json()["error"] for answer in outcome.returned]
    assert errors.count("authorization_pending") <= 1
    assert set(errors) <= {"authorization_pending", "slow_down"}


def test_of_many_answers_over_many_windows_one_counts(robot, weber):
    request = request_of(asked_id(robot, weber))
    address = request.get_absolute_url()
    windows = []
    for number in range(10):
        browser = builders.browser(weber)
        form = form_of(browser.get(address), address)
        windows.append((browser, {**form, "decision": ["allow" if number % 2 else "refuse"]}))
    outcome = at_once(len(windows), lambda number: windows[number][0].post(address, windows[number][1]))
    assert not outcome.raised
    assert [answer.status_code for answer in outcome.returned].count(302) == 1
    assert {answer.status_code for answer in outcome.returned} == {302, 409}
    request.refresh_from_db()
    assert Consent.objects.count() == (request.decision == "allowed")


def test_of_fifty_questions_at_once_no_more_than_the_policy_allows_get_through(robot, weber):
    outcome = at_once(20, lambda number: asks(robot, weber, purpose=f"Number {number}"))
    assert not outcome.raised
    assert [answer.status_code for answer in outcome.returned].count(200) == 3
    assert AccessRequest.objects.count() == 3


def test_of_many_who_type_one_code_one_has_it(display, weber, ada):
    body = starts(display).json()
    typing = [builders.person(f"Doctor {number}") for number in range(8)]

    def types(number):
        return user_codes.enter(body["user_code"], by=builders.actor(typing[number]), now=builders.timezone.now())

    outcome = at_once(len(typing), types)
    assert len(outcome.returned) == 1
    assert outcome.raised_only(UserCodeUnknown)
    assert request_of(body["device_code"]).user in typing


def test_many_wrong_codes_at_once_are_each_counted(display, weber):
    def types(_number):
        return user_codes.enter("BCDF-GHJK", by=builders.actor(weber), now=builders.timezone.now())

    outcome = at_once(30, types)
    assert not outcome.returned
    assert outcome.raised_only(UserCodeUnknown, UserCodesStopped)
    assert sum(isinstance(error, UserCodeUnknown) for error in outcome.raised) == 10


def test_answering_what_was_answered_is_told(robot, weber):
    from consent.request_answers import locked_for_answer

    request = request_of(asked_id(robot, weber))
    decides(weber, request, "refuse")
    from django.db import transaction

    with pytest.raises(RequestClosed), transaction.atomic():
        locked_for_answer(request.pk, by=builders.actor(weber), now=builders.timezone.now())


def test_once_is_once_over_two_web_processes(running_mandate, robot, weber):
    secret = asked_id(robot, weber)
    decides(weber, request_of(secret))

    def ask(_number):
        return requests.post(
            f"{running_mandate.url}/oauth/token",
            data={"grant_type": CIBA, "auth_req_id": secret},
            auth=(robot.client.client_id, robot.key),
            timeout=60,
        )

    outcome = at_once(MANY, ask)
    assert not outcome.raised
    the_one_winner(outcome.returned)
    assert "Traceback" not in running_mandate.log()
