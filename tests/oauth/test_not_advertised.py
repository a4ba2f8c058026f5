"""What the metadata does not advertise is refused, or not there.

Every address below ``/oauth/`` and ``/.well-known/`` is named by a document or stands in a short list with its reason, and
every grant, way to prove oneself, response type and address that other servers have is tried and refused.
"""

from __future__ import annotations

import base64
from urllib.parse import urlsplit

import oauth2_provider.urls
import pytest
from django.test import Client as Browser
from django.urls import URLPattern, get_resolver, resolve
from joserfc.jwk import OctKey

from agents.models import AuthMethod
from tests.builders import browser
from tests.consent.asking import answer_of, opens
from tests.grants import post
from tests.security.expected import is_oauth_error
from tests.security.routes import every_route
from tests.signing import by_assertion, claims_of, signed

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
SERVER = "/.well-known/oauth-authorization-server"
API = "/.well-known/oauth-protected-resource"
NOT_NAMED = {
    "/oauth/authorize/decision": "the form of our own page",
    "/oauth/authorize/ask": "the form of our own page",
    "/oauth/authorize/report": "the form of our own page",
    "/oauth/register/<str:client_id>": "named in the answer to each registration",
    SERVER: "the document itself",
    "/.well-known/openid-configuration": "the same document",
    API: "the document itself",
    f"{API}/api/v1": "the document itself",
    "/.well-known/evidence-keys.json": "named in each file of evidence",
    "/.well-known/change-password": "for password managers",
    "/.well-known/ssf-configuration": "a document of its own: OpenID Shared Signals Framework 1.0 §7",
}
"""Addresses beside the documents that are no member of them, and why."""


@pytest.fixture
def document(organisation):
    return Browser().get(SERVER).json()


def test_every_address_is_named_or_has_its_reason(document):
    named = {urlsplit(value).path for value in document.values() if isinstance(value, str)}
    below = {f"/{route.path}" for route in every_route() if route.path.startswith(("oauth/", ".well-known/"))}
    assert below - named - set(NOT_NAMED) == set()
    for member, value in document.items():
        if member.endswith(("_endpoint", "_uri")):
            assert resolve(urlsplit(value).path)


def test_no_address_of_the_toolkit_is_there_beside_ours(document):
    """django-oauth-toolkit comes with pages and endpoints of its own: none of its views answers anywhere."""
    theirs = [pattern for pattern in oauth2_provider.urls.urlpatterns if isinstance(pattern, URLPattern)]
    assert theirs
    ours = {pattern.callback for pattern in patterns(get_resolver().url_patterns)}
    assert not {pattern.callback for pattern in theirs} & ours
    assert not any(callback.__module__.startswith("oauth2_provider") for callback in ours)


def patterns(found):
    for pattern in found:
        if isinstance(pattern, URLPattern):
            yield pattern
        else:
            yield from patterns(pattern.url_patterns)


@pytest.mark.parametrize(
    "path",
    [
        "/oauth/register/", "/register", "/oauth/device-authorization/", "/oauth/userinfo", "/oauth/logout",
        "/oauth/applications/", "/oauth/authorized_tokens/", "/oauth/introspect/", "/oauth/revoke_token/",
        "/oauth/token/", "/oauth/end_session", "/oauth/check_session", "/.well-known/jwks", "/.well-known/webfinger",
        "/.well-known/oauth-authorization-server/api/v1", "/.well-known/openid-federation",
    ],
)  # fmt: skip
def test_what_other_servers_have_and_this_one_does_not(document, path):
    assert path not in {urlsplit(value).path for value in document.values() if isinstance(value, str)}
    for call in (Browser().get, Browser().post):
        answer = call(path)
        assert answer.status_code in {302, 403, 404}
        assert "Location" not in answer or answer["Location"].startswith("/account/login/")


GRANTS = [
    "password", "implicit", "CLIENT_CREDENTIALS", "client-credentials", "authorization-code", "authorization_code ",
    "urn:ietf:params:oauth:grant-type:token-exchange", "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:saml2-bearer", "urn:ietf:params:oauth:grant-type:uma-ticket",
    "urn:ietf:params:oauth:grant-type:pre-authorized_code", "urn:ietf:params:oauth:grant-type:device-code",
    "urn:openid:params:grant-type:ciba:", "http://auth0.com/oauth/grant-type/password-realm",
]  # fmt: skip


def test_no_grant_beside_those_listed(document, claims, discharge):
    for grant in set(GRANTS) - set(document["grant_types_supported"]):
        for client in (claims, discharge):
            assert is_oauth_error(client.ask(grant_type=grant, username="a", password="b"), "unsupported_grant_type")


def test_no_response_type_mode_or_challenge_beside_those_listed(document, weber, discharge_client):
    person = browser(weber)
    kinds = {"token", "id_token", "code token", "code id_token", "code id_token token", "id_token token", "none"}
    for kind in kinds - set(document["response_types_supported"]):
        answer = answer_of(opens(person, discharge_client, response_type=kind))
        assert answer["error"] == "unsupported_response_type"
    modes = {"query", "fragment", "form_post", "query.jwt", "fragment.jwt", "form_post.jwt", "jwt", "web_message"}
    for mode in modes - set(document["response_modes_supported"]):
        assert answer_of(opens(person, discharge_client, response_mode=mode))["error"] == "invalid_request"
    for method in {"plain", "S512", "", None} - set(document["code_challenge_methods_supported"]):
        answer = answer_of(opens(person, discharge_client, code_challenge_method=method))
        assert answer["error"] == "invalid_request"


def test_no_way_to_prove_oneself_beside_those_listed(document, claims, clinic_allows):
    """client_secret_jwt and the ways by certificate are no methods that a client can be registered with."""
    assert set(AuthMethod.values) == set(document["token_endpoint_auth_methods_supported"])
    by_secret = OctKey.import_key(claims.key)
    assertion = signed(claims_of(claims.client.client_id), by_secret, algorithm="HS256")
    form = {"grant_type": "client_credentials"}
    for body, header in (
        (by_assertion(assertion), {}),
        ({"client_id": claims.client.client_id}, {"HTTP_X_SSL_CLIENT_CERT": "x", "HTTP_X_CLIENT_CERT": "x"}),
        ({"client_id": claims.client.client_id}, {"HTTP_OAUTH_CLIENT_ATTESTATION": assertion}),
        ({"client_id": claims.client.client_id}, {"HTTP_AUTHORIZATION": f"Bearer {claims.key}"}),
        ({}, {"HTTP_AUTHORIZATION": "Digest " + base64.b64encode(claims.key.encode()).decode()}),
    ):
        assert is_oauth_error(post("/oauth/token", form | body, **header), "invalid_client", 401)
