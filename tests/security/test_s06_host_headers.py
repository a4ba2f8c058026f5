"""S6: who we say we are comes from the setting; a header changes neither that nor whose address an event names."""

from __future__ import annotations

import socket

import pytest
from django.test import Client as Browser

from agents.models import Event, EventText
from tests.consent.asking import AUTHORIZE, answer_of, asked, decides
from tests.forms import form_of

pytestmark = pytest.mark.django_db
SPOOFED = {
    "HTTP_X_FORWARDED_HOST": "evil.example",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_FORWARDED": "for=203.0.113.9;host=evil.example;proto=https",
    "HTTP_X_FORWARDED_FOR": "203.0.113.9",
    "HTTP_X_REAL_IP": "203.0.113.9",
}
PATHS = (
    "/oauth/token",
    "/oauth/introspect",
    "/oauth/revoke",
    "/oauth/authorize",
    "/.well-known/oauth-authorization-server",
    "/.well-known/jwks.json",
    "/account/login/",
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "localhost@evil.example", "a b", ""])
def test_s06_an_unknown_host_is_refused(path, host):
    for call in (Browser().get, Browser().post):
        assert call(path, HTTP_HOST=host).status_code == 400
    assert Browser().get(path).status_code != 500


def test_s06_the_issuer_in_answers_tokens_and_metadata_is_the_setting(
    discharge, discharge_client, weber, weber_allows, pkce, records_api, settings
):
    from tests import builders, grants

    browser = builders.browser(weber)
    form = form_of(browser.get(AUTHORIZE, asked(discharge_client), **SPOOFED))
    assert answer_of(decides(browser, form))["iss"] == settings.ISSUER
    answer = grants.post(
        "/oauth/token",
        {
            "grant_type": "authorization_code",
            "code": grants.code(weber_allows, pkce),
            "code_verifier": pkce.verifier,
        },
        **discharge.header,
        **SPOOFED,
    )
    seen = grants.post(
        "/oauth/introspect", {"token": answer.json()["access_token"]}, **records_api.header, **SPOOFED
    ).json()
    assert seen["iss"] == settings.ISSUER
    for path in "/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource":
        document = Browser().get(path, **SPOOFED)
        assert b"evil" not in document.content
        assert document.content == Browser().get(path).content


def test_s06_a_spoofed_address_changes_neither_the_event_nor_the_limit(one_minute, claims, clinic_allows):
    from tests.grants import basic, post

    wrong = basic(claims.client.client_id, claims.key[:-1] + "0")
    for number in range(30):
        post("/oauth/token", {"grant_type": "client_credentials"}, **wrong, HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")
    held_up = post("/oauth/token", {"grant_type": "client_credentials"}, **wrong, HTTP_X_FORWARDED_FOR="203.0.113.99")
    assert held_up.status_code == 429
    assert len(set(Event.objects.filter(kind="token.refused").values_list("address_digest", flat=True))) == 1
    assert not EventText.objects.filter(text__startswith="203.0.113").exists()


ALIASES = {
    "X_Forwarded_For": "203.0.113.9",
    "x-forwarded_for": "203.0.113.9",
    "X_Forwarded_Proto": "https",
    "X-Forwarded_Proto": "https",
    "X_Real_IP": "203.0.113.9",
}


@pytest.mark.parametrize("running_mandate", [{"MANDATE_TRUSTED_PROXIES": "127.0.0.1"}], indirect=True)
@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.django_db(transaction=True)
def test_s06_a_header_that_reads_like_the_proxys_changes_nothing(running_mandate, order):
    """Over the real server, which makes one name of ``X-Forwarded-For`` and ``X_Forwarded_For``."""
    from tests import builders

    mara = builders.person("Mara", "administrator")
    said = [("Forwarded", "for=198.51.100.4;proto=http")]
    sent = [*ALIASES.items(), ("X-Forwarded-For", "203.0.113.9")]
    headers = [*sent, *said] if order == "before" else [*said, *sent]
    with socket.create_connection(("127.0.0.1", running_mandate.port), timeout=10) as door:
        body = f"grant_type=client_credentials&client_id={mara.pk}"
        lines = [f"POST /oauth/token HTTP/1.1\r\nHost: localhost:{running_mandate.port}\r\nConnection: close"]
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers]
        door.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        assert door.recv(4096).startswith(b"HTTP/1.1 401")
    event = Event.objects.get(kind="token.refused")
    assert EventText.objects.get(digest=event.address_digest).text == "198.51.100.4"
    assert not EventText.objects.filter(text__startswith="203.0.113").exists()
