"""S12: a code or refresh token is good for the client that it was given to, and stays good for it."""

from __future__ import annotations

import pytest

from agents.models import AuthMethod
from consent.models import AccessToken
from tests import builders, grants
from tests.builders import one_refusal
from tests.grants import TokenClient, post
from tests.security.expected import is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def thieves(discharge_assistant, mallory, read_records):
    """A second client of the same agent, a client of Mallory's agent, and a public one that only names itself."""
    sibling = builders.client(discharge_assistant, "sibling")
    foreign = builders.client(builders.agent("Other", owner=mallory, scopes=[read_records]), "foreign")
    public = builders.client(discharge_assistant, "public", auth_method=AuthMethod.NONE)

    def as_public(**form):
        return post("/oauth/token", form | {"client_id": public.client_id})

    return [TokenClient(client, builders.key(client).key).ask for client in (sibling, foreign)] + [as_public]


def test_s12_a_code(discharge, weber_allows, pkce, thieves):
    code = grants.code(weber_allows, pkce)
    for steals in thieves:
        with one_refusal("token.refused", "invalid_grant"):
            answer = steals(grant_type="authorization_code", code=code, code_verifier=pkce.verifier)
            assert is_oauth_error(answer, "invalid_grant")
    assert not AccessToken.objects.exists()
    assert discharge.redeem(code, pkce).status_code == 200


def test_s12_a_refresh_token(discharge, weber_allows, pkce, thieves):
    pair = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()
    for steals in thieves:
        with one_refusal("token.refused", "invalid_grant"):
            assert is_oauth_error(
                steals(grant_type="refresh_token", refresh_token=pair["refresh_token"]), "invalid_grant"
            )
    assert AccessToken.objects.count() == 1
    assert discharge.refresh(pair["refresh_token"]).status_code == 200


def test_s12_a_used_code_in_foreign_hands_ends_nothing(discharge, weber_allows, pkce, thieves, records_api):
    code = grants.code(weber_allows, pkce)
    pair = discharge.redeem(code, pkce).json()
    for steals in thieves:
        steals(grant_type="authorization_code", code=code, code_verifier=pkce.verifier)
        steals(grant_type="refresh_token", refresh_token=pair["refresh_token"])
    assert records_api.introspects(pair["access_token"])["active"] is True
    assert discharge.refresh(pair["refresh_token"]).status_code == 200


@pytest.mark.parametrize("uri", ["https://evil.example/cb", grants.REDIRECT + "/", grants.REDIRECT.upper(), "x"])
def test_s12_a_code_with_another_redirect_uri(discharge, weber_allows, pkce, uri):
    code = grants.code(weber_allows, pkce)
    with one_refusal("token.refused", "invalid_grant"):
        assert is_oauth_error(discharge.redeem(code, pkce, redirect_uri=uri), "invalid_grant")
    assert discharge.redeem(code, pkce).status_code == 200


def test_s12_a_client_whose_agent_was_handed_to_nobody_uses_no_grant(discharge, weber_allows, pkce, ada, mara):
    from django.utils import timezone

    from agents import people

    code = grants.code(weber_allows, pkce)
    people.deactivate(ada, reason="Left.", by=builders.actor(mara), now=timezone.now())
    assert is_oauth_error(discharge.redeem(code, pkce), "invalid_client", 401)
