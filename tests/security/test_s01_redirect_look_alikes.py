"""S1: a redirect URI is the registered one letter for letter, or the answer is a page that discloses nothing."""

from __future__ import annotations

import pytest

from tests import builders
from tests.builders import one_refusal
from tests.consent.asking import answer_of, decides, opens
from tests.forms import form_of, text_of
from tests.security.expected import is_page_400

pytestmark = pytest.mark.django_db
REGISTERED = "https://app.st-anna.example/callback"
LOOK_ALIKES = (
    "https://app.st-anna.example.evil.example/callback",
    "https://evil-app.st-anna.example/callback",
    "https://app.st-anna.example@evil.example/callback",
    "https://app.st-anna.example:1@evil.example/callback",
    "https://user@app.st-anna.example/callback",
    "https://app.st-anna.example:444/callback",
    "https://app.st-anna.example:/callback",
    "http://app.st-anna.example/callback",
    "https://app.st-anna.example/CALLBACK",
    "https://APP.st-anna.example/callback",
    "https://app.st-anna.example/callback/",
    "https://app.st-anna.example/callback;x",
    "https://app.st-anna.example/callback/../x",
    "https://app.st-anna.example/callback/%2e%2e/x",
    "https://app.st-anna.example/%63allback",
    "https://app.st-anna.example/callback%252f",
    "https://app.st-anna.example/callback?",
    "https://app.st-anna.example/callback?a=b",
    "https://app.st-anna.example/callback#",
    "https://app.st-anna.example/callback#x",
    "https:\\\\app.st-anna.example\\callback",
    "https://evil.example\\@app.st-anna.example/callback",
    "https://app.st-anna.example/call\tback",
    "https://app.st-anna.example/callback\n",
    "https://app.st-anna.example./callback",
    "https://app.st-\u0430nna.example/callback",
    "javascript://app.st-anna.example/callback",
    "app.st-anna.example:/callback",
)


def test_s01_a_look_alike_is_a_page_and_one_event(weber, discharge_client):
    for number, uri in enumerate(LOOK_ALIKES):
        browser = builders.browser(weber if number % 2 else None)
        browser.defaults["REMOTE_ADDR"] = f"198.51.100.{number}"  # each its own source: beyond 20 a minute are counted
        with one_refusal("authorization.refused", "invalid_redirect_uri"):
            page = opens(browser, discharge_client, redirect_uri=uri)
        assert is_page_400(page)
        assert REGISTERED not in text_of(page)
    browser = builders.browser(weber)
    back = decides(browser, form_of(opens(browser, discharge_client, redirect_uri=REGISTERED)))
    assert back.headers["Location"].startswith(f"{REGISTERED}?")
    assert "code" in answer_of(back)
