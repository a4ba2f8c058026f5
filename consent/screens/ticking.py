"""A page with a revocation clock: the whole page, or only the clock for htmx, or nothing new."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

PART = "components/clock.html"


def render_clock(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """Render the page; to htmx only the clock, and 204 while what it saw (``seen``) is still true.

    So nothing is read out again by a screen reader, and nothing flickers, until there is something to say.
    """
    clock = context["clock"]
    if request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers:
        still_true = clock is not None and clock.watched and request.GET.get("seen") == clock.mark
        response = HttpResponse(status=204) if still_true else render(request, PART, context)
    else:
        response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response
