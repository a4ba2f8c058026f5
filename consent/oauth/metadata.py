"""What this server can do, for clients to read: RFC 8414, and RFC 9728 for Mandate's own API.

Only what works is named. The issuer comes from the setting, never from a Host header (RFC 8414 §2, security.md S6).
"""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from oauth2_provider.views import OAuthProtectedResourceMetadataView, OAuthServerMetadataView

from agents.acr import ACR_VALUES
from agents.models import AuthMethod, DetailType
from consent.oauth.private_key_jwt import ALGORITHMS

API_PATH = "/api/v1"


@method_decorator(login_not_required, name="dispatch")
class ServerMetadataView(OAuthServerMetadataView):
    """The toolkit's document, with what is ours: keys, authentication methods, and no scope list.

    Scopes are left out: a name means nothing without its resource, and who registered what is nobody's business.
    """

    http_method_names = ["get", "head", "options"]

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        document = json.loads(super().get(request, *args, **kwargs).content)
        document.pop("scopes_supported", None)
        document.pop("client_id_metadata_document_supported", None)
        document["jwks_uri"] = settings.ISSUER + reverse("jwks")
        document["response_modes_supported"] = ["query"]
        document["code_challenge_methods_supported"] = ["S256"]
        document["pushed_authorization_request_endpoint"] = settings.ISSUER + reverse("oauth2_provider:par")
        document["require_pushed_authorization_requests"] = False  # of everybody; a client can be made to
        document["token_endpoint_auth_methods_supported"] = [method.value for method in AuthMethod]
        document["dpop_signing_alg_values_supported"] = list(ALGORITHMS)
        document["token_endpoint_auth_signing_alg_values_supported"] = list(ALGORITHMS)
        document["revocation_endpoint_auth_signing_alg_values_supported"] = list(ALGORITHMS)
        document["revocation_endpoint_auth_methods_supported"] = [method.value for method in AuthMethod]
        document["introspection_endpoint_auth_methods_supported"] = [AuthMethod.BASIC.value]
        document["backchannel_authentication_endpoint"] = settings.ISSUER + reverse("oauth2_provider:bc-authorize")
        document["backchannel_token_delivery_modes_supported"] = ["poll", "ping"]
        document["backchannel_user_code_parameter_supported"] = False
        document["device_authorization_endpoint"] = settings.ISSUER + reverse("oauth2_provider:device-authorization")
        document["acr_values_supported"] = list(ACR_VALUES)
        types = DetailType.objects.live().order_by("name").values_list("name", flat=True)
        document["authorization_details_types_supported"] = list(types)
        response = JsonResponse(document)
        response["Access-Control-Allow-Origin"] = "*"
        response["Cache-Control"] = "public, max-age=300"
        return response


@method_decorator(login_not_required, name="dispatch")
class ApiMetadataView(OAuthProtectedResourceMetadataView):
    """Mandate's own API as a protected resource (RFC 9728 §2)."""

    http_method_names = ["get", "head", "options"]

    def get_resource(self, request: HttpRequest) -> str:
        return f"{settings.ISSUER}{API_PATH}"

    def get_authorization_servers(self, request: HttpRequest) -> list[str]:
        return [settings.ISSUER]

    def get_scopes_supported(self) -> list[str]:
        """None yet: receipts are sent by resources with their own credentials, never with a token."""
        return []

    def get_bearer_methods_supported(self) -> list[str]:
        """None yet, for the same reason (RFC 9728 §2: an empty list says so)."""
        return []

    def get_resource_name(self) -> str:
        return "Mandate API"
