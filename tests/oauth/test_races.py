"""Many at once: once is once, and what was taken away is gone when the call has returned. On both engines.

Threads of this process first; then real HTTP over two web processes, where nothing in memory can help.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event as Signal

import pytest
import requests
from django.db import connections
from django.utils import timezone

from agents import lifecycle
from agents.actors import Actor
from agents.models import AuthMethod, Event
from consent import mandate
from consent.models import AccessToken, RefreshToken, TokenFamily
from consent.models.token import digest_of
from tests import builders, grants
from tests.grants import REDIRECT, keeps
from tests.services.parallel import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.engine]
INACTIVE = {"active": False}
MANY = 50


def errors_of(answers):
    return {answer.json().get("error") for answer in answers if answer.status_code != 200}


def the_one_winner(answers):
    """Exactly one answer is a success, and every other one is the specified refusal."""
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1, [(answer.status_code, answer.content) for answer in answers]
    assert errors_of(answers) == {"invalid_grant"}
    assert {answer.status_code for answer in answers} == {200, 400}
    return won[0].json()


def test_of_fifty_redemptions_of_one_code_exactly_one_wins(discharge, weber_allows, pkce, records_api):
    code = grants.code(weber_allows, pkce)
    outcome = at_once(MANY, lambda _: discharge.redeem(code, pkce))
    assert not outcome.raised
    won = the_one_winner(outcome.returned)
    assert AccessToken.objects.count() == TokenFamily.objects.count() == RefreshToken.objects.count() == 1
    # The others were a second use of the code, which ends what the first one got (RFC 6749 §4.1.2).
    assert records_api.introspects(won["access_token"]) == INACTIVE
    assert Event.objects.filter(kind="token.issued").count() == 1
    assert Event.objects.filter(kind="code.used_twice").count() == MANY - 1


def test_of_fifty_refreshes_of_one_token_at_most_one_successor_lives(discharge, weber_allows, pkce, records_api):
    first = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()
    outcome = at_once(MANY, lambda _: discharge.refresh(first["refresh_token"]))
    assert not outcome.raised
    assert errors_of(outcome.returned) <= {"invalid_grant"}
    won = [answer.json() for answer in outcome.returned if answer.status_code == 200]
    assert won
    assert all(answer["access_token"] and answer["refresh_token"] and answer["scope"] for answer in won)
    assert RefreshToken.objects.filter(used_at=None, replaced_at=None).count() == 1
    # The lost answers heal: whoever holds the live successor goes on with it, and nobody else can.
    goes_on = [answer for answer in won if RefreshToken.objects.filter(
        token_checksum=digest_of(answer["refresh_token"]), used_at=None, replaced_at=None).exists()]  # fmt: skip
    assert len(goes_on) == 1
    assert discharge.refresh(goes_on[0]["refresh_token"]).status_code == 200


def test_of_fifty_refreshes_by_a_public_client_exactly_one_wins(discharge_assistant, weber, read_records, pkce):
    public = builders.client(discharge_assistant, "local tool", auth_method=AuthMethod.NONE)
    named = {"client_id": public.client_id}
    given = grants.consent(public, scopes=[read_records], user=weber)
    form = {"grant_type": "authorization_code", "code": grants.code(given, pkce), "code_verifier": pkce.verifier}
    first = grants.post("/oauth/token", form | named).json()
    again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]} | named
    outcome = at_once(MANY, lambda _: grants.post("/oauth/token", again))
    assert not outcome.raised
    won = the_one_winner(outcome.returned)
    assert RefreshToken.objects.filter(used_at=None, replaced_at=None).count() == 1
    following = {"grant_type": "refresh_token", "refresh_token": won["refresh_token"]} | named
    assert grants.post("/oauth/token", following).status_code == 200


def test_of_many_refreshes_and_a_replay_nothing_lives_on(discharge, weber_allows, pkce, records_api):
    first = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()
    second = discharge.refresh(first["refresh_token"]).json()
    discharge.refresh(second["refresh_token"])
    outcome = at_once(10, lambda number: discharge.refresh((first if number % 2 else second)["refresh_token"]))
    assert not outcome.raised
    held = [first, second, *[answer.json() for answer in outcome.returned if answer.status_code == 200]]
    assert all(records_api.introspects(pair["access_token"]) == INACTIVE for pair in held)
    assert all(discharge.refresh(pair["refresh_token"]).status_code == 400 for pair in held)


# -------------------------------------------------------------------------- while eight clients issue and refresh


class Busy:
    """Eight threads that issue and refresh for as long as ``while_busy`` lasts, and keep all they were given."""

    def __init__(self, issue, refresh):
        self.issue, self.refresh = issue, refresh
        self.stopped = Signal()
        self.warm = Signal()
        self.tokens: list[str] = []
        self.refreshed: list[str] = []
        self.faults: list[object] = []

    def _one(self, _number):
        try:
            live = None
            while not self.stopped.is_set():
                answer = self.refresh(live) if live else self.issue()
                if answer.status_code >= 500:
                    self.faults.append(answer.content)
                body = answer.json()
                live = body.get("refresh_token")
                if "access_token" in body:
                    self.tokens.append(body["access_token"])
                    if len(self.tokens) > 20:
                        self.warm.set()
                if live:
                    self.refreshed.append(live)
        finally:
            connections.close_all()

    def while_busy(self, action):
        """Do it in the midst of their work; return what was held the moment it had returned."""
        with ThreadPoolExecutor(8) as pool:
            threads = [pool.submit(self._one, number) for number in range(8)]
            try:
                assert self.warm.wait(60), [thread.exception() for thread in threads if thread.done()]
                action()
                held = list(self.tokens)
            finally:
                self.stopped.set()
            for thread in threads:
                thread.result()
        assert not self.faults, self.faults[:3]
        assert held
        return held


@pytest.fixture
def busy(discharge, weber_allows, pkce):
    return Busy(lambda: discharge.redeem(grants.code(weber_allows, pkce), pkce), discharge.refresh)


@pytest.fixture
def busy_alone(claims, clinic_allows):
    return Busy(claims.act_alone, None)


def test_revoking_while_tokens_are_issued_leaves_none_alive(busy, records_api, weber_allows, weber, discharge):
    def revoke():
        mandate.revoke(weber_allows.pk, reason="Stop.", by=Actor.person(weber), now=timezone.now())

    held = busy.while_busy(revoke)
    assert all(records_api.introspects(token) == INACTIVE for token in [*held[-30:], *busy.tokens[-30:]])
    assert all(discharge.refresh(token).json()["error"] == "invalid_grant" for token in busy.refreshed[-10:])


def test_narrowing_while_tokens_are_issued_leaves_none_wider(busy, records_api, weber_allows, weber, read_records):
    held = busy.while_busy(lambda: keeps(weber_allows, read_records, by=weber))
    for token in [*held[-30:], *busy.tokens[-30:]]:
        seen = records_api.introspects(token)
        assert not seen["active"] or seen["scope"] == "records:read"


def test_suspending_while_tokens_are_issued_leaves_none_alive(busy, records_api, discharge_assistant, mara, discharge):
    def suspend():
        lifecycle.suspend(discharge_assistant, reason="Odd.", by=Actor.person(mara), now=timezone.now())

    held = busy.while_busy(suspend)
    assert all(records_api.introspects(token) == INACTIVE for token in [*held[-30:], *busy.tokens[-30:]])
    assert discharge.refresh(busy.refreshed[-1]).status_code == 401


def test_an_autonomous_agent_is_stopped_likewise(busy_alone, records_api, clinic_allows, mara, claims):
    def revoke():
        mandate.revoke(clinic_allows.pk, reason="Stop.", by=Actor.person(mara), now=timezone.now())

    held = busy_alone.while_busy(revoke)
    assert all(records_api.introspects(token) == INACTIVE for token in [*held[-30:], *busy_alone.tokens[-30:]])
    assert claims.act_alone().json()["error"] == "unauthorized_client"


def test_giving_back_while_it_is_refreshed_ends_the_family(discharge, weber_allows, pkce, records_api):
    for _ in range(5):
        pair = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()
        outcome = at_once(
            8, lambda number, token=pair["refresh_token"]: (discharge.refresh if number else discharge.revoke)(token)
        )
        assert not outcome.raised
        got = [answer.json() for answer in outcome.returned if answer.content and "access_token" in answer.json()]
        assert all(records_api.introspects(each["access_token"]) == INACTIVE for each in [pair, *got])


# ------------------------------------------------------------------------------------------ over two web processes


def over_http(running_mandate, form, client):
    def ask(_number):
        return requests.post(
            f"{running_mandate.url}/oauth/token", data=form, auth=(client.client.client_id, client.key), timeout=60
        )

    outcome = at_once(MANY, ask)
    assert not outcome.raised, outcome.raised[:3]
    return outcome.returned


def test_once_is_once_over_two_web_processes(running_mandate, discharge, weber_allows, pkce):
    form = {"grant_type": "authorization_code", "code_verifier": pkce.verifier, "redirect_uri": REDIRECT}
    answers = over_http(running_mandate, form | {"code": grants.code(weber_allows, pkce)}, discharge)
    the_one_winner(answers)
    assert AccessToken.objects.count() == 1

    live = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()
    form = {"grant_type": "refresh_token", "refresh_token": live["refresh_token"]}
    answers = over_http(running_mandate, form, discharge)
    assert errors_of(answers) <= {"invalid_grant"}
    assert all(answer.json()["refresh_token"] for answer in answers if answer.status_code == 200)
    family = RefreshToken.objects.get(token_checksum=digest_of(live["refresh_token"])).family
    assert RefreshToken.objects.filter(family=family, used_at=None, replaced_at=None).count() == 1
    assert "Traceback" not in running_mandate.log()


def test_of_fifty_requests_under_a_consent_for_once_exactly_one_gets_a_token(
    claims, claims_client, mara, see_appointments
):
    grants.consent(claims_client, scopes=[see_appointments], user=None, by=mara, once=True)
    outcome = at_once(MANY, lambda _: claims.act_alone())
    assert not outcome.raised
    assert [answer.status_code for answer in outcome.returned].count(200) == 1
    assert errors_of(outcome.returned) == {"unauthorized_client"}
    assert AccessToken.objects.count() == 1
