"""Revocation: a client gives back a token of its own (RFC 7009)."""

from __future__ import annotations

import pytest
from django.test import Client as Browser
from django.utils import timezone

from agents import lifecycle
from agents.actors import Actor
from agents.models import AuthMethod, Event
from consent.oauth.access_token import TYP
from consent.oauth.signing_keys import verified_claims
from tests import builders, grants
from tests.builders import one_refusal
from tests.forgery import second_form
from tests.grants import TokenClient, post

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
INACTIVE = {"active": False}


@pytest.fixture
def pair(discharge, weber_allows, pkce):
    return discharge.redeem(grants.code(weber_allows, pkce), pkce).json()


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
@pytest.mark.parametrize("hint", ["", "access_token", "refresh_token", "nonsense"])
def test_giving_back_either_of_a_pair_kills_both(discharge, pair, records_api, which, hint):
    assert records_api.introspects(pair["access_token"])["active"] is True
    answer = discharge.revoke(pair[which], **({"token_type_hint": hint} if hint else {}))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["Cache-Control"] == "no-store"
    assert records_api.introspects(pair["access_token"]) == INACTIVE
    assert discharge.refresh(pair["refresh_token"]).json()["error"] == "invalid_grant"


def test_it_is_one_event_and_giving_back_again_is_none(discharge, pair, weber_allows):
    discharge.revoke(pair["access_token"])
    discharge.revoke(pair["access_token"])
    event = Event.objects.get(kind="token.revoked")
    assert event.consent_id == weber_allows.pk
    assert event.client_id == discharge.client.pk


def test_a_rotated_refresh_token_still_ends_its_family(discharge, pair, records_api):
    newer = discharge.refresh(pair["refresh_token"]).json()
    discharge.revoke(pair["refresh_token"])
    assert records_api.introspects(newer["access_token"]) == INACTIVE
    assert discharge.refresh(newer["refresh_token"]).json()["error"] == "invalid_grant"


def test_the_consent_goes_on_and_gives_the_next_token(discharge, pair, weber_allows, pkce, records_api):
    discharge.revoke(pair["refresh_token"])
    again = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()
    assert records_api.introspects(again["access_token"])["active"] is True


def test_another_clients_token_stays_untouched_and_the_answer_does_not_tell(
    discharge, discharge_assistant, pair, records_api
):
    other = builders.client(discharge_assistant, "other")
    stranger = TokenClient(other, builders.key(other).key)
    for token in pair["access_token"], pair["refresh_token"]:
        answer = stranger.revoke(token)
        assert (answer.status_code, answer.content) == (200, b"")
    assert not Event.objects.filter(kind="token.revoked").exists()
    assert records_api.introspects(pair["access_token"])["active"] is True
    assert discharge.refresh(pair["refresh_token"]).status_code == 200


@pytest.mark.parametrize("token", ["unknown", "a.b.c", "x" * 100_000])
def test_what_is_unknown_is_given_back_already(discharge, token):
    assert discharge.revoke(token).status_code == 200


def test_a_token_of_client_credentials_ends_alone(claims, clinic_allows, records_api):
    first, second = (claims.act_alone().json()["access_token"] for _ in range(2))
    claims.revoke(first)
    assert records_api.introspects(first) == INACTIVE
    assert records_api.introspects(second)["active"] is True


@pytest.mark.parametrize("form", [str, second_form], ids=["as issued", "second form of the signature"])
def test_a_jwt_is_known_by_its_jti(claims, claims_client, mara, look_up_staff, directory_api, form):
    grants.consent(claims_client, scopes=[look_up_staff], user=None, by=mara)
    token = claims.act_alone().json()["access_token"]
    assert verified_claims(token, typ=TYP, now=timezone.now())
    claims.revoke(form(token))
    assert directory_api.introspects(token) == INACTIVE
    assert directory_api.introspects(second_form(token)) == INACTIVE


def test_a_suspended_agent_may_still_give_back(discharge, discharge_assistant, pair, mara):
    lifecycle.suspend(discharge_assistant, reason="Odd requests.", by=Actor.person(mara), now=timezone.now())
    assert discharge.revoke(pair["refresh_token"]).status_code == 200
    assert Event.objects.filter(kind="token.revoked").count() == 1


def test_a_public_client_gives_back_by_naming_itself(discharge_assistant, weber, read_records, pkce, records_api):
    public = builders.client(discharge_assistant, "local tool", auth_method=AuthMethod.NONE)
    given = grants.consent(public, scopes=[read_records], user=weber)
    named = {"client_id": public.client_id}
    asked = {"grant_type": "authorization_code", "code": grants.code(given, pkce), "code_verifier": pkce.verifier}
    token = post("/oauth/token", asked | named).json()["access_token"]
    assert post("/oauth/revoke", {"token": token} | named).status_code == 200
    assert records_api.introspects(token) == INACTIVE


def test_without_proof_nothing_happens(discharge, pair, records_api):
    with one_refusal("revocation.refused", "invalid_client"):
        answer = post("/oauth/revoke", {"token": pair["access_token"]})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    with one_refusal("revocation.refused", "invalid_client"):
        named = {"token": pair["access_token"], "client_id": discharge.client.client_id}
        assert post("/oauth/revoke", named).status_code == 401
    assert records_api.introspects(pair["access_token"])["active"] is True


def test_a_missing_token_is_invalid_request(discharge):
    with one_refusal("revocation.refused", "invalid_request"):
        answer = post("/oauth/revoke", {}, **discharge.header)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("method", ["get", "put", "delete", "head"])
def test_only_post_is_answered(discharge, pair, records_api, method):
    answer = getattr(Browser(), method)(f"/oauth/revoke?token={pair['access_token']}", **discharge.header)
    assert answer.status_code == 405
    assert records_api.introspects(pair["access_token"])["active"] is True
