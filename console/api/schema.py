"""The OpenAPI description of the API, for signed-in people."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.views import SpectacularJSONAPIView

API_SETTINGS: dict[str, Any] = {
    "TITLE": "Mandate API",
    "DESCRIPTION": "Errors are problem details (RFC 9457) with a stable `code`.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "resourceBasic": {
                "type": "http",
                "scheme": "basic",
                "description": "The resource's identifier and one of its keys.",
            },
            "resourceKey": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "mdt_…",
                "description": "One of the resource's keys.",
            },
        }
    },
    "SERVERS": [{"url": settings.ISSUER}],
    "COMPONENT_SPLIT_PATCH": False,  # what a PATCH needs is said by its own serializer
}
_view = SpectacularJSONAPIView.as_view(
    urlconf="console.api.urls",
    custom_settings=API_SETTINGS,
    authentication_classes=[],
    permission_classes=[],
)


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """Describe the API as OpenAPI 3.1 in JSON. Sign-in is asked for by SignInMiddleware."""
    response: HttpResponse = _view(request)
    return response
