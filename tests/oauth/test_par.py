"""Pushed authorization requests (RFC 9126): what is kept, what is answered, and what stands in no address."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from consent import sweeps, tasks
from consent.models import Consent, PushedRequest
from tests import builders
from tests.builders import one_refusal
from tests.consent.asking import AUTHORIZE, VERIFIER, answer_of, asked, decides, opens_pushed, pushes
from tests.forms import form_of, text_of
from tests.grants import REDIRECT, post
from tests.security.expected import error_sent_back, is_oauth_error
from tests.services.parallel import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def right(discharge_client):
    return asked(discharge_client, scope="records:read", purpose="The letter of Mr. Sommer")


def test_from_push_to_token(discharge, right, weber, records_api):
    answer = post("/oauth/par", right, **discharge.header)
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
    pushed = answer.json()
    assert pushed["expires_in"] == 60
    assert pushed["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    sent = {"client_id": discharge.client.client_id, "request_uri": pushed["request_uri"]}
    browser = builders.browser(weber)
    form = form_of(browser.get(AUTHORIZE, sent, follow=True))
    back = answer_of(decides(browser, form, purpose_ok=["on"], scope=form_scopes(discharge)))
    assert back["state"] == right["state"]
    token = discharge.ask(
        grant_type="authorization_code", code=back["code"], code_verifier=VERIFIER, redirect_uri=REDIRECT
    )
    assert records_api.introspects(token.json()["access_token"])["purpose"] == "The letter of Mr. Sommer"


def form_scopes(discharge):
    from agents.models import Scope

    return [str(Scope.objects.get(name="records:read").pk)]


def test_a_purpose_for_sensitive_scopes_is_in_no_address(weber, discharge_client, right):
    """decisions.md, Purpose. Refused, so that its developer hears of it; without it the person says what it is for."""
    browser = builders.browser(weber)
    for scope in ("records:read", "calendar:read records:read", None):
        sent = asked(discharge_client, scope=scope, purpose="The letter of Mr. Sommer")
        with one_refusal("authorization.refused", "invalid_request"):
            answer = browser.get(AUTHORIZE, sent)
            assert error_sent_back(answer, to=REDIRECT) == "invalid_request"
            assert "oauth%2Fpar" in answer.headers["Location"]
            assert "Sommer" not in answer.headers["Location"]
    assert browser.get(AUTHORIZE, asked(discharge_client, scope="records:read")).status_code == 200
    harmless = asked(discharge_client, scope="calendar:read", purpose="Plan the next visit")
    assert browser.get(AUTHORIZE, harmless).status_code == 200
    assert "Mr. Sommer" in text_of(opens_pushed(browser, right))


def test_on_the_whole_way_through_the_sign_in_no_address_holds_the_purpose(right, discharge_client):
    sent = {"client_id": discharge_client.client_id, "request_uri": pushes(right | {"prompt": "login"})}
    browser = builders.browser()
    answer = browser.get(AUTHORIZE, sent)
    while answer.status_code in {302, 303}:
        assert "Sommer" not in answer.headers["Location"]
        assert "records" not in answer.headers["Location"]
        answer = browser.get(answer.headers["Location"])
    assert "Sommer" not in text_of(answer)


def test_only_a_digest_and_no_secret_is_kept(discharge_assistant, weber):
    client = builders.client(discharge_assistant, "posts", auth_method="client_secret_post")
    key = builders.key(client).key
    form = asked(client, scope="calendar:read", client_secret=key, unknown="x", skip_authorization="true")
    answer = post("/oauth/par", form)
    assert answer.status_code == 201
    row = PushedRequest.objects.get()
    assert row.digest not in answer.json()["request_uri"]
    assert key not in str(row.sent)
    assert not {"client_secret", "unknown", "skip_authorization"} & row.sent.keys()


def test_it_is_checked_when_it_is_pushed_as_it_would_be_at_the_screen(discharge, right):
    for bad, error in (
        ({"redirect_uri": "https://evil.example/cb"}, "invalid_request"),
        ({"redirect_uri": ""}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "no:such"}, "invalid_scope"),
        ({"resource": "https://nowhere.example"}, "invalid_target"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"purpose": "x" * 501}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"state": ["a", "b"]}, "invalid_request"),
        ({"state": "a\0b"}, "invalid_request"),
        ({"state": "x" * 2_001}, "invalid_request"),
    ):
        assert is_oauth_error(post("/oauth/par", right | bad, **discharge.header), error)
    assert not PushedRequest.objects.exists()


def test_an_agent_that_acts_alone_asks_nobody(claims):
    answer = post("/oauth/par", {"response_type": "code"}, **claims.header)
    assert is_oauth_error(answer, "invalid_request")


def test_what_changed_since_the_push_counts(discharge, right, weber, discharge_assistant, ada, see_appointments):
    from agents import agent_scopes

    reference = pushes(right)
    agent_scopes.set_scopes(
        discharge_assistant, scopes={see_appointments}, required=set(), by=builders.actor(ada), now=timezone.now()
    )
    sent = {"client_id": discharge.client.client_id, "request_uri": reference}
    answer = builders.browser(weber).get(AUTHORIZE, sent)
    assert error_sent_back(answer, to=REDIRECT) == "invalid_scope"


@pytest.mark.django_db(transaction=True)
def test_of_fifty_answers_in_fifty_tabs_one_counts(right, weber):
    reference = pushes(right | {"scope": "calendar:read"})
    sent = {"client_id": right["client_id"], "request_uri": reference}
    tabs = []
    for _ in range(50):
        browser = builders.browser(weber)
        tabs.append((browser, form_of(browser.get(AUTHORIZE, sent, follow=True))))
    outcome = at_once(50, lambda number: decides(*tabs[number]).status_code)
    assert not outcome.raised, outcome.raised[:3]
    assert sorted(outcome.returned) == [303] + [409] * 49
    assert Consent.objects.count() == 1


def test_a_sweep_deletes_it_with_its_purpose_an_hour_later(right):
    pushes(right)
    over = PushedRequest.objects.get().expires_at
    assert sweeps.delete_pushed_requests(now=over + timedelta(minutes=59)) == 0
    assert sweeps.delete_pushed_requests(now=over + timedelta(minutes=61)) == 1


def test_the_worker_sweeps_it_too(right):
    pushes(right)
    with time_machine.travel(PushedRequest.objects.get().expires_at + timedelta(minutes=61)):
        tasks.delete_dead_tokens()
    assert not PushedRequest.objects.exists()


def test_what_is_wrong_with_a_purpose_is_told_in_english_whatever_a_program_asks_for(discharge, right):
    for language in ("de", "en"):
        wrong = {**right, "purpose": "Letters\u202e"}
        answer = post("/oauth/par", wrong, HTTP_ACCEPT_LANGUAGE=language, **discharge.header)
        assert is_oauth_error(answer, "invalid_request")
        assert answer.json()["error_description"] == "purpose: Leave out characters that cannot be seen."
