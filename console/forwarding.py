"""Who sent a request, and over which scheme, when a proxy stands in front.

First in the list of middleware, so that everything after it (limits, events, logs, cookies, redirects) sees one truth.
What a proxy says counts when it comes from an address in ``MANDATE_TRUSTED_PROXIES``; from anybody else it is taken
away unread. The host is never taken from it: Mandate knows its own address.

It is read from ``Forwarded`` (RFC 7239). WSGI makes one name of ``X-Forwarded-For`` and ``X_Forwarded_For``, and the web
server keeps the last of the two: a proxy that sets the one and lets the other pass lets the caller choose who they are.
``Forwarded`` has no dash, so nothing is mistaken for it. ``MANDATE_PROXY_HEADER=x-forwarded`` is for a proxy that cannot
write it and drops headers with underscores.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

FORWARDING_HEADERS = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
)


@dataclass(frozen=True, slots=True)
class Hop:
    """What one proxy says of who called it."""

    address: str
    scheme: str


class ForwardingMiddleware:
    """Put the caller's address into ``REMOTE_ADDR`` and the caller's scheme into the request, and drop the headers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.trusted: list[Network] = [ipaddress.ip_network(network) for network in settings.TRUSTED_PROXIES]
        self.hops_of = hops_of_forwarded if settings.PROXY_HEADER == "forwarded" else hops_of_x_forwarded

    def __call__(self, request: HttpRequest) -> HttpResponse:
        address = request.META.get("REMOTE_ADDR", "")
        if self._is_a_proxy(address):
            hops = self.hops_of(request)
            scheme = ""
            # From the nearest outwards, as long as a proxy that we trust says who came before. The rest is hearsay.
            while hops and self._is_a_proxy(address):
                hop = hops.pop()
                address, scheme = hop.address, hop.scheme
            request.META["REMOTE_ADDR"] = address if parsed(address) else ""
            if scheme in ("http", "https"):
                request.META["wsgi.url_scheme"] = scheme
        for header in FORWARDING_HEADERS:
            request.META.pop(header, None)
        return self.get_response(request)

    def _is_a_proxy(self, address: str) -> bool:
        found = parsed(address)
        return found is not None and any(found in network for network in self.trusted)


def hops_of_forwarded(request: HttpRequest) -> list[Hop]:
    """Return what ``Forwarded`` says, the nearest hop last (RFC 7239 §4).

    Split at each comma, quoted or not: none stands in an address, and a quote that a caller left open must not swallow
    what the proxy wrote behind it.
    """
    hops = []
    for element in request.META.get("HTTP_FORWARDED", "").split(","):
        said: dict[str, str] = {}
        for pair in element.split(";"):
            name, _, value = pair.partition("=")
            said[name.strip().lower()] = value.strip().strip('"')
        if element.strip():
            hops.append(Hop(_address_in(said.get("for", "")), said.get("proto", "").lower()))
    return hops


def hops_of_x_forwarded(request: HttpRequest) -> list[Hop]:
    """Return what ``X-Forwarded-For`` and ``X-Forwarded-Proto`` say, the nearest hop last."""
    # Each proxy on the way may add its own word on the scheme; the last is that of the one we trust.
    scheme = request.META.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
    said = [hop for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    return [Hop(_address_in(hop), scheme) for hop in said or [request.META.get("REMOTE_ADDR", "")]]


def _address_in(node: str) -> str:
    """Return the address without what may stand around it: ``192.0.2.4:80``, ``[2001:db8::1]:80``."""
    node = node.strip()
    if node.startswith("["):
        return node[1:].partition("]")[0]
    return node.partition(":")[0] if node.count(":") == 1 else node


@lru_cache(maxsize=4_096)
def parsed(address: str) -> Address | None:
    """Return the address, or None for what is none."""
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None
