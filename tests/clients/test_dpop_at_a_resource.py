"""S29: a stolen token that is bound to a key opens nothing, at a real resource (``docs/examples/records_api``)."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

import httpx
import pytest
import requests
from django.utils import timezone

from agents import resources
from agents.models import Checks, DataClass
from tests import builders, grants
from tests.builders import actor
from tests.clients.records import records_api
from tests.grants import REDIRECT
from tests.proofs import ath
from tests.signing import ed25519_pair, pair, public, rsa_pair, signed

pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True)]


class Agent:
    """A program with a key of its own: it gets bound tokens and proves the key at each request."""

    def __init__(self, mandate, client, secret, key):
        self.mandate, self.client, self.secret, self.key = mandate, client, secret, key

    def proof(self, method, url, token="", **changed):
        claims = {"htm": method, "htu": url, "iat": int(time.time()), "jti": secrets.token_urlsafe(16)}
        if token:
            claims["ath"] = ath(token)
        said = {name: value for name, value in {**claims, **changed}.items() if value is not None}
        return signed(said, self.key, typ="dpop+jwt", jwk=public(self.key))

    def token(self, *, bound=True, **form):
        url = f"{self.mandate.url}/oauth/token"
        headers = {"DPoP": self.proof("POST", url)} if bound else {}
        return requests.post(url, data=form, auth=(self.client.client_id, self.secret), headers=headers, timeout=20)


@pytest.fixture
def place(running_mandate, mara, ada, weber, tmp_path: Path):
    """Mandate, the API with its two resources, and an agent that Weber allows both."""
    api, records = records_api(tmp_path, running_mandate, by=mara, wards=f"{weber.pk}=3B")
    directory = builders.resource("Ward directory", f"{api.uri}/directory", checks=Checks.OFFLINE, by=mara)
    scopes = [
        builders.scope(records, "records:read", data_class=DataClass.HEALTH),
        builders.scope(directory, "directory:read", "See the wards"),
    ]
    client = builders.client(builders.agent(owner=ada, scopes=scopes))
    given = grants.consent(client, scopes=scopes, user=weber)
    agent = Agent(running_mandate, client, builders.key(client).key, pair())
    try:
        yield api.start(), records, directory, agent, given
    finally:
        api.stop()


def token_of(agent, given, at, *, bound=True):
    pkce = grants.Pkce()
    form = {"grant_type": "authorization_code", "code": grants.code(given, pkce), "code_verifier": pkce.verifier}
    answer = agent.token(bound=bound, resource=at.uri, redirect_uri=REDIRECT, **form)
    assert answer.status_code == 200, answer.text
    assert answer.json()["token_type"] == ("DPoP" if bound else "Bearer")
    return answer.json()["access_token"]


def calls(url, token, *proofs, scheme="DPoP"):
    headers = [("Authorization", f"{scheme} {token}"), *(("DPoP", one) for one in proofs)]
    return httpx.get(url, headers=headers, timeout=20)


@pytest.mark.parametrize("key", [pair, ed25519_pair, rsa_pair])
def test_a_bound_token_works_with_its_key_at_both_kinds_of_resource(place, key):
    api, records, directory, agent, given = place
    agent.key = key()
    for at, path in ((records, "/patients/p-1001"), (directory, "/directory/wards")):
        token, url = token_of(agent, given, at), api.uri + path
        assert calls(url, token, agent.proof("GET", url, token)).status_code == 200
        assert calls(url + "?a=b", token, agent.proof("GET", url, token)).status_code == 200


def test_s29_stolen_replayed_or_misused(place):
    api, records, directory, agent, given = place
    thief = Agent(agent.mandate, agent.client, agent.secret, pair())
    for at, path in ((records, "/patients/p-1001"), (directory, "/directory/wards")):
        token, other, url = token_of(agent, given, at), token_of(agent, given, at), api.uri + path
        seen = agent.proof("GET", url, token)
        assert calls(url, token, seen).status_code == 200
        now = int(time.time())
        tries = {
            "as bearer": calls(url, token, scheme="Bearer"),
            "as bearer with a proof": calls(url, token, agent.proof("GET", url, token), scheme="Bearer"),
            "without a proof": calls(url, token),
            "another key": calls(url, token, thief.proof("GET", url, token)),
            "replayed": calls(url, token, seen),
            "two proofs": calls(url, token, agent.proof("GET", url, token), agent.proof("GET", url, token)),
            "no ath": calls(url, token, agent.proof("GET", url)),
            "another token's ath": calls(url, token, agent.proof("GET", url, other)),
            "another method": calls(url, token, agent.proof("POST", url, token)),
            "another place": calls(url, token, agent.proof("GET", f"{api.uri}/recent", token)),
            "another host": calls(url, token, agent.proof("GET", f"https://evil.example{path}", token)),
            "old": calls(url, token, agent.proof("GET", url, token, iat=now - 600)),
            "of the future": calls(url, token, agent.proof("GET", url, token, iat=now + 600)),
            "no jti": calls(url, token, agent.proof("GET", url, token, jti=None)),
            "garbage": calls(url, token, "a.b.c"),
            "for the token endpoint": calls(url, token, agent.proof("POST", f"{agent.mandate.url}/oauth/token")),
        }
        for name, answer in tries.items():
            assert answer.status_code == 401, name
            assert answer.headers["WWW-Authenticate"].startswith("DPoP "), name
            assert answer.json()["error"] in {"invalid_token", "invalid_dpop_proof"}, name
        bearer = token_of(agent, given, at, bound=False)
        assert calls(url, bearer, agent.proof("GET", url, bearer)).status_code == 401
        assert calls(url, bearer, scheme="Bearer").status_code == 200
        assert calls(url, token, agent.proof("GET", url, token)).status_code == 200


def test_s29_a_resource_that_demands_it_gets_no_bearer_token(place, mara):
    api, records, _, agent, given = place
    pkce = grants.Pkce()
    resources.change(records, require_dpop=True, by=actor(mara), now=timezone.now())
    form = {"grant_type": "authorization_code", "code": grants.code(given, pkce), "code_verifier": pkce.verifier}
    refused = agent.token(bound=False, resource=records.uri, redirect_uri=REDIRECT, **form)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_dpop_proof")
    assert agent.token(resource=records.uri, redirect_uri=REDIRECT, **form).status_code == 200
    api.stop()
    api.settings["RECORDS_REQUIRE_DPOP"] = "1"
    api.start()
    metadata = httpx.get(f"{api.uri}/.well-known/oauth-protected-resource", timeout=20).json()
    assert metadata["dpop_bound_access_tokens_required"] is True
    token = token_of(agent, given, records)
    url = f"{api.uri}/patients"
    assert calls(url, token, agent.proof("GET", url, token)).status_code == 200
