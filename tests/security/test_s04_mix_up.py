"""S4: every answer to a client names the issuer, byte for byte as the metadata does, and its state once."""

from __future__ import annotations

import pytest

from tests import builders
from tests.consent.asking import answer_of, decides, opens, screen

pytestmark = pytest.mark.django_db
STATES = ("simple", "a&b=c d/\u00e9?#%00", "x" * 1_500, "0")


@pytest.mark.parametrize("state", STATES, ids=["simple", "signs", "long", "zero"])
def test_s04_success_denial_and_each_error_carry_iss_and_one_state(weber, discharge_client, state):
    issuer = builders.browser().get("/.well-known/oauth-authorization-server").json()["issuer"]
    browser = builders.browser(weber)
    sent = {"state": state}
    answers = {
        "success": decides(browser, screen(browser, discharge_client, **sent)),
        "denial": decides(browser, screen(browser, discharge_client, purpose="Another", **sent), "refuse"),
        "bad scope": opens(browser, discharge_client, scope="no:such", **sent),
        "bad resource": opens(browser, discharge_client, resource="https://evil.example", **sent),
        "bad challenge": opens(browser, discharge_client, code_challenge=None, **sent),
        "bad response type": opens(browser, discharge_client, response_type="token", **sent),
        "request object": opens(browser, discharge_client, request="e30.e30.", **sent),
        "consent required": opens(browser, discharge_client, prompt="none", purpose="Something else", **sent),
        "login required": opens(builders.browser(), discharge_client, prompt="none", **sent),
    }
    for name, response in answers.items():
        back = answer_of(response)  # fails for a parameter that is there twice
        assert (back["iss"], back["state"]) == (issuer, state), name
    assert "code" in answer_of(answers["success"])


def test_s04_no_state_is_made_up(weber, discharge_client):
    for state in (None, ""):
        back = answer_of(opens(builders.browser(weber), discharge_client, state=state, scope="no:such"))
        assert "state" not in back
        assert "iss" in back
