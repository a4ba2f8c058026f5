"""OpenID Connect with Authlib's own checks, configured from discovery alone, against the running server."""

from __future__ import annotations

import pytest
import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet

from tests import builders
from tests.clients.person import TIMEOUT, person_decides
from tests.grants import REDIRECT

pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True)]


def test_authlib_learns_who_it_is_and_is_content_with_every_claim(
    running_mandate, discharge_client, discharge_key, weber
):
    server = requests.get(f"{running_mandate.url}/.well-known/openid-configuration", timeout=TIMEOUT).json()
    session = OAuth2Session(
        discharge_client.client_id,
        discharge_key.key,
        scope="openid profile email staff:read",
        code_challenge_method="S256",
        redirect_uri=REDIRECT,
        default_timeout=TIMEOUT,
    )
    verifier, nonce = generate_token(64), generate_token(16)
    address, state = session.create_authorization_url(
        server["authorization_endpoint"], code_verifier=verifier, nonce=nonce, max_age=600
    )
    back = person_decides(address, weber)
    token = session.fetch_token(
        server["token_endpoint"], authorization_response=back, state=state, code_verifier=verifier, timeout=TIMEOUT
    )
    keys = KeySet.import_key_set(requests.get(server["jwks_uri"], timeout=TIMEOUT).json())
    signed = jwt.decode(token["id_token"], keys, algorithms=server["id_token_signing_alg_values_supported"])
    said = CodeIDToken(
        signed.claims,
        signed.header,
        options={"iss": {"essential": True, "value": server["issuer"]}},
        params={
            "nonce": nonce,
            "client_id": discharge_client.client_id,
            "access_token": token["access_token"],
            "max_age": 600,
        },
    )
    said.validate(leeway=10)
    assert said["sub"] == str(weber.pk)
    assert said["auth_time"]
    again = session.refresh_token(server["token_endpoint"], timeout=TIMEOUT)
    assert again["id_token"] != token["id_token"]
    assert builders.events("token.issued")[-1].detail["id_token"] is True
