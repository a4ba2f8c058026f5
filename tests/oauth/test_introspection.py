"""Introspection: what a token is worth now, told to the resource it is for and to nobody else (RFC 7662)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client as Browser
from django.utils import timezone

from agents import credentials
from agents.actors import Actor
from agents.models import Event
from consent import mandate
from tests import builders, grants
from tests.builders import one_refusal
from tests.grants import ResourceServer, basic, keeps, post

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
INACTIVE = {"active": False}


@pytest.fixture
def token(discharge, weber_allows, pkce):
    """What the assistant got for Weber, at Patient records."""
    return discharge.redeem(grants.code(weber_allows, pkce), pkce).json()["access_token"]


def test_a_live_token_says_whose_it_is_for_what_and_until_when(
    records_api, token, weber_allows, weber, discharge, settings
):
    now = int(timezone.now().timestamp())
    seen = records_api.introspects(token)
    assert abs(seen.pop("iat") - now) <= 2
    assert abs(seen.pop("exp") - now - 300) <= 2
    assert seen.pop("jti")
    assert seen == {
        "active": True,
        "scope": "letters:write records:read",
        "client_id": discharge.client.client_id,
        "token_type": "Bearer",
        "sub": str(weber.pk),
        "act": {"sub": str(weber_allows.agent_id)},
        "aud": records_api.resource.uri,
        "iss": settings.ISSUER,
        "purpose": weber_allows.purpose,
        "consent": str(weber_allows.pk),
    }


def test_the_answer_is_kept_by_nobody(records_api, token):
    answer = post("/oauth/introspect", {"token": token}, **records_api.header)
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Type"] == "application/json"


def test_a_use_is_no_event(records_api, token):
    before = Event.objects.count()
    records_api.introspects(token)
    assert Event.objects.count() == before


def test_scope_is_what_the_token_is_worth_now(records_api, token, weber_allows, weber, read_records):
    keeps(weber_allows, read_records, by=weber)
    assert records_api.introspects(token)["scope"] == "records:read"


def test_the_first_inactive_answer_is_one_event_and_the_second_none(records_api, token, weber_allows, weber):
    mandate.revoke(weber_allows.pk, reason="Done.", by=Actor.person(weber), now=timezone.now())
    assert records_api.introspects(token) == INACTIVE
    assert records_api.introspects(token) == INACTIVE
    (event,) = builders.events("introspection.inactive")
    assert (event.outcome, event.reason_code) == ("refused", "consent_revoked")
    assert len(builders.events("revocation.observed")) == 1


def test_an_expired_token_is_inactive(records_api, token):
    with (
        time_machine.travel(timezone.now() + timedelta(seconds=301)),
        one_refusal("introspection.inactive", "token_expired"),
    ):
        assert records_api.introspects(token) == INACTIVE


@pytest.mark.parametrize(
    "presented",
    [
        "x",
        "ä €",
        "a.b.c",
        "..",
        "eyJhbGciOiJub25lIn0.e30.",
        "'; DROP TABLE agents_event; --",
        "x" * 100_000,
        "x." * 2 + "x" * 102_400,
    ],
    ids=["unknown", "not ascii", "dots", "empty parts", "none", "sql", "100 kB", "100 kB with dots"],
)
def test_what_we_never_issued_is_inactive_and_nothing_else(records_api, token, presented):
    assert records_api.introspects(presented) == INACTIVE
    assert records_api.introspects(token)["active"] is True


def test_a_refresh_token_or_a_code_is_no_access_token(records_api, discharge, weber_allows, pkce):
    code = grants.code(weber_allows, pkce)
    assert records_api.introspects(code) == INACTIVE
    pair = discharge.redeem(code, pkce).json()
    assert records_api.introspects(pair["refresh_token"]) == INACTIVE
    assert records_api.introspects(pair["refresh_token"], token_type_hint="refresh_token") == INACTIVE


def test_another_resource_learns_nothing_and_its_question_is_an_event(directory_api, records_api, token):
    with one_refusal("introspection.refused", "wrong_audience"):
        assert directory_api.introspects(token) == INACTIVE
    assert records_api.introspects(token)["active"] is True


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense"])
def test_a_hint_is_only_a_hint(records_api, token, hint):
    assert records_api.introspects(token, token_type_hint=hint)["active"] is True


def test_the_credentials_of_a_client_count_for_nothing(discharge, token):
    with one_refusal("introspection.refused", "invalid_client"):
        answer = post("/oauth/introspect", {"token": token}, **discharge.header)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Basic ")
    assert answer.json()["error"] == "invalid_client"
    assert "active" not in answer.json()


@pytest.mark.parametrize("scheme", ["", "Bearer {token}", "Basic !!", "Basic", "Digest x"])
def test_without_proof_there_is_no_answer(token, records, scheme):
    header = {"HTTP_AUTHORIZATION": scheme.format(token=token)} if scheme else {}
    with one_refusal("introspection.refused", "invalid_client"):
        answer = post("/oauth/introspect", {"token": token}, **header)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_credentials_in_the_body_do_not_count(records_api, token):
    form = {"token": token, "client_id": records_api.resource.identifier, "client_secret": records_api.key}
    assert post("/oauth/introspect", form).status_code == 401


def test_a_revoked_key_of_the_resource_asks_no_more(records_api, token, records, mara):
    other = builders.key(records)
    assert ResourceServer(records, other.key).introspects(token)["active"] is True
    credentials.revoke(other.credential, by=Actor.person(mara), now=timezone.now(), reason="Leaked.")
    assert post("/oauth/introspect", {"token": token}, **basic(records.identifier, other.key)).status_code == 401
    assert records_api.introspects(token)["active"] is True


def test_a_key_of_one_resource_does_not_prove_another(records_api, directory_api, token):
    crossed = basic(records_api.resource.identifier, directory_api.key)
    assert post("/oauth/introspect", {"token": token}, **crossed).status_code == 401


@pytest.mark.parametrize("method", ["get", "put", "delete", "head", "options", "patch"])
def test_only_post_is_answered(records_api, token, method):
    with one_refusal("introspection.refused", "invalid_request"):
        answer = getattr(Browser(), method)(f"/oauth/introspect?token={token}", **records_api.header)
    assert answer.status_code == 405
    assert answer["Allow"] == "POST"
    assert token.encode() not in answer.content


def test_a_missing_token_is_invalid_request(records_api):
    answer = post("/oauth/introspect", {"hint": "x"}, **records_api.header)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
