"""Who sent a request is told by a trusted proxy or by the connection, never by the sender (security.md S6)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from console.forwarding import ForwardingMiddleware

PROXY = "10.0.0.7"
SENT = {
    "HTTP_X_FORWARDED_FOR": "203.0.113.9, 198.51.100.4",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_HOST": "evil.example",
    "HTTP_FORWARDED": "for=203.0.113.9;host=evil.example",
}


def seen(settings, peer: str, **headers: Any) -> HttpRequest:
    """Return the request as the pages see it."""
    settings.TRUSTED_PROXIES = [PROXY]
    kept: list[HttpRequest] = []

    def page(request: HttpRequest) -> HttpResponse:
        kept.append(request)
        return HttpResponse()

    ForwardingMiddleware(page)(RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_HOST="testserver", **headers))
    return kept[0]


def test_a_trusted_proxy_tells_address_and_scheme(settings):
    request = seen(settings, PROXY, **SENT)

    assert (
        request.META["REMOTE_ADDR"] == "198.51.100.4"
    )  # the nearest that the proxy saw; what stands before is hearsay
    assert request.is_secure()


def test_a_stranger_tells_nothing(settings):
    request = seen(settings, "198.51.100.99", **SENT)

    assert request.META["REMOTE_ADDR"] == "198.51.100.99"
    assert not request.is_secure()


def test_nobody_chooses_our_host(settings):
    for peer in (PROXY, "198.51.100.99"):
        request = seen(settings, peer, **SENT)
        assert request.get_host() == "testserver"
        assert not [name for name in request.META if "FORWARDED" in name]


def test_only_the_last_word_on_the_scheme_counts(settings):
    assert not seen(settings, PROXY, HTTP_X_FORWARDED_PROTO="https, http").is_secure()
    assert not seen(settings, PROXY, HTTP_X_FORWARDED_PROTO="javascript").is_secure()
