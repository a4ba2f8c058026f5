"""S24: subjects of people and of agents never meet, and nothing that a request says of itself becomes a claim."""

from __future__ import annotations

import pytest

from agents.models import Agent, User
from tests import builders, forgery, grants
from tests.grants import TokenClient

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
LIES = {
    "sub": "somebody",
    "act": '{"sub": "somebody"}',
    "user": "somebody",
    "user_id": "1",
    "agent": "x",
    "consent": "x",
    "jti": "x",
    "exp": "9999999999",
    "iss": "https://evil.example",
    "aud": "https://evil.example",
    "claims": '{"access_token":{"sub":null}}',
    "username": "mara",
    "cnf": "{}",
    "auth_time": "1",
}


def test_s24_an_agent_named_like_a_person_is_somebody_else(ada, mara, weber, look_up_staff, directory_api):
    from agents.models.agent import Kind

    for name in (str(weber.pk), weber.email, weber.name):
        agent = builders.agent(name[:80], owner=ada, kind=Kind.AUTONOMOUS, scopes=[look_up_staff])
        client = builders.client(agent, name[:80])
        grants.consent(client, scopes=[look_up_staff], user=None, by=mara)
        token = TokenClient(client, builders.key(client).key).act_alone().json()["access_token"]
        seen = directory_api.introspects(token)
        assert seen["sub"] == forgery.claims_of(token)["sub"] == str(agent.pk)
        assert seen["sub"] != str(weber.pk)
        assert seen["client_id"] not in {str(weber.pk), weber.email}
    people = set(User.objects.values_list("pk", flat=True))
    assert not people & set(Agent.objects.values_list("pk", flat=True))


def test_s24_nothing_a_token_request_says_of_itself_becomes_a_claim(
    claims, claims_client, mara, look_up_staff, directory_api
):
    given = grants.consent(claims_client, scopes=[look_up_staff], user=None, by=mara)
    plain, lied = (claims.act_alone(**form).json()["access_token"] for form in ({}, LIES))
    for token in (plain, lied):
        told = forgery.claims_of(token)
        told = {name: value for name, value in told.items() if name not in {"jti", "iat", "exp"}}
        assert told == {
            "iss": forgery.claims_of(plain)["iss"],
            "sub": str(claims_client.agent_id),
            "aud": directory_api.resource.uri,
            "client_id": claims_client.client_id,
            "scope": "staff:read",
            "consent": str(given.pk),
        }


def test_s24_nor_when_a_code_is_redeemed(discharge, weber_allows, weber, pkce, records_api):
    token = discharge.redeem(grants.code(weber_allows, pkce), pkce, **LIES).json()["access_token"]
    seen = records_api.introspects(token)
    assert (seen["sub"], seen["act"]) == (str(weber.pk), {"sub": str(weber_allows.agent_id)})
    assert seen["purpose"] == weber_allows.purpose


def test_s24_another_purpose_is_refused_at_the_token_endpoint(discharge, weber_allows, pkce):
    code = grants.code(weber_allows, pkce)
    assert discharge.redeem(code, pkce, purpose="Sell the files").json()["error"] == "invalid_request"
    pair = discharge.redeem(code, pkce, purpose=f"  {weber_allows.purpose} ").json()
    assert discharge.refresh(pair["refresh_token"], purpose="Sell the files").json()["error"] == "invalid_request"
    assert discharge.refresh(pair["refresh_token"], purpose=weber_allows.purpose).status_code == 200
