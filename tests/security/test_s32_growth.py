"""S32: nothing a client asks for grows past what it first asked for, what is held now, or when it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents.actors import Actor
from consent import codes, mandate
from tests import grants
from tests.builders import one_refusal
from tests.grants import keeps
from tests.security.expected import is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def pair(discharge, weber_allows, pkce):
    return discharge.redeem(grants.code(weber_allows, pkce), pkce).json()


def test_s32_a_scope_never_requested_is_invalid_scope(discharge, pair):
    for scope in ("staff:read", "records:read staff:read", "records:read unknown", "RECORDS:READ", "records:*"):
        with one_refusal("token.refused", "invalid_scope"):
            assert is_oauth_error(discharge.refresh(pair["refresh_token"], scope=scope), "invalid_scope")
    assert discharge.refresh(pair["refresh_token"], scope="records:read").json()["scope"] == "records:read"


def test_s32_a_resource_not_in_the_consent_is_invalid_target(discharge, pair, directory):
    for uri in (directory.uri, "https://evil.example", "x"):
        with one_refusal("token.refused", "invalid_target"):
            assert is_oauth_error(discharge.refresh(pair["refresh_token"], resource=uri), "invalid_target")
    assert discharge.refresh(pair["refresh_token"]).status_code == 200


def test_s32_one_narrowed_away_is_left_out_and_the_answer_says_so(discharge, pair, weber_allows, weber, read_records):
    keeps(weber_allows, read_records, by=weber)
    fresh = discharge.refresh(pair["refresh_token"], scope="records:read letters:write").json()
    assert fresh["scope"] == "records:read"
    assert discharge.refresh(fresh["refresh_token"]).json()["scope"] == "records:read"


def test_s32_repeating_everything_first_asked_for_works_as_clients_do(discharge, pair):
    """Authlib repeats its scopes at each refresh, ``offline_access`` too."""
    assert (
        discharge.refresh(pair["refresh_token"], scope="offline_access records:read letters:write").status_code == 200
    )


def test_s32_a_token_for_less_asks_back_no_more_than_was_requested(discharge, weber_allows, weber, pkce, read_records):
    """The consent holds two scopes; this time the client asked for one, so that is what its family is worth."""
    code = codes.issue(
        weber_allows,
        client=discharge.client,
        user=weber,
        redirect_uri=grants.REDIRECT,
        code_challenge=pkce.challenge,
        requested=[(str(read_records.resource_id), "records:read")],
        by=Actor.person(weber),
        now=timezone.now(),
    )
    pair = discharge.redeem(code, pkce).json()
    assert pair["scope"] == "records:read"
    assert is_oauth_error(discharge.refresh(pair["refresh_token"], scope="letters:write"), "invalid_scope")
    assert discharge.refresh(pair["refresh_token"]).json()["scope"] == "records:read"


def test_s32_no_request_moves_the_end(discharge, pair, weber_allows, records_api):
    live = pair["refresh_token"]
    for before in (3600, 120, 30, 2):
        with time_machine.travel(weber_allows.ends_at - timedelta(seconds=before), tick=False):
            answer = discharge.refresh(live).json()
            assert answer["expires_in"] <= min(before, 300)
            assert records_api.introspects(answer["access_token"])["exp"] <= weber_allows.ends_at.timestamp()
            live = answer["refresh_token"]
    with time_machine.travel(weber_allows.ends_at, tick=False):
        assert is_oauth_error(discharge.refresh(live), "invalid_grant")


def test_s32_shortening_counts_at_the_next_refresh_and_introspection(discharge, pair, weber_allows, weber, records_api):
    sooner = timezone.now() + timedelta(seconds=90)
    mandate.shorten(weber_allows.pk, ends_at=sooner, reason="Home early.", by=Actor.person(weber), now=timezone.now())
    assert discharge.refresh(pair["refresh_token"]).json()["expires_in"] <= 90
    with time_machine.travel(sooner):
        assert records_api.introspects(pair["access_token"]) == {"active": False}
