"""What this server can do, for clients to read: RFC 8414, OpenID Connect Discovery 1.0, and RFC 9728 for Mandate's own API.

RFC 8414 §2, Discovery §3 members      server_metadata        RFC 9728 §2 members      api_metadata
The members of the first two are one list (their registry is one too), and so is the document at both addresses.
Only what works is named; ``tests/oauth/test_metadata_is_true.py`` and ``test_not_advertised.py`` walk both ways. The issuer
comes from the setting, never from a Host header (RFC 8414 §2, security.md S6).
Left out: ``scopes_supported`` and ``authorization_details_types_supported``. A scope means nothing without its resource, and
a type of details belongs to a scope: each resource names its own (RFC 9728 §2), and who registered what is nobody else's
business.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from agents.acr import ACR_VALUES
from agents.models import AuthMethod, Organisation, Registration
from consent.oauth.authorization import PROMPTS
from consent.oauth.id_jag import PROFILE
from consent.oauth.id_token import CLAIMS
from consent.oauth.server import GRANTS
from consent.oauth.signed_jwt import ALGORITHMS
from consent.oauth.signing_keys import ALGORITHM

API_PATH = "/api/v1"
ENDPOINTS = {
    "authorization_endpoint": "oauth2_provider:authorize",
    "token_endpoint": "oauth2_provider:token",
    "introspection_endpoint": "oauth2_provider:introspect",
    "revocation_endpoint": "oauth2_provider:revoke-token",
    "pushed_authorization_request_endpoint": "oauth2_provider:par",
    "backchannel_authentication_endpoint": "oauth2_provider:bc-authorize",
    "device_authorization_endpoint": "oauth2_provider:device-authorization",
    "jwks_uri": "jwks",
}
"""The members that are addresses, and the names of their routes."""


def server_metadata() -> dict[str, Any]:
    """Return what clients may rely on."""
    methods, algorithms = [method.value for method in AuthMethod], list(ALGORITHMS)
    return {
        "issuer": settings.ISSUER,
        **{member: settings.ISSUER + reverse(route) for member, route in ENDPOINTS.items()},
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANTS),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "require_pushed_authorization_requests": False,  # of everybody; a client can be made to
        "acr_values_supported": list(ACR_VALUES),
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": [AuthMethod.BASIC.value],
        "dpop_signing_alg_values_supported": algorithms,
        "backchannel_token_delivery_modes_supported": ["poll", "ping"],
        "backchannel_user_code_parameter_supported": False,
        "authorization_grant_profiles_supported": [PROFILE],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "claims_supported": list(CLAIMS),
        "prompt_values_supported": list(PROMPTS),
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,  # of the client's own, that is: Discovery §3 means true where nothing stands
        **_self_registration(),
    }


def _self_registration() -> dict[str, Any]:
    """How programs that people did not register come to be clients, as far as policy lets them (RFC 7591, CIMD)."""
    organisation = Organisation.current()
    said: dict[str, Any] = {}
    if organisation is not None and organisation.registration != Registration.OFF:
        said["registration_endpoint"] = settings.ISSUER + reverse("oauth2_provider:register")
    if organisation is not None and organisation.client_documents:
        said["client_id_metadata_document_supported"] = True
    return said


def api_metadata() -> dict[str, Any]:
    """Return Mandate's own API as a protected resource.

    No scopes and no ways to send a token yet, which empty lists say: receipts are sent by resources with their own keys.
    """
    return {
        "resource": settings.ISSUER + API_PATH,
        "authorization_servers": [settings.ISSUER],
        "scopes_supported": [],
        "bearer_methods_supported": [],
        "resource_name": "Mandate API",
    }


@login_not_required
@require_safe
def server_document(request: HttpRequest) -> HttpResponse:
    """Answer RFC 8414 §3 and Discovery §4."""
    return _public(server_metadata())


@login_not_required
@require_safe
def api_document(request: HttpRequest) -> HttpResponse:
    """Answer RFC 9728 §3."""
    return _public(api_metadata())


def _public(document: dict[str, Any]) -> HttpResponse:
    response = JsonResponse(document)
    response["Access-Control-Allow-Origin"] = "*"
    response["Cache-Control"] = "public, max-age=300"
    return response
