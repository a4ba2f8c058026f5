"""One line for each request: method, path, status, time. No query string: codes and states travel in it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

logger = structlog.get_logger("mandate.requests")
lines = logging.getLogger("mandate.requests")
"""Asked first: where nobody writes these lines, none is put together."""

QUIET = ("/static/", "/healthz", "/readyz")
"""Paths that are asked all the time and tell nothing; seen at DEBUG."""


class RequestLogMiddleware:
    """Write the line when the answer is known, and bind the request's id to everything logged on the way."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        facts = getattr(request, "facts", None)
        if facts is not None:
            structlog.contextvars.bind_contextvars(request_id=str(facts.id))
        response = self.get_response(request)
        if not lines.isEnabledFor(logging.INFO) and response.status_code < 500:
            return response
        quiet = request.path.startswith(QUIET) and response.status_code < 500
        (logger.debug if quiet else logger.info)(
            "request",
            method=request.method,
            path=request.path,
            status=response.status_code,
            ms=round((time.perf_counter() - started) * 1000, 1),
        )
        return response
