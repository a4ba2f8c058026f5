"""Authlib against the running server: code and PKCE with the consent screen, refresh, client credentials, and giving back."""

from __future__ import annotations

from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from django.utils import timezone

from agents.models import AuthMethod
from consent import mandate
from tests import builders, grants
from tests.clients.person import TIMEOUT, person_decides
from tests.consent.asking import AUTHORIZE
from tests.grants import REDIRECT

pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def server(running_mandate):
    """What the server says of itself: clients are configured from its metadata alone."""
    return requests.get(f"{running_mandate.url}/.well-known/oauth-authorization-server", timeout=TIMEOUT).json()


def session_of(client, key, method, **more):
    return OAuth2Session(
        client.client_id,
        key,
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        code_challenge_method="S256",
        redirect_uri=REDIRECT,
        default_timeout=TIMEOUT,
        **more,
    )


@pytest.mark.parametrize("method", [AuthMethod.BASIC, AuthMethod.POST, AuthMethod.NONE])
def test_code_and_pkce_through_the_screen_then_refresh_and_give_back(
    server, method, discharge_assistant, weber, records, records_api, see_appointments
):
    client = builders.client(discharge_assistant, "authlib", auth_method=method)
    key = "" if method == AuthMethod.NONE else builders.key(client).key
    authlib = session_of(client, key, method, scope="calendar:read offline_access")
    verifier = generate_token(64)
    address, state = authlib.create_authorization_url(
        server["authorization_endpoint"], code_verifier=verifier, resource=records.uri, purpose="See what is due today"
    )
    assert AUTHORIZE in address
    back = person_decides(address, weber)
    assert parse_qs(urlsplit(back).query)["iss"] == [server["issuer"]]

    token = authlib.fetch_token(
        server["token_endpoint"], authorization_response=back, state=state, code_verifier=verifier, timeout=TIMEOUT
    )
    assert token["scope"] == "calendar:read"
    seen = records_api.introspects(token["access_token"])
    assert (seen["active"], seen["sub"], seen["purpose"]) == (True, str(weber.pk), "See what is due today")

    fresh = authlib.refresh_token(server["token_endpoint"], refresh_token=token["refresh_token"], timeout=TIMEOUT)
    assert fresh["refresh_token"] != token["refresh_token"]
    assert records_api.introspects(fresh["access_token"])["active"] is True

    given_back = authlib.revoke_token(server["revocation_endpoint"], fresh["refresh_token"], timeout=TIMEOUT)
    assert given_back.status_code == 200
    assert records_api.introspects(fresh["access_token"]) == {"active": False}
    with pytest.raises(OAuthError) as refused:
        authlib.refresh_token(server["token_endpoint"], refresh_token=fresh["refresh_token"], timeout=TIMEOUT)
    assert refused.value.error == "invalid_grant"


def test_a_pushed_request_names_the_patient_and_its_address_does_not(
    server, discharge_assistant, weber, records, records_api, read_records
):
    client = builders.client(discharge_assistant, "authlib", require_par=True)
    key = builders.key(client).key
    authlib = session_of(client, key, AuthMethod.BASIC, scope="calendar:read")
    verifier, purpose = generate_token(64), "The next visit of Mr. Sommer"
    address, state = authlib.create_authorization_url(
        server["authorization_endpoint"], code_verifier=verifier, resource=records.uri, purpose=purpose
    )
    pushed = requests.post(
        server["pushed_authorization_request_endpoint"],
        data=dict(parse_qsl(urlsplit(address).query)),
        auth=authlib.client_auth(AuthMethod.BASIC.value),
        timeout=TIMEOUT,
    )
    assert pushed.status_code == 201, pushed.text
    named = {"client_id": client.client_id, "request_uri": pushed.json()["request_uri"]}
    back = person_decides(f"{server['authorization_endpoint']}?{urlencode(named)}", weber)
    token = authlib.fetch_token(
        server["token_endpoint"], authorization_response=back, state=state, code_verifier=verifier, timeout=TIMEOUT
    )
    assert records_api.introspects(token["access_token"])["purpose"] == purpose


def test_narrowing_does_not_kill_a_client_that_repeats_its_scopes(
    server, discharge, weber, weber_allows, read_records, pkce
):
    pair = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()
    grants.keeps(weber_allows, read_records, by=weber)
    authlib = session_of(discharge.client, discharge.key, AuthMethod.BASIC, scope="records:read letters:write")
    fresh = authlib.refresh_token(server["token_endpoint"], refresh_token=pair["refresh_token"], timeout=TIMEOUT)
    assert fresh["scope"] == "records:read"


def test_client_credentials_introspection_and_a_revoked_consent(server, claims, clinic_allows, records_api, mara):
    agent = session_of(claims.client, claims.key, AuthMethod.BASIC)
    token = agent.fetch_token(server["token_endpoint"], grant_type="client_credentials", timeout=TIMEOUT)
    resource = OAuth2Session(records_api.resource.identifier, records_api.key, default_timeout=TIMEOUT)

    def introspected():
        return resource.introspect_token(
            server["introspection_endpoint"], token["access_token"], timeout=TIMEOUT
        ).json()

    assert introspected()["active"] is True
    mandate.revoke(clinic_allows.pk, reason="Over.", by=builders.actor(mara), now=timezone.now())
    assert introspected() == {"active": False}
    with pytest.raises(OAuthError) as refused:
        agent.fetch_token(server["token_endpoint"], grant_type="client_credentials", timeout=TIMEOUT)
    assert refused.value.error == "unauthorized_client"


def test_the_specified_errors_reach_the_client(server, claims, clinic_allows):
    for key, form, error in (
        ("mdt_wrong", {}, "invalid_client"),
        (claims.key, {"scope": "no:such"}, "invalid_scope"),
        (claims.key, {"resource": "https://nowhere.example"}, "invalid_target"),
    ):
        agent = session_of(claims.client, key, AuthMethod.BASIC)
        with pytest.raises(OAuthError) as refused:
            agent.fetch_token(server["token_endpoint"], grant_type="client_credentials", timeout=TIMEOUT, **form)
        assert refused.value.error == error
