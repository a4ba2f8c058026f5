"""S21: a security event token is no access token anywhere, and an access token is no signal to a careful receiver."""

from __future__ import annotations

import json

import jwt
import pytest
from django.test import Client as Browser
from django.utils import timezone

from consent import mandate
from consent.signals.delivery import deliver_all
from tests import grants, receiving
from tests.builders import actor
from tests.grants import post
from tests.security.expected import INACTIVE, is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def signal(directory, receiver, claims_client, mara, look_up_staff):
    """A signal about a consent at the staff directory, which checks tokens itself."""
    given = grants.consent(claims_client, scopes=[look_up_staff], user=None, by=mara)
    receiving.stream(directory, receiver)
    mandate.revoke(given.pk, reason="Enough.", by=actor(mara), now=timezone.now())
    deliver_all(now=timezone.now())
    return receiver.seen[-1]


def test_s21_a_signal_opens_nothing(signal, directory_api, claims, claims_client, mara, look_up_staff):
    assert directory_api.introspects(signal) == INACTIVE
    for path in ("/api/v1/receipts", "/api/v1/signals/streams"):
        answer = Browser().post(
            path, json.dumps({}), content_type="application/json", HTTP_AUTHORIZATION=f"Bearer {signal}"
        )
        assert answer.status_code == 401
    exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
    kind = "urn:ietf:params:oauth:token-type:access_token"
    answer = claims.ask(grant_type=exchange, subject_token=signal, subject_token_type=kind)
    assert is_oauth_error(answer, "unauthorized_client")
    assertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    form = {"grant_type": "client_credentials", "client_assertion": signal, "client_assertion_type": assertion}
    assert post("/oauth/token", form).json()["error"] in {"invalid_client", "invalid_request"}

    grants.consent(claims_client, scopes=[look_up_staff], user=None, by=mara, purpose="Again")
    token = claims.act_alone().json()["access_token"]
    assert directory_api.introspects(token)["active"] is True  # the twin: one of the right kind does


def test_s21_a_signal_says_its_kind_and_lacks_what_makes_a_token(signal, directory):
    said = receiving.verified(signal, directory.uri)
    assert jwt.get_unverified_header(signal)["typ"] == "secevent+jwt"
    assert not said.keys() & {"exp", "sub", "scope", "client_id"}


def test_s21_an_access_token_is_no_signal(claims, claims_client, mara, look_up_staff, directory):
    grants.consent(claims_client, scopes=[look_up_staff], user=None, by=mara)
    token = claims.act_alone().json()["access_token"]
    assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
    with pytest.raises(AssertionError):
        receiving.verified(token, directory.uri)
