"""Pages belong to the person who signed in: read in their time, kept by no cache and no history, and opened by no token."""

from __future__ import annotations

import contextlib
import zoneinfo
from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from agents.actors import Actor
from agents.trail.kinds import Kind
from agents.trail.refusals import record_refusal
from consent.screens.who_and_when import moment_of

READS = {"GET", "HEAD", "OPTIONS"}


class SignInMiddleware(LoginRequiredMiddleware):
    """Send whoever is not signed in to the sign-in. A token or key is no sign-in, whomever it acts for.

    Only a person's own session decides (decisions.md): an agent that sends its token to decide for itself is sent there
    like everybody else, and its try is ``page.refused`` in the trail.
    """

    def handle_no_permission(self, request: HttpRequest, view_func: Callable[..., Any]) -> HttpResponseRedirect:
        if request.method not in READS and "Authorization" in request.headers:
            record_refusal(
                Kind.PAGE_REFUSED,
                reason_code="login_required",
                by=Actor.of(request),
                now=moment_of(request),
                permission=(request.resolver_match.url_name if request.resolver_match else None) or "",
            )
        return super().handle_no_permission(request, view_func)


class OwnPagesMiddleware:
    """Show times in the person's zone, and let no browser keep a page: after sign-out the back button shows nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(_zone_of(request)):
            response = self.get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


def _zone_of(request: HttpRequest) -> zoneinfo.ZoneInfo:
    if request.user.is_authenticated:
        # A zone can be gone after an update of the system's list of them.
        with contextlib.suppress(zoneinfo.ZoneInfoNotFoundError, ValueError):
            return zoneinfo.ZoneInfo(request.user.time_zone)
    return zoneinfo.ZoneInfo("UTC")
