"""Who sent a request is told by a trusted proxy or by the connection, never by the sender (security.md S6)."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from console.forwarding import ForwardingMiddleware

PROXY = "10.0.0.7"
SENT = {
    "HTTP_X_FORWARDED_FOR": "203.0.113.9, 198.51.100.4",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X_FORWARDED_HOST": "evil.example",
    "HTTP_FORWARDED": "for=203.0.113.9;host=evil.example;proto=http, for=198.51.100.4;proto=https",
}
HEADERS = ["forwarded", "x-forwarded"]


def seen(settings, peer: str, *, header: str = "forwarded", **headers: Any) -> HttpRequest:
    """Return the request as the pages see it."""
    settings.TRUSTED_PROXIES, settings.PROXY_HEADER = [PROXY, "10.1.0.0/16"], header
    kept: list[HttpRequest] = []

    def page(request: HttpRequest) -> HttpResponse:
        kept.append(request)
        return HttpResponse()

    ForwardingMiddleware(page)(RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_HOST="testserver", **headers))
    return kept[0]


@pytest.mark.parametrize("header", HEADERS)
def test_a_trusted_proxy_tells_address_and_scheme(settings, header):
    request = seen(settings, PROXY, header=header, **SENT)

    # The nearest that the proxy saw; what stands before is hearsay.
    assert request.META["REMOTE_ADDR"] == "198.51.100.4"
    assert request.is_secure()


@pytest.mark.parametrize("header", HEADERS)
def test_a_stranger_tells_nothing(settings, header):
    request = seen(settings, "198.51.100.99", header=header, **SENT)

    assert request.META["REMOTE_ADDR"] == "198.51.100.99"
    assert not request.is_secure()


def test_only_the_header_that_was_agreed_is_read(settings):
    request = seen(settings, PROXY, HTTP_X_FORWARDED_FOR="203.0.113.9", HTTP_X_FORWARDED_PROTO="https")
    assert (request.META["REMOTE_ADDR"], request.is_secure()) == (PROXY, False)
    request = seen(settings, PROXY, header="x-forwarded", HTTP_FORWARDED="for=203.0.113.9;proto=https")
    assert (request.META["REMOTE_ADDR"], request.is_secure()) == (PROXY, False)


def test_nobody_chooses_our_host(settings):
    for peer in (PROXY, "198.51.100.99"):
        request = seen(settings, peer, **SENT)
        assert request.get_host() == "testserver"
        assert not [name for name in request.META if "FORWARDED" in name]


def test_only_the_last_word_on_the_scheme_counts(settings):
    assert not seen(settings, PROXY, header="x-forwarded", HTTP_X_FORWARDED_PROTO="https, http").is_secure()
    assert not seen(settings, PROXY, header="x-forwarded", HTTP_X_FORWARDED_PROTO="javascript").is_secure()
    assert seen(settings, PROXY, header="x-forwarded", HTTP_X_FORWARDED_PROTO="http, https").is_secure()
    assert not seen(
        settings, PROXY, HTTP_FORWARDED="for=192.0.2.1;proto=https, for=192.0.2.2;proto=javascript"
    ).is_secure()


def test_the_proxy_that_ends_tls_tells_the_scheme_through_another_that_we_trust(settings):
    said = "for=203.0.113.9;proto=http, for=198.51.100.4;proto=https, for=10.1.2.3;proto=http"
    request = seen(settings, PROXY, HTTP_FORWARDED=said)
    assert (request.META["REMOTE_ADDR"], request.is_secure()) == ("198.51.100.4", True)


@pytest.mark.parametrize(
    ("element", "address"),
    [
        ("for=192.0.2.4", "192.0.2.4"),
        ("For=192.0.2.4; Proto=https", "192.0.2.4"),
        ('for="192.0.2.4:4711"', "192.0.2.4"),
        ('for="[192.0.2.4]"', "192.0.2.4"),
        ('for="[2001:db8::1]:4711"', "2001:db8::1"),
        ("for=2001:db8::1", "2001:db8::1"),
        ("for=unknown", ""),
        ("for=_hidden", ""),
        ("proto=https", ""),
        ('for="', ""),
        ("=;=;", ""),
    ],
)
def test_forms_of_an_address(settings, element, address):
    assert seen(settings, PROXY, HTTP_FORWARDED=element).META["REMOTE_ADDR"] == address
    swallowed = f'for="203.0.113.9;by="a, {element}'  # a quote that a caller left open
    assert seen(settings, PROXY, HTTP_FORWARDED=swallowed).META["REMOTE_ADDR"] == address


@pytest.mark.parametrize("said", ["", " ", ","])
def test_a_proxy_that_says_nothing_is_itself_the_caller(settings, said):
    assert seen(settings, PROXY, HTTP_FORWARDED=said).META["REMOTE_ADDR"] == PROXY
