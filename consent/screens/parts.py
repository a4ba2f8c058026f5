"""One page, whole or the part of it that htmx asks for, and nothing while what it saw is still true."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers


def wants_part(request: HttpRequest) -> bool:
    """Whether htmx asks for a piece. A history restore gets the whole page."""
    htmx: Any = getattr(request, "htmx", None)
    return bool(htmx) and not htmx.history_restore_request and not htmx.boosted


def render_live(
    request: HttpRequest, template: str, part: str, context: dict[str, Any], *, still_true: bool
) -> HttpResponse:
    """Render the page; to htmx only the part, and 204 while what it saw is still true.

    So nothing is read out again by a screen reader, and nothing flickers, until there is something to say.
    """
    if wants_part(request):
        response = HttpResponse(status=204) if still_true else render(request, part, context)
    else:
        response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response
