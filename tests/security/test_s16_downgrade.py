"""S16: the registered method is the only one that proves a client; what a request presents never chooses it."""

from __future__ import annotations

import pytest

from agents.errors import InvalidInput
from agents.models import AuthMethod
from tests import builders, grants
from tests.builders import one_refusal
from tests.grants import basic, post
from tests.security.expected import is_oauth_error
from tests.signing import SigningClient, by_assertion, gives_key, pair

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def ways(discharge_assistant):
    """For each registered method: a client of it, and how it would prove itself by each of the ways."""
    found = {}
    for method in AuthMethod:
        client = builders.client(discharge_assistant, method.value, auth_method=method)
        signing = SigningClient(client)
        if client.signs:
            gives_key(client, signing.key)
        key = "" if client.is_public or client.signs else builders.key(client).key
        named = {"client_id": client.client_id}
        found[method] = (
            client,
            {
                AuthMethod.BASIC: ({}, basic(client.client_id, key or "mdt_x_y_z")),
                AuthMethod.POST: (named | {"client_secret": key or "mdt_x_y_z"}, {}),
                AuthMethod.PRIVATE_KEY_JWT: (signing, {}),
                AuthMethod.NONE: (named, {}),
            },
        )
    return found


@pytest.mark.parametrize("registered", list(AuthMethod))
def test_s16_only_the_registered_way_counts(ways, registered, weber, read_records, pkce):
    client, tries = ways[registered]
    given = grants.consent(client, scopes=[read_records], user=weber)
    form = {"grant_type": "authorization_code", "code": grants.code(given, pkce), "code_verifier": pkce.verifier}

    def body_of(proof):
        """An assertion counts once, so each request has its own."""
        return by_assertion(proof.assertion()) if isinstance(proof, SigningClient) else proof

    for way, (proof, header) in tries.items():
        if way == registered:
            continue
        body = body_of(proof)
        with one_refusal("token.refused", "invalid_client"):
            assert is_oauth_error(post("/oauth/token", form | body, **header), "invalid_client", 401)
        with one_refusal("revocation.refused", "invalid_client"):
            assert is_oauth_error(post("/oauth/revoke", {"token": "x"} | body, **header), "invalid_client", 401)
    proof, header = tries[registered]
    assert post("/oauth/token", form | body_of(proof), **header).status_code == 200
    assert post("/oauth/revoke", {"token": "x"} | body_of(proof), **header).status_code == 200


def test_s16_two_ways_at_once_are_invalid_request(claims, clinic_allows):
    for more in ({"client_secret": claims.key}, {"client_assertion": "e30.e30.x"}, {"client_assertion_type": "x"}):
        with one_refusal("token.refused", "invalid_request"):
            assert is_oauth_error(claims.act_alone(**more), "invalid_request")
    assert claims.act_alone().status_code == 200


def test_s16_a_client_that_signs_gets_no_secret_and_one_with_a_secret_no_public_key(
    discharge_assistant, discharge_client
):
    signs = builders.client(discharge_assistant, "signs", auth_method=AuthMethod.PRIVATE_KEY_JWT)
    with pytest.raises(InvalidInput):
        builders.key(signs)
    with pytest.raises(InvalidInput):
        gives_key(discharge_client, pair())


def test_s16_an_assertion_of_nobody_proves_nobody(claims, clinic_allows):
    form = {
        "grant_type": "client_credentials",
        "client_id": claims.client.client_id,
        "client_assertion": "e30.e30.x",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    assert is_oauth_error(post("/oauth/token", form), "invalid_client", 401)


def test_s16_a_credential_of_another_client_or_of_a_resource_proves_nobody(
    claims, clinic_allows, discharge, records_api
):
    for key in (discharge.key, records_api.key):
        answer = post("/oauth/token", {"grant_type": "client_credentials"}, **basic(claims.client.client_id, key))
        assert is_oauth_error(answer, "invalid_client", 401)
    assert claims.act_alone().status_code == 200
