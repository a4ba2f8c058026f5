"""Who sent a request, and over which scheme, when a proxy stands in front.

First in the list of middleware, so that everything after it (limits, events, logs, cookies, redirects) sees one truth.
The headers of a proxy count when they come from an address in ``MANDATE_TRUSTED_PROXIES``; from anybody else they are
taken away unread. The host is never taken from them: Mandate knows its own address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from console.middleware import Network, client_address

FORWARDING_HEADERS = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
)


class ForwardingMiddleware:
    """Put the caller's address into ``REMOTE_ADDR`` and the caller's scheme into the request, and drop the headers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.trusted: list[Network] = [ipaddress.ip_network(network) for network in settings.TRUSTED_PROXIES]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if self._comes_from_a_proxy(request):
            # Each proxy on the way may add its own word; the last is that of the one we trust.
            scheme = request.META.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
            if scheme in ("http", "https"):
                request.META["wsgi.url_scheme"] = scheme
            request.META["REMOTE_ADDR"] = client_address(request, self.trusted)
        for header in FORWARDING_HEADERS:
            request.META.pop(header, None)
        return self.get_response(request)

    def _comes_from_a_proxy(self, request: HttpRequest) -> bool:
        try:
            address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
        except ValueError:
            return False
        return any(address in network for network in self.trusted)
