"""S23: introspection tells nothing to whoever is not the resource of a token."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client as Browser
from django.utils import timezone

from tests import grants
from tests.grants import basic, keeps, post
from tests.security.expected import is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def token(discharge, weber_allows, pkce):
    return discharge.redeem(grants.code(weber_allows, pkce), pkce).json()["access_token"]


def test_s23_without_credentials_or_with_a_clients_it_says_nothing(token, discharge, records_api):
    for header in ({}, discharge.header, basic("nobody", "x"), {"HTTP_AUTHORIZATION": f"Bearer {token}"}):
        for asked in (token, "unknown"):
            answer = post("/oauth/introspect", {"token": asked}, **header)
            assert is_oauth_error(answer, "invalid_client", 401)
            assert set(answer.json()) == {"error", "error_description"}
    assert records_api.introspects(token)["active"] is True


def test_s23_never_by_get(token, records_api):
    answer = Browser().get("/oauth/introspect", {"token": token}, **records_api.header)
    assert answer.status_code == 405
    assert b"active" not in answer.content


def test_s23_every_kind_of_nothing_is_the_same_answer(token, records_api, directory_api):
    bodies = {
        post("/oauth/introspect", {"token": thing}, **records_api.header).content
        for thing in ("x", "x" * 100_000, "a.b.c", token + "x", token[:-1], "\u00e4", "None")
    }
    bodies.add(post("/oauth/introspect", {"token": token}, **directory_api.header).content)
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        late = post("/oauth/introspect", {"token": token}, **records_api.header)
        bodies.add(late.content)
        assert late["Cache-Control"] == "no-store"
    assert bodies == {b'{"active": false}'}


def test_s23_scope_is_the_worth_now(token, records_api, weber_allows, weber, write_letters):
    assert records_api.introspects(token)["scope"] == "letters:write records:read"
    keeps(weber_allows, write_letters, by=weber)
    assert records_api.introspects(token)["scope"] == "letters:write"
