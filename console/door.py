"""The door of the web server: machines go straight to their endpoints, everybody else to Django's pages.

What Django's handler does around a page (signals, an exception frame for each layer, an answer that is streamed) costs a
token request about as much as its own work. The layers themselves are the same objects in the same order on both ways,
read from the same list, so that neither can lose a check that the other has; ``tests/console/test_door.py`` holds the
two answers against each other. A test client takes the long way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIRequest
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_header_parameters
from django.utils.log import log_response
from django.utils.module_loading import import_string

from console.endpoints import ENDPOINTS

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]
TEXT = frozenset({"utf-8", "utf8", "us-ascii"})
LAST_LAYER = "console.endpoints.MachineEndpointsMiddleware"


class Door:
    """The WSGI application. pages: Django's own, for all that is no endpoint of machines."""

    def __init__(self, pages: Application) -> None:
        self.pages = pages
        self.answer = _layers()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request. A database connection that broke, or is too old, is given up before the next one."""
        if ";" in environ.get("CONTENT_TYPE", ""):
            environ["CONTENT_TYPE"] = plain_content_type(environ["CONTENT_TYPE"])
        if environ.get("PATH_INFO") not in ENDPOINTS or environ.get("SCRIPT_NAME"):
            return self.pages(environ, start_response)
        close_old_connections()
        request = WSGIRequest(environ)
        response: HttpResponse = self.answer(request)
        if response.status_code >= 500:
            log_response("%s: %s", response.reason_phrase, request.path, response=response, request=request)
        # Nobody sets a cookie here, and what was read is small: there is nothing to stream and nothing to close.
        start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
        return [response.content]


@lru_cache(maxsize=64)
def plain_content_type(said: str) -> str:
    """Return a Content-Type without a charset that is none of ours, or nothing for one that cannot be taken apart.

    Django takes it apart before any layer is asked, and looks the charset up among all codecs there are: an unknown one
    in the form of RFC 2231 would be a fault of ours, as would one by which no text, or half a character, is read.
    """
    try:
        kind, parameters = parse_header_parameters(said)
    except (LookupError, ValueError):
        return ""
    return said if parameters.get("charset", "utf-8").lower() in TEXT else kind


def _layers() -> Callable[[HttpRequest], Any]:
    """Return the layers that stand before the endpoints of machines, around the endpoints."""
    layers = settings.MIDDLEWARE[: settings.MIDDLEWARE.index(LAST_LAYER) + 1]
    answer = convert_exception_to_response(_nobody)
    for layer in reversed(layers):
        # As Django does it: what fails in one layer is an answer to those around it, which put their headers on it.
        answer = convert_exception_to_response(import_string(layer)(answer))
    return answer


def _nobody(request: HttpRequest) -> HttpResponse:
    raise LookupError(request.path_info)  # the door opens for ``ENDPOINTS`` alone
