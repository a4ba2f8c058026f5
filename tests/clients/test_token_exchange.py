"""Authlib against the running server: an agent passes work on, and another one takes it over (RFC 8693)."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from django.utils import timezone

from agents.actors import Actor
from agents.models import AuthMethod
from consent import mandate
from consent.models import Consent
from tests.clients.person import TIMEOUT, person_decides
from tests.exchanging import ACCESS_TOKEN, EXCHANGE, asks_to_pass, first_token
from tests.grants import REDIRECT

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "pass-work-on.md"


def session_of(client, key, **more):
    return OAuth2Session(
        client.client_id, key, token_endpoint_auth_method=AuthMethod.BASIC, default_timeout=TIMEOUT, **more
    )


def test_an_agent_takes_work_over_and_stops_when_the_person_says_so(
    running_mandate, discharge, discharge_assistant, planner, reader, weber, directory, directory_api
):
    server = requests.get(f"{running_mandate.url}/.well-known/oauth-authorization-server", timeout=TIMEOUT).json()
    assert EXCHANGE in server["grant_types_supported"]
    asks_to_pass(discharge_assistant, planner.agent, reader.agent, deep=2)

    first = session_of(
        discharge.client, discharge.key, scope="staff:read", redirect_uri=REDIRECT, code_challenge_method="S256"
    )
    verifier = generate_token(64)
    address, state = first.create_authorization_url(
        server["authorization_endpoint"], code_verifier=verifier, resource=directory.uri
    )
    token = first.fetch_token(
        server["token_endpoint"],
        authorization_response=person_decides(address, weber),
        state=state,
        code_verifier=verifier,
    )["access_token"]

    for taker in (planner, reader):
        session = session_of(taker.client, taker.key)
        form = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN}
        answer = session.fetch_token(server["token_endpoint"], audience=directory.uri, **form)
        assert answer["issued_token_type"] == ACCESS_TOKEN
        assert answer["scope"] == "staff:read"
        assert "refresh_token" not in answer
        token = answer["access_token"]

    seen = directory_api.introspects(token)
    assert seen["sub"] == str(weber.pk)
    assert seen["act"]["sub"] == str(reader.agent.pk)
    assert seen["act"]["act"]["act"] == {"sub": str(discharge_assistant.pk)}

    given = Consent.objects.get(parent=None, user=weber)
    mandate.revoke(given.pk, reason="Enough.", by=Actor.person(weber), now=timezone.now())
    assert directory_api.introspects(token) == {"active": False}
    with pytest.raises(OAuthError) as refused:
        session_of(reader.client, reader.key).fetch_token(
            server["token_endpoint"], grant_type=EXCHANGE, subject_token=token, subject_token_type=ACCESS_TOKEN
        )
    assert refused.value.error == "invalid_request"


def test_what_the_how_to_page_says_works(running_mandate, discharge, passed_twice, planner, records, records_api):
    [block] = re.findall(r"<!-- tested: exchange -->\n```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    variables = {
        "ISSUER": running_mandate.url,
        "CLIENT_ID": planner.client.client_id,
        "MANDATE_KEY": planner.key,
        "SUBJECT_TOKEN": first_token(discharge, passed_twice, resource=records.uri),
        "RESOURCE": records.uri,
    }
    done = subprocess.run(
        ["sh", "-c", block], env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    token = json.loads(done.stdout)["access_token"]
    assert records_api.introspects(token)["act"]["sub"] == str(planner.agent.pk)
