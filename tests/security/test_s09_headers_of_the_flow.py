"""S9: what answers a sign-in or a decision is 303; what holds a code, form or secret is kept nowhere and told to nobody."""

from __future__ import annotations

import pytest

from tests import builders, grants
from tests.consent.asking import decides, opens, screen

pytestmark = pytest.mark.django_db


def no_cors(response):
    return not [name for name in response.headers if name.lower().startswith("access-control")]


def test_s09_a_sign_in_and_a_decision_are_answered_by_303(weber, discharge_client):
    form = {"login": weber.email, "password": builders.PASSWORD}
    assert builders.browser().post("/account/login/", form).status_code == 303
    browser = builders.browser(weber)
    for decision in ("allow", "refuse"):
        back = decides(browser, screen(browser, discharge_client, prompt="consent"), decision)
        assert back.status_code == 303
        assert back.headers["Cache-Control"] == "no-store"
        assert back.headers["Referrer-Policy"] == "no-referrer"
        assert no_cors(back)


def test_s09_pages_with_a_form_or_a_secret_are_kept_nowhere(weber, ada, mara, discharge_client, discharge_assistant):
    pages = [
        opens(builders.browser(weber), discharge_client),
        opens(builders.browser(weber), discharge_client, redirect_uri="https://evil.example"),
        builders.browser().get("/account/login/"),
        builders.browser(weber).get("/account/password/change/"),
        builders.browser(ada).get(f"/agents/{discharge_assistant.pk}/clients/{discharge_client.pk}/key/"),
        builders.browser(mara).get("/people/invite/"),
    ]
    for page in pages:
        assert page.status_code in {200, 400}, page.status_code
        assert "no-store" in page.headers["Cache-Control"]
        assert page.headers["Referrer-Policy"] in {"no-referrer", "same-origin"}
        assert no_cors(page)


def test_s09_no_endpoint_of_machines_lets_credentials_of_a_browser_through(claims, clinic_allows, records_api):
    origin = {"HTTP_ORIGIN": "https://somewhere.example"}
    token = grants.post("/oauth/token", {"grant_type": "client_credentials"}, **claims.header, **origin)
    answers = [
        token,
        grants.post("/oauth/introspect", {"token": token.json()["access_token"]}, **records_api.header, **origin),
        grants.post("/oauth/token", {}, **origin),
        builders.browser().get("/.well-known/oauth-authorization-server", **origin),
        builders.browser().get("/.well-known/jwks.json", **origin),
        builders.browser().options("/oauth/token", **origin, HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST"),
    ]
    for answer in answers:
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert not answer.cookies
    assert token.status_code == 200
