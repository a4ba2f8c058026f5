"""S48: nothing that a client sends, holds or once had leads to a code past the screen. More: ``tests/consent/test_no_screen.py``."""

from __future__ import annotations

import pytest

from consent.models import AuthorizationCode
from tests import builders, grants
from tests.consent.asking import allows, answer_of, opens

pytestmark = pytest.mark.django_db
SKIPS = (
    {"approval_prompt": "auto"},
    {"approval_prompt": "none"},
    {"skip_authorization": "true"},
    {"allow": "true"},
    {"decision": "allow"},
    {"access_type": "online"},
    {"include_granted_scopes": "true"},
    {"login_hint": "weber"},
)


@pytest.mark.parametrize("extra", SKIPS, ids=str)
def test_s48_no_parameter_skips_the_first_screen(weber, discharge_client, extra):
    browser = builders.browser(weber)
    assert opens(browser, discharge_client, **extra).status_code == 200
    back = answer_of(opens(browser, discharge_client, prompt="none", **extra))
    assert back["error"] in {"consent_required", "interaction_required"}
    assert not AuthorizationCode.objects.exists()


def test_s48_a_hint_that_is_no_token_of_ours_is_refused(weber, discharge_client):
    for prompt in ("none", None):
        back = answer_of(opens(builders.browser(weber), discharge_client, id_token_hint="e30.e30.", prompt=prompt))
        assert back["error"] == "invalid_request"


def test_s48_neither_a_live_token_nor_another_clients_consent_is_a_yes(
    weber, discharge_client, discharge_assistant, discharge, weber_allows, pkce
):
    assert discharge.redeem(grants.code(weber_allows, pkce), pkce).status_code == 200
    other = builders.client(discharge_assistant, "sibling")
    browser = builders.browser(weber)
    for client in (discharge_client, other):
        back = answer_of(opens(browser, client, prompt="none"))
        assert back["error"] == "consent_required"


def test_s48_a_wider_request_or_a_new_purpose_brings_the_screen(weber, discharge_client, look_up_staff):
    allows(weber, discharge_client, [look_up_staff], scope="staff:read")
    browser = builders.browser(weber)
    again = {"prompt": "none", "scope": "staff:read"}
    assert "code" in answer_of(opens(browser, discharge_client, **again))
    for change in ({"scope": "staff:read calendar:read"}, {"purpose": "Something new"}, {"prompt": "none consent"}):
        back = answer_of(opens(browser, discharge_client, **again | change))
        assert "code" not in back, change
        assert back["error"] in {"consent_required", "invalid_request"}
    strangers = builders.browser(builders.person("Somebody Else"))
    assert answer_of(opens(strangers, discharge_client, **again))["error"] == "consent_required"
