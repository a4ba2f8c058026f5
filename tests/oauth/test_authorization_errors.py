"""Authorization requests whose error goes back to the client, with the issuer (RFC 6749 §4.1.2.1, RFC 9207)."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from agents.models import Agent, Client, User
from agents.trail.kinds import Kind
from consent.models import AuthorizationCode
from tests import builders
from tests.consent.asking import CHALLENGE, answer_of, opens
from tests.oauth.authorizing import REGISTERED, both_browsers

pytestmark = pytest.mark.django_db


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
    assert "calendar:read letters:write records:read staff:read" in back["error_description"]


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
