"""S5: no page of ours sends a browser to another host, and no header is split."""

from __future__ import annotations

import pytest

from tests import builders

pytestmark = pytest.mark.django_db
TRICKS = (
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "https://evil.example/",
    "/%09/evil.example",
    "/\t/evil.example",
    "/%0d%0aLocation:https://evil.example",
    "/x\r\nLocation: https://evil.example",
    "javascript:alert(1)",
    "https://localhost@evil.example/",
)
PLACES = (
    "/account/login/",
    "/account/logout/",
    "/account/reauthenticate/",
    "/account/signup/",
    "/account/2fa/authenticate/",
    "/language/",
)


def stays(response):
    """Every address in the answer's headers is one of ours, whole and on one line."""
    for name, value in response.headers.items():
        assert "\r" not in value, name
        assert "\n" not in value, name
    for name in ("Location", "HX-Redirect", "HX-Location", "HX-Push-Url", "HX-Replace-Url", "Refresh"):
        target = response.headers.get(name, "/")
        assert target.startswith("/"), (name, target)
        assert not target.startswith(("//", "/\\", "/\t")), (name, target)


@pytest.mark.parametrize("trick", TRICKS)
def test_s05_every_way_to_name_a_next_page_stays_here(weber, trick):
    for person in (None, weber):
        for path in PLACES:
            for field in ("next", "redirect_to", "return_to", "url"):
                browser = builders.browser(person)
                stays(browser.get(path, {field: trick}))
                stays(
                    browser.post(
                        path, {field: trick, "login": weber.email, "password": builders.PASSWORD, "language": "en"}
                    )
                )
        browser = builders.browser(person)
        headers = {"HTTP_HX_CURRENT_URL": "http://testserver" + trick, "HTTP_REFERER": trick, "HTTP_HX_REQUEST": "true"}
        clean = {name: value.replace("\r", "").replace("\n", "") for name, value in headers.items()}
        for path in ("/my-agents/", "/account/", "/agents/", "/nowhere"):
            stays(browser.get(path, **clean))


def test_s05_sign_in_goes_on_to_where_one_was_going(weber):
    form = {"login": weber.email, "password": builders.PASSWORD, "next": "/account/?a=1"}
    assert builders.browser().post("/account/login/", form)["Location"] == "/account/?a=1"
