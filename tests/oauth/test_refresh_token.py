"""Refreshing: rotation, replay, healing, and never wider than the consent (RFC 6749 §6, RFC 9700 §4.14.2)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents.actors import Actor
from agents.models import AuthMethod, Event
from consent import mandate
from consent.models import RefreshToken
from tests import builders, grants
from tests.grants import keeps

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def pair(discharge, weber_allows, pkce):
    """What the first redemption got."""
    return discharge.redeem(grants.code(weber_allows, pkce), pkce).json()


def test_a_refresh_token_is_rotated(discharge, pair, records_api):
    answer = discharge.refresh(pair["refresh_token"])
    assert answer.status_code == 200, answer.content
    assert answer.json()["refresh_token"] != pair["refresh_token"]
    assert records_api.introspects(answer.json()["access_token"])["active"] is True


def test_a_replay_after_ten_seconds_ends_the_family(discharge, pair, records_api):
    second = discharge.refresh(pair["refresh_token"]).json()
    with time_machine.travel(timezone.now() + timedelta(seconds=11)):
        assert discharge.refresh(pair["refresh_token"]).json()["error"] == "invalid_grant"
        assert records_api.introspects(second["access_token"]) == {"active": False}
        assert discharge.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"
    assert Event.objects.filter(kind="refresh.replayed").count() == 1


def test_a_lost_answer_heals_for_a_client_that_proves_itself(discharge, pair):
    discharge.refresh(pair["refresh_token"])
    retried = discharge.refresh(pair["refresh_token"])
    assert retried.status_code == 200
    assert RefreshToken.objects.filter(used_at=None, replaced_at=None).count() == 1
    assert discharge.refresh(retried.json()["refresh_token"]).status_code == 200


def test_a_repeat_after_the_successor_was_used_ends_the_family(discharge, pair):
    second = discharge.refresh(pair["refresh_token"]).json()
    third = discharge.refresh(second["refresh_token"]).json()
    assert discharge.refresh(pair["refresh_token"]).json()["error"] == "invalid_grant"
    assert discharge.refresh(third["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_public_client_that_repeats_at_once_is_refused_and_nothing_else_happens(
    discharge_assistant, weber, read_records, pkce
):
    public = builders.client(discharge_assistant, "local tool", auth_method=AuthMethod.NONE)
    given = grants.consent(public, scopes=[read_records], user=weber)
    named = {"client_id": public.client_id}
    first = grants.post(
        "/oauth/token",
        {"grant_type": "authorization_code", "code": grants.code(given, pkce), "code_verifier": pkce.verifier, **named},
    ).json()
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], **named}
    second = grants.post("/oauth/token", refresh).json()
    assert grants.post("/oauth/token", refresh).json()["error"] == "invalid_grant"
    again = {"grant_type": "refresh_token", "refresh_token": second["refresh_token"], **named}
    assert grants.post("/oauth/token", again).status_code == 200


def test_narrowing_leaves_the_scope_out_and_says_so(discharge, pair, weber_allows, weber, read_records):
    keeps(weber_allows, read_records, by=weber)
    answer = discharge.refresh(pair["refresh_token"], scope="records:read letters:write")
    assert answer.json()["scope"] == "records:read"


def test_a_scope_never_requested_is_invalid_scope(discharge, pair):
    answer = discharge.refresh(pair["refresh_token"], scope="records:read staff:read")
    assert answer.json()["error"] == "invalid_scope"
    assert discharge.refresh(pair["refresh_token"]).status_code == 200


def test_refreshing_never_moves_the_end(discharge, pair, weber_allows):
    with time_machine.travel(weber_allows.ends_at - timedelta(seconds=60)):
        assert discharge.refresh(pair["refresh_token"]).json()["expires_in"] <= 60
    with time_machine.travel(weber_allows.ends_at + timedelta(seconds=1)):
        assert discharge.refresh(pair["refresh_token"]).json()["error"] == "invalid_grant"


def test_another_clients_refresh_token_stays_untouched(discharge, discharge_assistant, pair):
    other = builders.client(discharge_assistant, "other")
    thief = grants.TokenClient(other, builders.key(other).key)
    assert thief.refresh(pair["refresh_token"]).json()["error"] == "invalid_grant"
    assert discharge.refresh(pair["refresh_token"]).status_code == 200


def test_a_refused_refresh_stands_under_its_consent(discharge, pair, weber_allows, weber):
    mandate.revoke(weber_allows.pk, reason="Over.", by=Actor.person(weber), now=timezone.now())
    discharge.refresh(pair["refresh_token"])
    told = Event.objects.get(kind="token.refused")
    assert (told.consent_id, told.user_id) == (weber_allows.pk, weber.pk)
    assert told.purpose_digest == weber_allows.purpose_digest
