"""One template renders the page and its part: the whole page works alone, htmx gets the named piece of the same file."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from consent.screens.parts import wants_part
from consent.screens.who_and_when import moment_of


def render_page(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """Render a whole page, with the time of the request as its ``now``."""
    return render(request, template, {"now": moment_of(request), **context}, status=status)


def render_part(
    request: HttpRequest, template: str, part: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render the page, or only the named ``partialdef`` of it when htmx asks. ``by_part`` says which in the context."""
    by_part = wants_part(request)
    shown = {**context, "by_part": by_part}
    response = render_page(request, f"{template}#{part}" if by_part else template, shown, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def never_stored(response: HttpResponse) -> HttpResponse:
    """Mark an answer that holds a secret: no cache and no history keeps it.

    The referrer policy stays the site's ``same-origin``: no other site learns the address, and the forms of the page
    still work (under ``no-referrer`` browsers send ``Origin: null``, which the CSRF check refuses).
    """
    response["Cache-Control"] = "no-store, max-age=0"
    response["Pragma"] = "no-cache"
    return response
