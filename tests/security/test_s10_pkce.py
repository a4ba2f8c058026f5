"""S10: no code without an S256 challenge, no token without its verifier, for confidential clients likewise."""

from __future__ import annotations

import pytest

from agents.models import AuthMethod
from tests import builders, grants
from tests.builders import one_refusal
from tests.consent.asking import CHALLENGE, opens
from tests.grants import Pkce, post
from tests.security.expected import error_sent_back, is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
BACK = "https://app.st-anna.example/callback"
BAD = (
    {"code_challenge": None},
    {"code_challenge": ""},
    {"code_challenge_method": None},
    {"code_challenge_method": "plain"},
    {"code_challenge_method": "s256"},
    {"code_challenge": CHALLENGE[:42]},
    {"code_challenge": CHALLENGE + "A"},
    {"code_challenge": CHALLENGE[:42] + "="},
    {"code_challenge": CHALLENGE[:42] + "+"},
    {"code_challenge": CHALLENGE[:42] + "\n"},
)


@pytest.mark.parametrize("method", [AuthMethod.BASIC, AuthMethod.NONE])
def test_s10_no_code_without_a_right_challenge(weber, discharge_assistant, method):
    client = builders.client(discharge_assistant, "c", auth_method=method)
    browser = builders.browser(weber)
    for bad in BAD:
        with one_refusal("authorization.refused", "invalid_request"):
            assert error_sent_back(opens(browser, client, **bad), to=BACK) == "invalid_request"
    assert opens(browser, client).status_code == 200


def test_s10_no_token_without_the_verifier(discharge, weber_allows, pkce):
    code = grants.code(weber_allows, pkce)
    for verifier in ("", pkce.challenge, pkce.verifier[:-1], pkce.verifier + "x", pkce.verifier.swapcase(), "x" * 200):
        with one_refusal("token.refused", "invalid_grant"):
            assert is_oauth_error(discharge.redeem(code, Pkce(verifier)), "invalid_grant")
    assert discharge.redeem(code, pkce).status_code == 200


def test_s10_nor_for_a_public_client(discharge_assistant, weber, read_records, pkce):
    public = builders.client(discharge_assistant, "local tool", auth_method=AuthMethod.NONE)
    given = grants.consent(public, scopes=[read_records], user=weber)
    form = {"grant_type": "authorization_code", "code": grants.code(given, pkce), "client_id": public.client_id}
    assert is_oauth_error(post("/oauth/token", form), "invalid_grant")
    assert is_oauth_error(post("/oauth/token", form | {"code_verifier": "x" * 43}), "invalid_grant")
    assert post("/oauth/token", form | {"code_verifier": pkce.verifier}).status_code == 200


def test_s10_a_stolen_code_in_somebody_elses_session_brings_nothing(
    discharge, discharge_client, read_records, weber, ada
):
    """Code injection (RFC 9700 §4.5): the client is the right one, its session is another person's."""
    stolen_from, injected_into = Pkce(), Pkce()
    hers, his = (grants.consent(discharge_client, scopes=[read_records], user=person) for person in (ada, weber))
    stolen = grants.code(hers, stolen_from)
    with one_refusal("token.refused", "invalid_grant"):
        assert is_oauth_error(discharge.redeem(stolen, injected_into), "invalid_grant")
    assert discharge.redeem(grants.code(his, injected_into), injected_into).status_code == 200
    assert discharge.redeem(stolen, stolen_from).status_code == 200  # it was not used up for whom it is
