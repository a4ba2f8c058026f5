"""Authorization requests that end on a page: whom to send back to is not sure (RFC 6749 §4.1.2.1, RFC 9700 §4.11)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from agents import lifecycle
from agents.models import Agent, Client, Event, EventText, User
from agents.trail.kinds import Kind
from tests import builders
from tests.consent.asking import AUTHORIZE, asked, opens
from tests.forms import text_of
from tests.oauth.authorizing import both_browsers, is_page

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://app.st-anna.example.evil.example/callback",
        "https://evilapp.st-anna.example/callback",
        "https://app.st-anna.example@evil.example/callback",
        "https://user@app.st-anna.example/callback",
        "https://app.st-anna.example:8443/callback",
        "https://app.st-anna.example:443/callback",
        "http://app.st-anna.example/callback",
        "https://app.st-anna.example/Callback",
        "https://app.st-anna.example/callback/",
        "https://app.st-anna.example/callback;x",
        "https://app.st-anna.example/callback/../x",
        "https://app.st-anna.example/%2e%2e/callback",
        "https://app.st-anna.example/%63allback",
        "https://app.st-anna.example/%2563allback",
        "https://app.st-anna.example/callback?a=b",
        "https://app.st-anna.example/callback#x",
        "https://app.st-anna.example\\callback",
        "https://app.st-anna.example/\tcallback",
        "https://app.st-anna.example./callback",
        "HTTPS://APP.ST-ANNA.EXAMPLE/callback",
        " https://app.st-anna.example/callback",
        "//app.st-anna.example/callback",
        "javascript:alert(1)",
        "data:text/html,x",
    ],
)
def test_s01_a_redirect_look_alike_is_a_page(weber: User, discharge_client: Client, redirect_uri: str) -> None:
    browser = builders.browser(weber)
    with builders.one_refusal(Kind.AUTHORIZATION_REFUSED, "invalid_redirect_uri"):
        is_page(opens(browser, discharge_client, redirect_uri=redirect_uri), "invalid_redirect_uri")
    assert opens(browser, discharge_client).status_code == 200


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "http://127.0.0.1:4000/other",
        "https://127.0.0.1:4000/cb",
        "http://127.0.0.1.evil.example/cb",
        "http://localhost.evil.example/cb",
        "http://localhost@evil.example/cb",
        "http://localhost:4000/cb",
        "http://[::ffff:127.0.0.1]:4000/cb",
        "http://0.0.0.0:4000/cb",
        "http://127.0.0.1:4000/cb?x=y",
        "http://127.0.0.2:4000/cb",
        "http://127.0.0.1:99999/cb",
        "http://127.0.0.1:0/cb",
    ],
)
def test_s02_only_the_port_of_a_loopback_redirect_is_free(
    weber: User, discharge_assistant: Agent, redirect_uri: str
) -> None:
    client = builders.client(discharge_assistant, "laptop", auth_method="none", redirect_uris=["http://127.0.0.1/cb"])
    browser = builders.browser(weber)
    with builders.one_refusal(Kind.AUTHORIZATION_REFUSED, "invalid_redirect_uri"):
        is_page(opens(browser, client, redirect_uri=redirect_uri), "invalid_redirect_uri")
    for port in ("", ":1", ":4000", ":65535"):
        assert opens(browser, client, redirect_uri=f"http://127.0.0.1{port}/cb").status_code == 200


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({"client_id": "nobody"}, "unknown_client"),
        ({"client_id": None}, "invalid_request"),
        ({"client_id": ""}, "invalid_request"),
        ({"redirect_uri": "https://evil.example/"}, "invalid_redirect_uri"),
        ({"redirect_uri": None}, "invalid_redirect_uri"),
    ],
)
@pytest.mark.parametrize("also", [{}, {"prompt": "none"}, {"scope": "no:such"}, {"response_type": "token"}])
def test_s03_an_error_is_no_open_redirector(
    weber: User, discharge_client: Client, bad: dict[str, Any], code: str, also: dict[str, Any]
) -> None:
    for browser in both_browsers(weber):
        with builders.one_refusal(Kind.AUTHORIZATION_REFUSED, code):
            is_page(opens(browser, discharge_client, **{**bad, **also}), code)


def test_the_host_of_a_redirect_that_nobody_registered_can_be_erased(weber: User, discharge_client: Client) -> None:
    """Anybody can put words into a host name: they stand in the text beside the event, not in the event."""
    for browser in both_browsers(weber):
        opens(browser, discharge_client, redirect_uri="https://maria-schmidt-1961.example/")
        event = Event.objects.latest("pk")
        assert event.reason_code == "invalid_redirect_uri"
        assert "schmidt" not in str(event.detail)
        assert "maria-schmidt-1961.example" in EventText.objects.get(pk=event.reason_digest).text


def test_s03_a_client_that_nobody_adopted_gets_no_redirect(weber: User, discharge_client: Client) -> None:
    Client.objects.filter(pk=discharge_client.pk).update(agent=None)
    for extra in ({}, {"scope": "no:such"}, {"prompt": "none"}):
        is_page(opens(builders.browser(weber), discharge_client, **extra), "client_not_usable")


def test_the_client_of_an_agent_that_is_not_active_is_told_on_a_page(
    weber: User, mara: User, discharge_client: Client, discharge_assistant: Agent, now: Any
) -> None:
    lifecycle.suspend(discharge_assistant, reason="A look.", by=builders.actor(mara), now=now)
    response = opens(builders.browser(weber), discharge_client, prompt="none")
    is_page(response, "client_not_usable")
    assert "This agent is not active" in text_of(response)


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
@pytest.mark.parametrize("second", ["the same", "another"])
def test_s08_a_doubled_client_or_redirect_is_a_page(
    weber: User, discharge_client: Client, name: str, second: str
) -> None:
    right = asked(discharge_client)
    query = urlencode({**right, name: [right[name], right[name] if second == "the same" else second]}, doseq=True)
    with builders.one_refusal(Kind.AUTHORIZATION_REFUSED, "invalid_request"):
        is_page(builders.browser(weber).get(f"{AUTHORIZE}?{query}"), "invalid_request")


@pytest.mark.parametrize(
    "bad",
    [
        {"state": "a\0b"},
        {"scope": "x\0"},
        {"client_id": "a\0"},
        {"state": "x" * 2001},
        {"scope": "x " * 600_000},
        {"purpose": "x" * 501},
        {"unknown": "x" * 2001},
        {"unknown\0": "x"},
    ],
    ids=[
        "nul in state",
        "nul in scope",
        "nul in client",
        "long state",
        "1 MB",
        "long purpose",
        "long unknown",
        "nul name",
    ],
)
def test_bytes_that_are_no_text_and_oversized_values_are_a_page(
    weber: User, discharge_client: Client, bad: dict[str, Any]
) -> None:
    with builders.one_refusal(Kind.AUTHORIZATION_REFUSED, "invalid_request"):
        is_page(opens(builders.browser(weber), discharge_client, **bad), "invalid_request")


def test_broken_utf_8_is_a_page(weber: User, discharge_client: Client) -> None:
    query = urlencode(asked(discharge_client, state=None)) + "&state=%ff%fe"
    is_page(builders.browser(weber).get(f"{AUTHORIZE}?{query}"), "invalid_request")


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch", "head"])
def test_only_get_is_taken(weber: User, discharge_client: Client, method: str) -> None:
    assert getattr(builders.browser(weber), method)(AUTHORIZE, asked(discharge_client)).status_code == 405
