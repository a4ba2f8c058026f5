"""S5: no page of ours sends a browser to another host, and no header is split."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from tests import builders
from tests.programs import registered, request_of

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
    "//?evil.example",
    "/\\?evil.example",
    "https:?evil.example",
    "//evil.example?" + "x" * 3_000,
    "https://evil.example?" + "x" * 3_000,
    "/?" + "x" * 17_000,
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


def test_s05_the_longest_request_of_a_client_is_come_back_to_after_the_sign_in(weber, look_up_staff, directory):
    """Django itself takes no way back of more than 2,048 characters; a state alone may have as many."""
    asked = request_of(registered().client_id, resource=directory.uri, scope="staff:read", state="x" * 2_000)
    browser = builders.browser()
    to_sign_in = browser.get("/oauth/authorize", asked)["Location"]
    where = parse_qs(urlsplit(to_sign_in).query)["next"][0]
    assert len(where) > 2_048
    form = {"login": weber.email, "password": builders.PASSWORD, "next": where}
    assert browser.post(to_sign_in, form)["Location"] == where
    assert browser.get(where).status_code == 200
    assert browser.post("/language/", {"language": "de", "next": where})["Location"] == where


@pytest.mark.parametrize("word", ["people", "person", "nowhere", "", "?", "#", "people/", "."])
def test_s05_a_word_that_is_no_path_leads_to_the_start_page(weber, word):
    for person in (None, weber):
        response = builders.browser(person).post("/language/", {"language": "en", "next": word})
        assert (response.status_code, response["Location"]) == (303, "/")
