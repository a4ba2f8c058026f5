"""oauth4webapi against the running server: every answer held against its specification, by functions nobody here wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.models import AuthMethod, DataClass
from tests import builders, grants
from tests.clients.person import person_decides
from tests.clients.records import records_api
from tests.consent.asking import ticked
from tests.grants import REDIRECT
from tests.services.node import node

# They need `make npm`: part of `make test-all`.
pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def settings_of(mandate, token_client, **more):
    client = token_client.client
    return {
        "issuer": mandate.url,
        "client_id": client.client_id,
        "key": token_client.key,
        "redirect_uri": REDIRECT,
        "scope": "calendar:read",
        **more,
    }


@pytest.mark.parametrize("push", [False, True], ids=["plain", "pushed"])
def test_every_answer_from_discovery_to_introspection(running_mandate, discharge, weber, records, records_api, push):
    about = settings_of(
        running_mandate, discharge, resource=records.uri, push=push,
        resource_id=records.identifier, resource_key=records_api.key,
    )  # fmt: skip
    with node("oauth4webapi", "codeAndAll", **about) as program:
        program.hears(person_decides(program.says_well()["open"], weber))
        got = program.says_well()
    assert got["first"]["token_type"] == got["second"]["token_type"] == "bearer"
    assert (got["before"]["active"], got["before"]["sub"]) == (True, str(weber.pk))
    assert got["after"] == {"active": False}


@pytest.mark.parametrize("story", ["checksTheIssuer", "missesTheIssuer"])
def test_an_answer_of_another_issuer_is_thrown_away(running_mandate, discharge, weber, records, story):
    """RFC 9207: the client stops because the metadata say that each answer names the issuer."""
    about = settings_of(running_mandate, discharge, resource=records.uri)
    with node("oauth4webapi", story, **about) as program:
        program.hears(person_decides(program.says_well()["open"], weber))
        said = program.says()
    assert said["failed"] == "OAUTH_INVALID_RESPONSE"
    assert "iss" in said["words"]


@pytest.mark.parametrize("method", [AuthMethod.BASIC, AuthMethod.NONE])
def test_from_the_resource_to_the_server_to_a_bound_token(running_mandate, ada, mara, weber, tmp_path: Path, method):
    """RFC 9728, RFC 8414, RFC 9126 and RFC 9449 in one walk, beginning with nothing but the address of the API."""
    api, records = records_api(tmp_path, running_mandate, by=mara)
    read = builders.scope(records, "records:read", data_class=DataClass.HEALTH)
    client = builders.client(builders.agent(owner=ada, scopes=[read]), auth_method=method)
    key = builders.key(client).key if method == AuthMethod.BASIC else ""
    about = settings_of(
        running_mandate, grants.TokenClient(client, key), scope="records:read", resource=api.uri,
        api=f"{api.uri}/patients", push=True,
    )  # fmt: skip
    api.start()
    try:
        with node("oauth4webapi", "resourceFirst", **about) as program:
            address = program.says_well()["open"]
            program.hears(person_decides(address, weber, changing=lambda form: {**form, "scope": ticked(read)}))
            got = program.says_well()
    finally:
        api.stop()
    assert got == {"issuer": running_mandate.url, "resource": api.uri, "token_type": "dpop", "status": 200}


def test_a_jwt_access_token_is_valid_for_a_library_that_checks_it_offline(
    running_mandate, claims, claims_filer, mara, directory, look_up_staff
):
    grants.consent(claims.client, scopes=[look_up_staff], user=None, by=mara, purpose="File claims")
    about = settings_of(running_mandate, claims, scope="staff:read", resource=directory.uri)
    with node("oauth4webapi", "jwtAccessToken", **about) as program:
        token = program.says_well()
    assert (token["iss"], token["aud"], token["sub"]) == (running_mandate.url, directory.uri, str(claims_filer.pk))
    assert token["scope"] == "staff:read"
