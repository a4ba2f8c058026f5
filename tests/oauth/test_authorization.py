"""The authorization request: what is understood, what comes back, and prompt (RFC 6749 §4.1, RFC 8707, RFC 9207)."""

from __future__ import annotations

from typing import Any

import pytest

from agents.models import Agent, Client, User
from agents.trail.kinds import Kind
from consent.models import Consent
from tests import builders
from tests.consent.asking import answer_of, decides, opens
from tests.forms import form_of, text_of

pytestmark = pytest.mark.django_db


def shown_scopes(response: Any) -> set[str]:
    """The titles of the permissions on the screen."""
    titles = {
        "Read patient files of ward 3B": "records:read",
        "Write draft letters": "letters:write",
        "See your appointments": "calendar:read",
        "Look up staff": "staff:read",
        "Read the other thing": "other records:read",
    }
    return {name for title, name in titles.items() if title in text_of(response)}


def test_without_a_scope_the_registered_ones_are_asked(weber: User, discharge_client: Client) -> None:
    everything = {"records:read", "letters:write", "calendar:read", "staff:read"}
    for scope in (None, "", "offline_access"):
        assert shown_scopes(opens(builders.browser(weber), discharge_client, scope=scope)) == everything


def test_a_resource_narrows_what_is_asked(weber: User, discharge_client: Client) -> None:
    browser = builders.browser(weber)
    there = opens(browser, discharge_client, resource="https://directory.st-anna.example")
    assert shown_scopes(there) == {"staff:read"}
    both = ["https://directory.st-anna.example", "https://records.st-anna.example"]
    some = opens(browser, discharge_client, resource=both, scope="staff:read records:read")
    assert shown_scopes(some) == {"staff:read", "records:read"}


def test_a_name_counts_at_each_asked_resource_that_offers_it(
    ada: User, mara: User, weber: User, read_records: Any
) -> None:
    other = builders.resource("Other records", "https://other.st-anna.example")
    same_name = builders.scope(other, "records:read", "Read the other thing")
    client = builders.client(builders.agent("Two", owner=ada, scopes=[read_records, same_name]))
    browser = builders.browser(weber)
    assert shown_scopes(opens(browser, client, scope="records:read")) == {"records:read", "other records:read"}
    one = opens(browser, client, scope="records:read", resource="https://other.st-anna.example")
    assert shown_scopes(one) == {"other records:read"}


def test_unknown_parameters_are_ignored(weber: User, discharge_client: Client) -> None:
    response = opens(builders.browser(weber), discharge_client, skip_authorization="1", approval_prompt="auto", x="y")
    assert response.status_code == 200


def test_s04_every_answer_names_the_issuer_of_the_metadata_and_the_state_once(
    weber: User, discharge_client: Client
) -> None:
    issuer = builders.browser().get("/.well-known/oauth-authorization-server").json()["issuer"]
    state = "a&b=c d/é?#%00"
    browser = builders.browser(weber)
    form = form_of(opens(browser, discharge_client, state=state))
    second = form_of(opens(browser, discharge_client, state=state))
    answers = [
        decides(browser, form),
        decides(browser, second, "refuse"),
        opens(browser, discharge_client, state=state, scope="no:such"),
        opens(browser, discharge_client, state=state, prompt="none", purpose="Something else"),
        opens(builders.browser(), discharge_client, state=state, prompt="none"),
    ]
    for answer in answers:
        back = answer_of(answer)
        assert (back["iss"], back["state"]) == (issuer, state)
    assert "state" not in answer_of(opens(browser, discharge_client, state=None, scope="no:such"))


def test_s09_the_flow_is_kept_nowhere_and_told_to_nobody(weber: User, discharge_client: Client) -> None:
    browser = builders.browser(weber)
    page = opens(browser, discharge_client)
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] in {"same-origin", "no-referrer"}
    assert "form-action" not in page.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"
    assert not [name for name in page.headers if name.lower().startswith("access-control")]
    back = decides(browser, form_of(page))
    assert back.status_code == 303
    assert back.headers["Referrer-Policy"] == "no-referrer"
    assert back.headers["Cache-Control"] == "no-store"


def test_a_redirect_that_has_a_query_keeps_it(weber: User, discharge_assistant: Agent) -> None:
    client = builders.client(discharge_assistant, "query", redirect_uris=["https://app.st-anna.example/cb?tenant=3"])
    browser = builders.browser(weber)
    back = decides(browser, form_of(opens(browser, client)))
    assert back.headers["Location"].startswith("https://app.st-anna.example/cb?tenant=3&code=")


def test_prompt_none_never_shows_a_page(weber: User, omar: User, discharge_client: Client) -> None:
    cases = [(builders.browser(), "login_required"), (builders.browser(weber), "consent_required")]
    cases.append((builders.browser(omar), "interaction_required"))
    for browser, error in cases:
        with builders.one_refusal(Kind.AUTHORIZATION_REFUSED, error):
            assert answer_of(opens(browser, discharge_client, prompt="none"))["error"] == error
    assert not Consent.objects.exists()


def test_prompt_login_asks_for_a_fresh_proof_and_then_goes_on(weber: User, discharge_client: Client) -> None:
    browser = builders.browser()
    browser.post("/account/login/", {"login": weber.email, "password": builders.PASSWORD})
    first = opens(browser, discharge_client, prompt="login")
    assert first.status_code == 302
    assert first.headers["Location"].startswith("/account/reauthenticate/?next=")
    assert opens(browser, discharge_client, prompt="login", signed_in_after="forged").status_code == 302
    again = browser.post(first.headers["Location"], {"password": builders.PASSWORD})
    assert again.status_code == 303, text_of(again)
    assert browser.get(again.headers["Location"]).status_code == 200
