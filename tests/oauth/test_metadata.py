"""Server metadata: the issuer is the setting's, and it says what it says (RFC 8414, RFC 9728).

Whether that is true, both ways: test_metadata_is_true.py, test_not_advertised.py.
"""

from __future__ import annotations

import pytest
from django.test import Client as Browser

pytestmark = [pytest.mark.django_db]
SERVER = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"]
API = "/.well-known/oauth-protected-resource"


@pytest.fixture
def document(settings):
    return Browser().get(SERVER).json()


def test_it_says_what_there_is_and_no_more(document, settings):
    issuer = settings.ISSUER
    assert document == {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "urn:openid:params:grant-type:ciba",
            "urn:ietf:params:oauth:grant-type:device_code",
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ],
        "backchannel_authentication_endpoint": f"{issuer}/oauth/bc-authorize",
        "backchannel_token_delivery_modes_supported": ["poll", "ping"],
        "backchannel_user_code_parameter_supported": False,
        "device_authorization_endpoint": f"{issuer}/oauth/device_authorization",
        "pushed_authorization_request_endpoint": f"{issuer}/oauth/par",
        "require_pushed_authorization_requests": False,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "dpop_signing_alg_values_supported": ["ES256", "EdDSA", "Ed25519", "PS256"],
        "token_endpoint_auth_methods_supported": METHODS,
        "token_endpoint_auth_signing_alg_values_supported": ["ES256", "EdDSA", "Ed25519", "PS256"],
        "revocation_endpoint_auth_methods_supported": METHODS,
        "revocation_endpoint_auth_signing_alg_values_supported": ["ES256", "EdDSA", "Ed25519", "PS256"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic"],
        "authorization_grant_profiles_supported": ["urn:ietf:params:oauth:grant-profile:id-jag"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "claims_supported": [
            "iss",
            "sub",
            "aud",
            "azp",
            "exp",
            "iat",
            "auth_time",
            "acr",
            "nonce",
            "at_hash",
        ],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "acr_values_supported": ["urn:mandate:acr:single", "urn:mandate:acr:multi", "phr"],
    }


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_HOST": "127.0.0.1:9"},
        {"HTTP_X_FORWARDED_HOST": "evil.example"},
        {"HTTP_FORWARDED": "host=evil.example;proto=https"},
        {"HTTP_X_FORWARDED_PROTO": "https"},
        {"HTTP_X_FORWARDED_PREFIX": "/evil"},
        {"SCRIPT_NAME": ""},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", [SERVER, OPENID, API, f"{API}/api/v1"])
def test_no_header_chooses_who_we_say_we_are(path, headers):
    plain = Browser().get(path)
    assert Browser().get(path, **headers).content == plain.content
    assert b"evil" not in plain.content


@pytest.mark.parametrize("path", [SERVER, API, "/.well-known/jwks.json"])
def test_an_unknown_host_is_refused(path):
    assert Browser().get(path, HTTP_HOST="evil.example").status_code == 400


@pytest.mark.parametrize("path", [SERVER, OPENID, API, f"{API}/api/v1", "/.well-known/jwks.json"])
def test_anybody_may_read_it_from_anywhere_and_only_read(path):
    answer = Browser().get(path, HTTP_ORIGIN="https://somewhere.example")
    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer
    assert not answer.cookies
    assert Browser().post(path).status_code == 405


def test_mandates_own_api_names_its_authorization_server(settings):
    seen = Browser().get(f"{API}/api/v1").json()
    assert seen["resource"] == f"{settings.ISSUER}/api/v1"
    assert seen["authorization_servers"] == [settings.ISSUER]
