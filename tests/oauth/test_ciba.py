"""Asking out of band (CIBA Core 1.0): the request, polling, and what comes of each answer."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client as Browser
from django.utils import timezone

from agents import people
from agents.models import AuthMethod, Event, OutgoingMail
from consent import mandate, requests
from consent.models import AccessRequest, AccessToken, Consent
from tests import builders
from tests.builders import one_refusal
from tests.grants import post
from tests.oauth.test_query_counts import statements
from tests.out_of_band import (
    ASK,
    asked_id,
    asking_client,
    asks,
    decides,
    polls,
    request_of,
)
from tests.security.expected import is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def test_an_agent_asks_and_gets_what_the_person_allowed(robot, weber, records_api, discharge_assistant):
    answer = asks(robot, weber, binding_message="Room 12")
    body = answer.json()
    assert answer.status_code == 200
    assert set(body) == {"auth_req_id", "expires_in", "interval"}
    assert (body["expires_in"], body["interval"]) == (900, 5)
    assert answer["Cache-Control"] == "no-store"
    request = request_of(body["auth_req_id"])
    assert polls(robot, body["auth_req_id"]).json()["error"] == "authorization_pending"

    assert decides(weber, request).status_code == 302
    token = polls(robot, body["auth_req_id"]).json()
    assert token["scope"] == "openid calendar:read"
    assert token["refresh_token"]
    seen = records_api.introspects(token["access_token"])
    assert (seen["sub"], seen["act"]["sub"]) == (str(weber.pk), str(discharge_assistant.pk))
    assert seen["purpose"] == "Plan the ward round"
    assert robot.refresh(token["refresh_token"]).status_code == 200


def test_the_consent_says_how_it_was_asked_for(robot, weber):
    secret = asked_id(robot, weber, binding_message="Room 12")
    decides(weber, request_of(secret))
    consent = Consent.objects.get()
    assert consent.origin == "request"
    assert consent.shown["asked"]["binding_message"] == "Room 12"
    assert consent.shown["asked"]["way"] == "ciba"
    assert consent.access_request.digest != secret
    assert Event.objects.get(kind="consent.approved").detail["origin"] == "request"


def test_nothing_that_can_be_presented_is_kept(robot, weber):
    secret = asked_id(robot, weber)
    kept = str(list(AccessRequest.objects.values())) + str(list(Event.objects.values()))
    assert secret not in kept


def test_an_answer_counts_once_and_its_use_too(robot, weber):
    secret = asked_id(robot, weber)
    decides(weber, request_of(secret))
    assert polls(robot, secret).status_code == 200
    with one_refusal("token.refused", "invalid_grant"):
        assert is_oauth_error(polls(robot, secret), "invalid_grant")
    assert AccessToken.objects.count() == 1


def test_a_no_is_told_and_final(robot, weber):
    secret = asked_id(robot, weber)
    assert decides(weber, request_of(secret), "refuse").status_code == 302
    assert is_oauth_error(polls(robot, secret), "access_denied")
    assert builders.browser(weber).get(request_of(secret).get_absolute_url()).status_code == 200
    assert is_oauth_error(polls(robot, secret), "access_denied")
    assert not Consent.objects.exists()
    assert [event.kind for event in builders.events("consent.refused")] == ["consent.refused"]


def test_nobody_answers_in_time(robot, weber):
    secret = asked_id(robot, weber, requested_expiry="60")
    with time_machine.travel(timezone.now() + timedelta(seconds=61), tick=False):
        assert is_oauth_error(polls(robot, secret), "expired_token")
        page = builders.browser(weber).get(request_of(secret).get_absolute_url())
        assert "no longer waits" in page.content.decode()
        assert requests.close_over(now=timezone.now()) == 1
        assert requests.close_over(now=timezone.now()) == 0
    assert len(builders.events("request.over")) == 1


def test_whoever_polls_too_fast_waits_five_seconds_more(robot, weber):
    secret = asked_id(robot, weber)
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        assert polls(robot, secret).json()["error"] == "authorization_pending"
        clock.move_to(start + timedelta(seconds=1))
        assert polls(robot, secret).json()["error"] == "slow_down"
        clock.move_to(start + timedelta(seconds=10))
        assert polls(robot, secret).json()["error"] == "slow_down"
        clock.move_to(start + timedelta(seconds=26))
        assert polls(robot, secret).json()["error"] == "authorization_pending"
        clock.move_to(start + timedelta(seconds=40))
        assert polls(robot, secret).json()["error"] == "slow_down"
    assert request_of(secret).wait_seconds == 20
    assert not Event.objects.filter(kind="token.refused").exists()


def test_whoever_never_waits_is_told_so_for_ever(robot, weber):
    """The pause grows to five minutes and no further: nothing overflows, and nobody is answered with a fault."""
    secret = asked_id(robot, weber, requested_expiry="86400")
    with time_machine.travel(timezone.now(), tick=False):
        answers = [polls(robot, secret).json() for _ in range(70)]
    assert {answer["error"] for answer in answers[1:]} == {"slow_down"}
    assert request_of(secret).wait_seconds == 300
    assert "Wait 300 seconds" in answers[-1]["error_description"]


@pytest.mark.django_db(transaction=True)
def test_a_poll_takes_at_most_three_statements(robot, weber):
    secret = asked_id(robot, weber)
    with statements(most=3):
        assert polls(robot, secret).json()["error"] == "authorization_pending"
    with statements(most=3):
        assert polls(robot, secret).json()["error"] == "slow_down"


# -------------------------------------------------------------------------------------------------------------- whom


def test_a_person_is_named_by_address_or_id(robot, weber):
    for hint in (weber.email, weber.email.upper(), str(weber.pk)):
        secret = asked_id(robot, hint)
        decides(weber, request_of(secret), "refuse")


def test_whoever_held_a_consent_of_the_agent_may_be_asked(discharge_assistant, weber_allows, weber):
    robot = asking_client(discharge_assistant)
    now = timezone.now()
    mandate.revoke(weber_allows.pk, reason="Done.", by=builders.actor(weber), now=now)
    assert asks(robot, weber).status_code == 200


def test_everybody_else_is_the_same_unknown_person(robot, ada, mallory, weber, mara):
    answers = [asks(robot, hint) for hint in (ada, mallory, "nobody@st-anna.example", "no address", str(mallory.pk))]
    people.deactivate(weber, reason="Left.", by=builders.actor(mara), now=timezone.now())
    answers.append(asks(robot, weber))
    assert {(answer.status_code, answer.content) for answer in answers} == {(400, answers[0].content)}
    assert answers[0].json()["error"] == "unknown_user_id"
    assert len(builders.events("request.refused")) == len(answers)


def test_a_person_who_was_deactivated_meanwhile_gives_no_token(robot, weber, mara):
    secret = asked_id(robot, weber)
    decides(weber, request_of(secret))
    people.deactivate(weber, reason="Left.", by=builders.actor(mara), now=timezone.now())
    assert is_oauth_error(polls(robot, secret), "invalid_grant")


# -------------------------------------------------------------------------------------------------------------- what


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"scope": "records:burn"}, "invalid_scope"),
        ({"resource": "https://elsewhere.example"}, "invalid_target"),
        ({"purpose": "x" * 501}, "invalid_request"),
        ({"purpose": "a\u202eb"}, "invalid_request"),
        ({"requested_expiry": "0"}, "invalid_request"),
        ({"requested_expiry": "-5"}, "invalid_request"),
        ({"requested_expiry": "soon"}, "invalid_request"),
        ({"request": "e30.e30."}, "invalid_request"),
        ({"login_hint": None}, "invalid_request"),
        ({"id_token_hint": "x"}, "invalid_request"),
        ({"login_hint": None, "id_token_hint": "x"}, "invalid_request"),
        ({"login_hint": None, "login_hint_token": "x"}, "invalid_request"),
        ({"binding_message": "x" * 141}, "invalid_binding_message"),
    ],
    ids=str,
)
def test_what_cannot_be_asked(robot, weber, form, error):
    with one_refusal("request.refused", error):
        assert is_oauth_error(asks(robot, weber, **form), error)
    assert not AccessRequest.objects.exists()
    assert asks(robot, weber).status_code == 200


@pytest.mark.parametrize(("asked", "given"), [("1", 30), ("60", 60), ("999999999", 86400), ("9" * 40, 86400)])
def test_the_wish_for_another_life_is_bounded(robot, weber, asked, given):
    assert asks(robot, weber, requested_expiry=asked).json()["expires_in"] == given


def test_a_client_without_this_grant_hears_where_that_is_changed(
    discharge, discharge_assistant, weber_allows, weber, settings
):
    answer = asks(discharge, weber)
    assert is_oauth_error(answer, "unauthorized_client")
    assert f"{settings.ISSUER}/agents/{discharge_assistant.pk}/clients/" in answer.json()["error_description"]


def test_a_scope_that_the_agent_may_not_ask_for_names_the_page_to_add_it(robot, weber, discharge_assistant, settings):
    answer = asks(robot, weber, scope="records:burn")
    assert f"{settings.ISSUER}/agents/{discharge_assistant.pk}/scopes/" in answer.json()["error_description"]


def test_an_autonomous_agent_asks_no_person(claims, weber):
    assert is_oauth_error(asks(claims, weber), "unauthorized_client")


def test_a_public_client_cannot_have_it(discharge_assistant):
    from agents.errors import InvalidInput

    with pytest.raises(InvalidInput):
        asking_client(discharge_assistant, auth_method=AuthMethod.NONE)


def test_only_the_endpoint_of_machines(robot, weber):
    assert Browser().get(ASK).status_code == 405
    assert post(ASK, {"login_hint": weber.email}).status_code == 401
    assert post(ASK, {"login_hint": weber.email, "client_id": robot.client.client_id}).status_code == 401


def test_more_is_asked_for_beside_a_consent_that_stands(robot, weber, see_appointments, look_up_staff):
    first = asked_id(robot, weber)
    decides(weber, request_of(first))
    more = asked_id(robot, weber, scope="calendar:read staff:read")
    request = request_of(more)
    assert request.kind == "step_up"
    page = builders.browser(weber).get(request.get_absolute_url()).content.decode()
    assert "more than you allowed before" in page
    decides(weber, request)
    token = polls(robot, more, resource="https://directory.st-anna.example").json()
    assert token["scope"] == "staff:read"
    old, new = Consent.objects.order_by("starts_at")
    assert old.superseded_by == new


def test_the_person_is_told_by_mail_without_the_agents_words(robot, weber, settings, mailoutbox):
    settings.MAIL_IS_SENT = True
    asks(robot, weber, purpose="About Mr Kern", binding_message="Room 12")
    assert OutgoingMail.objects.count() == 1
    from agents.mail import deliver

    deliver(now=timezone.now())
    mail = mailoutbox[0]
    assert mail.to == [weber.email]
    assert f"{settings.ISSUER}/inbox/" in mail.body
    assert "Kern" not in mail.body
    assert "Room" not in mail.body
