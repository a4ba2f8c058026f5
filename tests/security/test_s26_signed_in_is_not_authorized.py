"""S26: at the API a session counts for nothing, and a bad bearer never falls back to one. More in ``tests/api/``."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import time_machine
from django.test import Client as Browser
from django.utils import timezone

from agents.ids import uuid7
from agents.models import Event
from tests import builders, grants
from tests.security.routes import every_route

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
NO_TOKEN_NEEDED = {"api-root", "api-unknown", "api-schema"}
API = [route for route in every_route() if route.path.startswith("api/") and route.name not in NO_TOKEN_NEEDED]


@pytest.fixture
def token(discharge, weber_allows, pkce):
    return discharge.redeem(grants.code(weber_allows, pkce), pkce).json()["access_token"]


@pytest.fixture
def receipt(token, records_api):
    return {
        "token": records_api.introspects(token)["jti"],
        "operation": "read",
        "records": [{"type": "patient-file", "count": 1}],
        "idempotency_key": "one",
    }


@pytest.fixture
def asked(receipt):
    """What the owner of the key may ask of each address, and what it is answered."""
    nobodys = {"stream_id": str(uuid7())}
    own = {"method": "urn:ietf:rfc:8935", "endpoint_url": "https://records.st-anna.example/signals"}
    return {
        "receipts": (receipt, 201),
        "ssf-streams": ({"delivery": own}, 201),
        "ssf-status": (nobodys | {"status": "paused"}, 404),
        "ssf-verification": (nobodys, 404),
    }


def test_s26_each_address_of_the_api_is_asked(asked):
    assert {route.name for route in API} == asked.keys()


@pytest.mark.parametrize("route", API, ids=lambda route: route.name)
def test_s26_who_does_not_prove_itself_is_challenged(mara, token, asked, records_api, discharge, route):
    path = route.address({})
    sent, answered = asked[route.name]
    signed_in = builders.browser(mara)
    strict = Browser(enforce_csrf_checks=True)
    strict.force_login(mara, backend=builders.SIGN_IN_BACKEND)
    bearer = f"Bearer {records_api.key}"
    tries = [
        (Browser(), path, sent, {}),
        (strict, path, sent, {}),
        (signed_in, path, sent, {}),
        (signed_in, path, sent, {"HTTP_AUTHORIZATION": "Bearer wrong"}),
        (signed_in, path, sent, {"HTTP_AUTHORIZATION": f"Bearer {token}"}),
        (signed_in, path, sent, {"HTTP_AUTHORIZATION": f"Bearer {discharge.key}"}),
        (Browser(), path, sent, discharge.header),
        (Browser(), f"{path}?access_token={records_api.key}", sent, {}),
        (Browser(), path, sent | {"access_token": records_api.key}, {}),
        (Browser(), path, sent, {"HTTP_AUTHORIZATION": f"{bearer}x"}),
    ]
    for browser, address, body, header in tries:
        answer = browser.post(address, json.dumps(body), content_type="application/json", **header)
        assert answer.status_code in {401, 403}, (address, header, answer.content)
        assert "WWW-Authenticate" in answer
        assert "Access-Control-Allow-Credentials" not in answer
    assert not Event.objects.filter(kind__in=["receipt.reported", "signal_stream.created"]).exists()
    right = Browser().post(path, json.dumps(sent), content_type="application/json", HTTP_AUTHORIZATION=bearer)
    assert right.status_code == answered, right.content


def test_s26_an_expired_key_is_challenged_too(records, receipt, now):
    key = builders.key(records, ends_at=now + timedelta(minutes=1)).key
    for later, status in ((timedelta(seconds=30), 201), (timedelta(minutes=2), 401)):
        with time_machine.travel(timezone.now() + later):
            answer = Browser().post(
                "/api/v1/receipts",
                json.dumps(receipt),
                content_type="application/json",
                HTTP_AUTHORIZATION=f"Bearer {key}",
            )
        assert answer.status_code == status
