"""S15: nobody walks around a pushed request, and a reference never makes Mandate call anybody."""

from __future__ import annotations

import pytest
from django.test import Client as Browser

from agents.models import AuthMethod
from consent.models import PushedRequest
from tests import builders, grants
from tests.builders import one_refusal
from tests.consent.asking import AUTHORIZE, asked, opens_pushed, pushes
from tests.forms import text_of
from tests.grants import post
from tests.security.expected import error_sent_back, is_oauth_error, is_page_400

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
BACK = "https://app.st-anna.example/callback"


@pytest.fixture
def right(discharge_client):
    return asked(discharge_client, scope="calendar:read", purpose="Plan the next visit")


def test_s15_a_reference_inside_a_push(discharge, right):
    for bad, error in (
        ({"request_uri": pushes(right)}, "invalid_request"),
        ({"request_uri": "https://evil.example/object"}, "invalid_request"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
    ):
        with one_refusal("authorization.refused", error):
            assert is_oauth_error(post("/oauth/par", right | bad, **discharge.header), error)
    assert post("/oauth/par", right, **discharge.header).status_code == 201


def test_s15_whoever_does_not_prove_to_be_the_client(discharge, right, discharge_assistant):
    for header, more in (
        ({}, {}),
        (grants.basic(discharge.client.client_id, "mdt_wrong"), {}),
        ({}, {"client_secret": discharge.key}),  # registered for the header
        ({}, {"client_id": "nobody"}),
    ):
        with one_refusal("authorization.refused", "invalid_client"):
            assert is_oauth_error(post("/oauth/par", right | more, **header), "invalid_client", 401)
    other = builders.client(discharge_assistant, "other")
    with one_refusal("authorization.refused", "invalid_request"):
        named = right | {"client_id": other.client_id}
        assert is_oauth_error(post("/oauth/par", named, **discharge.header), "invalid_request")
    assert not PushedRequest.objects.exists()
    assert post("/oauth/par", right, **discharge.header).status_code == 201


def test_s15_thirty_wrong_secrets_and_that_address_waits(one_minute, discharge, right):
    wrong = grants.basic(discharge.client.client_id, "mdt_wrong")
    answers = [post("/oauth/par", right, **wrong).status_code for _ in range(31)]
    assert answers == [401] * 30 + [429]


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "options", "patch"])
def test_s15_only_post(method):
    answer = getattr(Browser(), method)("/oauth/par")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_s15_a_client_that_must_push(weber, discharge_assistant):
    client = builders.client(discharge_assistant, "must push", require_par=True)
    right = asked(client, scope="calendar:read")
    for browser in (builders.browser(), builders.browser(weber)):
        with one_refusal("authorization.refused", "invalid_request"):
            answer = browser.get(AUTHORIZE, right)
            assert error_sent_back(answer, to=BACK) == "invalid_request"
            assert "oauth%2Fpar" in answer.headers["Location"]
    assert opens_pushed(builders.browser(weber), right).status_code == 200


def test_s15_request_objects_and_foreign_references_lead_to_no_call(weber, discharge_client, monkeypatch):
    def calls(*_args, **_kwargs):
        raise AssertionError("Mandate called somebody")

    monkeypatch.setattr("socket.getaddrinfo", calls)
    monkeypatch.setattr("socket.create_connection", calls)
    browser = builders.browser(weber)
    for name in ("request", "request_uri"):
        for value in (
            "https://evil.example/object",
            "http://127.0.0.1:9/",
            "urn:example:x",
            "eyJhbGciOiJub25lIn0.e30.",
        ):
            with one_refusal("authorization.refused", f"{name}_not_supported"):
                sent = asked(discharge_client, scope="calendar:read", **{name: value})
                assert error_sent_back(browser.get(AUTHORIZE, sent), to=BACK) == f"{name}_not_supported"
    bare = {"client_id": discharge_client.client_id, "request_uri": "https://evil.example/object"}
    with one_refusal("authorization.refused", "invalid_redirect_uri"):
        assert is_page_400(browser.get(AUTHORIZE, bare))


def test_s15_what_stands_beside_a_reference_counts_for_nothing(weber, right, discharge_client, mallory):
    """RFC 9101 §6.3: neither wider scopes, nor another way back, nor another purpose."""
    reference = pushes(right)
    beside = {
        "redirect_uri": "https://evil.example/cb", "scope": "records:read", "purpose": "Something else",
        "state": "forged", "code_challenge": "x" * 43, "prompt": "none", "response_type": "token",
    }  # fmt: skip
    sent = {"client_id": discharge_client.client_id, "request_uri": reference} | beside
    page = text_of(builders.browser(weber).get(AUTHORIZE, sent, follow=True))
    assert "Plan the next visit" in page
    assert "See your appointments" in page
    for forged in ("evil.example", "Something else", "Read patient files"):
        assert forged not in page


def test_s15_a_public_client_pushes_by_its_name_alone(discharge_assistant, weber):
    client = builders.client(discharge_assistant, "public", auth_method=AuthMethod.NONE, require_par=True)
    answer = post("/oauth/par", asked(client, scope="calendar:read"))
    assert answer.status_code == 201
    sent = {"client_id": client.client_id, "request_uri": answer.json()["request_uri"]}
    assert builders.browser(weber).get(AUTHORIZE, sent, follow=True).status_code == 200


def test_s15_nobody_fills_the_table_by_naming_a_public_client(one_minute, discharge_assistant):
    client = builders.client(discharge_assistant, "public", auth_method=AuthMethod.NONE)
    right = asked(client, scope="calendar:read")
    statuses = [post("/oauth/par", right).status_code for _ in range(101)]
    assert statuses == [201] * 100 + [429]
    elsewhere = post("/oauth/par", right, REMOTE_ADDR="203.0.113.7")
    assert elsewhere.status_code == 201


def test_s15_a_server_with_many_people_is_not_taken_for_a_flood(discharge, discharge_client, monkeypatch):
    """It proved itself, and pushes for all of them from the one address that it has."""
    monkeypatch.setattr("consent.oauth.par.MOST_WAITING", 2)
    right = asked(discharge_client, scope="calendar:read")
    assert [post("/oauth/par", right, **discharge.header).status_code for _ in range(4)] == [201] * 4
