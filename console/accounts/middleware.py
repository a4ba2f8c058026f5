"""Pages belong to the person who reads them: in their time, and kept by no cache and no history."""

from __future__ import annotations

import contextlib
import zoneinfo
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone


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
