"""A page with a revocation clock: the whole page, or only the clock for htmx, or nothing new."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from consent.screens.parts import render_live

PART = "components/clock.html"


def render_clock(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """Render the page; to htmx only the clock, and 204 while what it saw (``seen``) is still true."""
    clock = context["clock"]
    still_true = clock is not None and clock.watched and request.GET.get("seen") == clock.mark
    return render_live(request, template, PART, context, still_true=still_true)
