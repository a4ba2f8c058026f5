"""Addresses of the API. Machines call them; only the schema is for people."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from console.api import problems
from console.api.receipts import ReceiptsView
from console.api.schema import schema
from console.api.signals import StatusView, StreamsView, VerificationView, ssf_configuration


@csrf_exempt  # it answers 404 to everybody, and no cookie counts
@login_not_required
def not_found(request: HttpRequest, **_rest: Any) -> HttpResponse:
    """Answer what is no address of the API as the API does, not with a page."""
    return problems.not_found(request)


urlpatterns = [
    path("api/v1/receipts", ReceiptsView.as_view(), name="receipts"),
    path("api/v1/signals/streams", StreamsView.as_view(), name="ssf-streams"),
    path("api/v1/signals/status", StatusView.as_view(), name="ssf-status"),
    path("api/v1/signals/verification", VerificationView.as_view(), name="ssf-verification"),
    path(".well-known/ssf-configuration", ssf_configuration, name="ssf-configuration"),
    path("api/schema/", schema, name="api-schema"),
    path("api/", not_found, name="api-root"),
    path("api/<path:rest>", not_found, name="api-unknown"),
]
