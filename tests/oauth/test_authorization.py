"""The authorization request: every bad one, and its good twin (RFC 6749 §4.1, RFC 7636, RFC 8707, RFC 9207)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.test import Client as Browser

from agents import lifecycle
from agents.models import Agent, Client, Event, EventText, User
from agents.trail.kinds import Kind
from consent.models import AuthorizationCode, Consent
from tests import builders
from tests.consent.asking import AUTHORIZE, CHALLENGE, answer_of, asked, decides, opens
from tests.forms import form_of, text_of

pytestmark = pytest.mark.django_db
REGISTERED = "https://app.st-anna.example/callback"


def is_page(response: Any, code: str) -> None:
    """A page of ours: no redirect, a way on, and nothing of what is registered."""
    assert response.status_code == 400
    assert "Location" not in response.headers
    page = text_of(response)
    assert f"<code>{code}</code>" in page
    assert '<a class="button primary" href="/my-agents/">' in page
    assert REGISTERED not in page
    assert response.headers["Cache-Control"] == "no-store"


def both_browsers(user: User) -> list[Browser]:
    return [builders.browser(), builders.browser(user)]


# ------------------------------------------------------------------------------------------------------ pages


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


# ---------------------------------------------------------------------------------------------- error redirects


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge": CHALLENGE[:42]}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "A"}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "="}, "invalid_request"),
        ({"code_challenge": "+" + CHALLENGE[1:]}, "invalid_request"),
        ({"code_challenge": CHALLENGE[:42] + "\n"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.example/r"}, "request_uri_not_supported"),
        ({"request_uri": "urn:x"}, "request_uri_not_supported"),
        ({"resource": "https://unknown.example"}, "invalid_target"),
        ({"resource": "https://records.st-anna.example/"}, "invalid_target"),
        ({"resource": "https://records.st-anna.exampl"}, "invalid_target"),
        ({"resource": ["https://records.st-anna.example", "https://unknown.example"]}, "invalid_target"),
        ({"scope": "no:such"}, "invalid_scope"),
        ({"scope": "records:read no:such"}, "invalid_scope"),
        ({"scope": "staff:read", "resource": "https://records.st-anna.example"}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"purpose": "pay \u202egnihton"}, "invalid_request"),
        ({"purpose": "zero\u200bwidth"}, "invalid_request"),
        ({"purpose": "bell\x07"}, "invalid_request"),
        ({"nonce": "n" * 256}, "invalid_request"),
        ({"state": ["one", "two"]}, "invalid_request"),
        ({"scope": ["records:read", "records:read"]}, "invalid_request"),
        ({"code_challenge": [CHALLENGE, CHALLENGE]}, "invalid_request"),
        ({"response_type": ["code", "token"]}, "invalid_request"),
    ],
)
def test_what_is_wrong_with_a_proven_client_goes_back_to_it(
    weber: User, discharge_client: Client, bad: dict[str, Any], error: str
) -> None:
    for browser in both_browsers(weber):
        with builders.one_refusal(Kind.AUTHORIZATION_REFUSED, error):
            response = opens(browser, discharge_client, **bad)
        back = answer_of(response)
        assert response.headers["Location"].startswith(f"{REGISTERED}?error=")
        assert back["error"] == error
        assert back["iss"] == settings.ISSUER
        assert back.get("state") == (None if isinstance(bad.get("state"), list) else "a state")
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Referrer-Policy"] == "no-referrer"
    assert not AuthorizationCode.objects.exists()
    assert opens(builders.browser(weber), discharge_client).status_code == 200


def test_invalid_scope_says_which_exist(weber: User, discharge_client: Client) -> None:
    back = answer_of(opens(builders.browser(weber), discharge_client, scope="everything"))
    assert back["error_description"].endswith("calendar:read letters:write records:read staff:read")


def test_a_passer_by_does_not_learn_which_scopes_exist(discharge_client: Client) -> None:
    back = answer_of(opens(builders.browser(), discharge_client, scope="everything"))
    assert back["error"] == "invalid_scope"
    assert "records:read" not in back["error_description"]


def test_a_scope_that_the_agent_may_not_ask_for_is_refused(
    ada: User, mara: User, weber: User, read_records: Any, look_up_staff: Any
) -> None:
    client = builders.client(builders.agent("Looker", owner=ada, scopes=[look_up_staff]))
    back = answer_of(opens(builders.browser(weber), client, scope="records:read"))
    assert back["error"] == "invalid_scope"


def test_the_client_of_an_autonomous_agent_cannot_ask_people(
    ada: User, weber: User, claims_filer: Agent, now: Any
) -> None:
    client = builders.client(claims_filer, "claims")
    Client.objects.filter(pk=client.pk).update(redirect_uris=REGISTERED)
    client.refresh_from_db()
    assert answer_of(opens(builders.browser(weber), client))["error"] == "unauthorized_client"


# --------------------------------------------------------------------------------------------- what is understood


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


# ------------------------------------------------------------------------------------------------------ prompt


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
