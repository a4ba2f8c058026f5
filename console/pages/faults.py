"""What is said when the fault is ours. A database that cannot answer now is 503: it is no mistake of the code (F8, F9)."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.views.defaults import server_error

from console.api import problems

RETRY_AFTER = "2"
"""Seconds."""


def fault(request: HttpRequest) -> HttpResponse:
    """Answer for an exception that nobody caught. Asks the database for nothing: it may be what failed."""
    passes = isinstance(sys.exception(), OperationalError | InterfaceError)
    if request.path_info.startswith("/api/"):
        response = problems.fault(request, 503 if passes else 500)
    elif passes:
        response = HttpResponse(loader.get_template("503.html").render(), status=503)
    else:
        response = server_error(request)
    if passes:
        response["Retry-After"] = RETRY_AFTER
        response["Cache-Control"] = "no-store"
    return response
