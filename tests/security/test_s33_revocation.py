"""S33: a client gives back its own tokens and nobody else's, whatever it hints. More in ``tests/oauth/test_revocation.py``."""

from __future__ import annotations

import pytest
from django.test import Client as Browser

from tests import builders, grants
from tests.builders import one_refusal
from tests.grants import TokenClient, post
from tests.security.expected import INACTIVE, is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def pair(discharge, weber_allows, pkce):
    return discharge.redeem(grants.code(weber_allows, pkce), pkce).json()


def test_s33_what_is_unknown_is_200(discharge):
    for token in ("unknown", "a.b.c", "x" * 100_000, "\u00e4"):
        assert discharge.revoke(token).status_code == 200


def test_s33_anothers_is_200_and_untouched(discharge, pair, mallory, read_records, records_api):
    client = builders.client(builders.agent("Other", owner=mallory, scopes=[read_records]), "foreign")
    stranger = TokenClient(client, builders.key(client).key)
    assert {stranger.revoke(token).status_code for token in pair.values() if isinstance(token, str)} == {200}
    assert records_api.introspects(pair["access_token"])["active"] is True
    assert discharge.refresh(pair["refresh_token"]).status_code == 200


def test_s33_without_authentication_401(discharge, pair, records_api):
    for header in ({}, grants.basic(discharge.client.client_id, "wrong"), records_api.header):
        with one_refusal("revocation.refused", "invalid_client"):
            assert is_oauth_error(
                post("/oauth/revoke", {"token": pair["access_token"]}, **header), "invalid_client", 401
            )
    assert records_api.introspects(pair["access_token"])["active"] is True


@pytest.mark.parametrize(("which", "hint"), [("access_token", "refresh_token"), ("refresh_token", "access_token")])
def test_s33_a_wrong_hint_still_finds_it_and_either_kills_both(discharge, pair, records_api, which, hint):
    assert discharge.revoke(pair[which], token_type_hint=hint).status_code == 200
    assert records_api.introspects(pair["access_token"]) == INACTIVE
    assert is_oauth_error(discharge.refresh(pair["refresh_token"]), "invalid_grant")


def test_s33_never_by_get(discharge, pair, records_api):
    assert Browser().get("/oauth/revoke", {"token": pair["access_token"]}, **discharge.header).status_code == 405
    assert records_api.introspects(pair["access_token"])["active"] is True


def test_s33_what_was_taken_over_goes_alone(planner, subject, discharge, passed_twice, records, records_api):
    """The agent that got work by exchange gives its token back, and does not end the work of the one that passed it on."""
    code_pkce = grants.Pkce()
    first = discharge.redeem(grants.code(passed_twice, code_pkce), code_pkce, resource=records.uri).json()
    taken, kept = planner.takes(first["access_token"]), planner.takes(first["access_token"])
    assert planner.revoke(taken).status_code == 200
    assert records_api.introspects(taken) == INACTIVE
    assert records_api.introspects(kept)["active"] is True
    assert records_api.introspects(first["access_token"])["active"] is True
    assert discharge.refresh(first["refresh_token"], resource=records.uri).status_code == 200
    assert discharge.revoke(first["refresh_token"]).status_code == 200
    assert records_api.introspects(kept) == INACTIVE
