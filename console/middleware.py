"""What is known of a request before anything else happens: its one time, its id, the caller's address."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from agents.actors import RequestFacts
from agents.ids import uuid7

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(request: HttpRequest, trusted: list[Network]) -> str:
    """Return the address of the caller: the nearest one in X-Forwarded-For that no trusted proxy holds.

    Without a trusted proxy in front the header is ignored: anybody can send it.
    """
    address = request.META.get("REMOTE_ADDR", "")
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    while hops and _is_in(address, trusted):
        address = hops.pop()
    return address if _parsed(address) else ""


@lru_cache(maxsize=4_096)
def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None


def _is_in(address: str, networks: list[Network]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in networks)


class RequestFactsMiddleware:
    """Attach ``request.facts`` and ``request.now``, and name the request in the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.trusted: list[Network] = [ipaddress.ip_network(network) for network in settings.TRUSTED_PROXIES]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        facts = RequestFacts(timezone.now(), uuid7(), client_address(request, self.trusted))
        request.facts = facts  # type: ignore[attr-defined]
        request.now = facts.now  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-ID"] = str(facts.id)
        return response
