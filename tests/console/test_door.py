"""The door: machines take the short way, and are answered there exactly as on the long one through Django's handler."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections

from agents.models import Event
from console.door import Door
from console.endpoints import ENDPOINTS

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
CLIENT_CREDENTIALS = {"grant_type": "client_credentials"}


@pytest.fixture
def pages(monkeypatch):
    """Django's own way. A test lives in one transaction, whose connection nobody may give up."""
    monkeypatch.setattr("console.door.close_old_connections", lambda: None)
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield get_wsgi_application()
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@pytest.fixture
def door(pages):
    return Door(pages)


def asked(path: str = "/oauth/token", form: dict[str, str] | None = None, **more: str) -> dict[str, Any]:
    """One request as the web server hands it over."""
    body = urlencode(form or {}).encode()
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SCRIPT_NAME": "",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "HTTP_HOST": "testserver",
        "REMOTE_ADDR": "192.0.2.7",
        "CONTENT_TYPE": "application/x-www-form-urlencoded",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        **more,
    }


def answer(application: Any, request: dict[str, Any]) -> tuple[str, dict[str, str], bytes]:
    """Status, headers and body, without what differs each time: the request's id, and the cookie and token of a page."""
    told: list[Any] = []
    response = application(request, lambda status, headers: told.extend((status, dict(headers))))
    body = b"".join(response)
    if hasattr(response, "close"):
        response.close()
    status, headers = told
    assert headers.pop("X-Request-ID")
    headers.pop("Set-Cookie", None)  # of the page that says 400 to people; the door gives machines none
    return status, headers, b"a page" if headers["Content-Type"].startswith("text/html") else body


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/introspect"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"REQUEST_METHOD": "GET"},
        {"REQUEST_METHOD": "OPTIONS"},
        {"HTTP_HOST": "elsewhere.example"},
        {"HTTP_HOST": ""},
        {"CONTENT_TYPE": "application/json"},
        {"CONTENT_LENGTH": "much"},
        {"QUERY_STRING": "grant_type=client_credentials"},
        {"HTTP_AUTHORIZATION": "Basic !!!"},
        {"HTTP_AUTHORIZATION": "Bearer x", "HTTP_DPOP": "x"},
        {"HTTP_FORWARDED": "for=203.0.113.9", "HTTP_X_FORWARDED_FOR": "203.0.113.9"},
        {"wsgi.url_scheme": "https"},
    ],
)
def test_both_ways_refuse_alike(door, pages, path, more):
    assert answer(door, asked(path, CLIENT_CREDENTIALS, **more)) == answer(
        pages, asked(path, CLIENT_CREDENTIALS, **more)
    )


def test_both_ways_refuse_a_stranger_alike_everywhere(door, pages):
    for path in ENDPOINTS:
        assert answer(door, asked(path)) == answer(pages, asked(path))


def test_both_ways_give_a_token_alike(door, pages, claims, clinic_allows):
    for way in door, pages:
        status, headers, body = answer(way, asked(form=CLIENT_CREDENTIALS, **claims.header))
        assert (status, b'"access_token"' in body) == ("200 OK", True)
        assert headers == {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Pragma": "no-cache",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
        }
    assert Event.objects.filter(kind="token.issued").count() == 2


def test_what_is_no_endpoint_of_machines_goes_to_the_pages(door, pages):
    for path in ("/account/login/", "/oauth/authorize", "/oauth/token/", "/healthz", "/"):
        request = asked(path, REQUEST_METHOD="GET")
        assert answer(door, request)[0] == answer(pages, request)[0]


def test_a_fault_is_500_and_says_nothing_of_itself(door, pages, monkeypatch, claims):
    def fail(*_: Any) -> None:
        raise RuntimeError("what nobody has to know")

    monkeypatch.setattr("consent.oauth.token.server", fail)
    status, headers, body = answer(door, asked(form=CLIENT_CREDENTIALS, **claims.header))
    assert status == "500 Internal Server Error"
    assert body == b"a page"
    assert answer(pages, asked(form=CLIENT_CREDENTIALS, **claims.header)) == (status, headers, body)


def test_only_faults_of_ours_are_warnings(door, monkeypatch, claims):
    """Every poll for an answer is a 400, and there are thousands of them."""
    said: list[int] = []
    monkeypatch.setattr("console.door.log_response", lambda *_, response, request: said.append(response.status_code))
    answer(door, asked(form=CLIENT_CREDENTIALS))
    assert said == []
    monkeypatch.setattr("consent.oauth.token.server", lambda: 1 / 0)
    answer(door, asked(form=CLIENT_CREDENTIALS, **claims.header))
    assert said == [500]


UNREADABLE = ("text/plain; charset*=bogus''x", "text/plain; charset*=\xe9''x", "x; charset*=bogus''%41")
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("said", UNREADABLE)
@pytest.mark.parametrize("path", ["/oauth/token", "/account/login/"])
def test_a_content_type_that_cannot_be_taken_apart_is_none(door, path, said):
    """Django would raise for it before any layer of ours is there to answer."""
    status, _, _ = answer(door, asked(path, CLIENT_CREDENTIALS, CONTENT_TYPE=said))
    assert status.startswith("4")
    status, _, _ = answer(door, asked("/account/login/", REQUEST_METHOD="GET", CONTENT_TYPE=said))
    assert status == "200 OK"


@pytest.mark.parametrize(
    "charset", ["rot13", "zlib", "hex", "idna", "utf-7", "unicode_escape", "utf-16", "none", "\xe9", ""]
)
def test_a_charset_is_nothing_that_a_caller_chooses(door, charset):
    """Among the codecs are some that decode no text, and some that yield half characters, which no database keeps."""
    words = "q=%2B2AA-+2AA-%5Cud800"
    for said in (f"text/plain; charset={charset}", f'{FORM}; charset="{charset}"'):
        page = asked("/account/login/", REQUEST_METHOD="GET", CONTENT_TYPE=said, QUERY_STRING=words)
        assert answer(door, page)[0] == "200 OK"
        assert answer(door, asked("/account/login/", {"login": "x"}, CONTENT_TYPE=said))[0].startswith("4")


def test_a_form_may_say_that_it_is_in_utf_8(door, claims, clinic_allows):
    for said in (f"{FORM}; charset=UTF-8", f"{FORM};charset=utf-8", f"{FORM}; charset=ISO-8859-1", f"{FORM}; a=b"):
        request = asked(form=CLIENT_CREDENTIALS, CONTENT_TYPE=said, **claims.header)
        assert answer(door, request)[0] == "200 OK"
