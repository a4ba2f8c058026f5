"""Redeeming codes (RFC 6749 §4.1.3; RFC 7636)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents.models import Event
from tests import builders, grants
from tests.builders import one_refusal
from tests.grants import Pkce, TokenClient

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def test_a_code_becomes_a_token_for_the_person_with_the_agent_as_actor(
    discharge, weber_allows, weber, records_api, pkce
):
    answer = discharge.redeem(grants.code(weber_allows, pkce), pkce)
    assert answer.status_code == 200, answer.content
    assert answer.json()["scope"] == "letters:write records:read"
    assert answer["Cache-Control"] == "no-store"
    seen = records_api.introspects(answer.json()["access_token"])
    assert seen["sub"] == str(weber.pk)
    assert seen["act"] == {"sub": str(discharge.client.agent_id)}
    assert seen["consent"] == str(weber_allows.pk)


def test_the_second_use_of_a_code_ends_what_the_first_one_got(discharge, weber_allows, records_api, pkce):
    code = grants.code(weber_allows, pkce)
    first = discharge.redeem(code, pkce).json()
    again = discharge.redeem(code, pkce)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert records_api.introspects(first["access_token"]) == {"active": False}
    assert discharge.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert Event.objects.filter(kind="code.used_twice").count() == 1


def test_a_code_is_over_after_a_minute(discharge, weber_allows, pkce):
    code = grants.code(weber_allows, pkce)
    with time_machine.travel(timezone.now() + timedelta(seconds=61)), one_refusal("token.refused", "invalid_grant"):
        assert discharge.redeem(code, pkce).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("verifier", ["", "wrong" * 10])
def test_a_missing_or_wrong_verifier_is_invalid_grant(discharge, weber_allows, pkce, verifier):
    code = grants.code(weber_allows, pkce)
    refused = discharge.redeem(code, Pkce(verifier))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert discharge.redeem(code, pkce).status_code == 200


def test_another_redirect_uri_is_invalid_grant(discharge, weber_allows, pkce):
    code = grants.code(weber_allows, pkce)
    refused = discharge.redeem(code, pkce, redirect_uri="https://evil.example/callback")
    assert refused.json()["error"] == "invalid_grant"
    assert discharge.redeem(code, pkce).status_code == 200


def test_a_second_client_of_the_same_agent_cannot_use_the_code(discharge, discharge_assistant, weber_allows, pkce):
    other = builders.client(discharge_assistant, "other")
    thief = TokenClient(other, builders.key(other).key)
    code = grants.code(weber_allows, pkce)
    with one_refusal("token.refused", "invalid_grant"):
        assert thief.redeem(code, pkce).json()["error"] == "invalid_grant"
    assert discharge.redeem(code, pkce).status_code == 200


def test_a_consent_for_once_gives_no_refresh_token(discharge, discharge_client, weber, read_records, pkce):
    given = grants.consent(discharge_client, scopes=[read_records], user=weber, once=True)
    answer = discharge.redeem(grants.code(given, pkce), pkce)
    assert answer.status_code == 200
    assert "refresh_token" not in answer.json()
