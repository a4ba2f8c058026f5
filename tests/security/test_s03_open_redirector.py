"""S3: an error before client and address are proven is a page, never a redirect, signed in or not."""

from __future__ import annotations

import itertools

import pytest

from agents import lifecycle
from agents.models import Client
from tests import builders
from tests.builders import one_refusal
from tests.consent.asking import opens
from tests.security.expected import error_sent_back, is_page_400

pytestmark = pytest.mark.django_db
UNPROVEN = (
    {"client_id": "nobody"},
    {"client_id": None},
    {"client_id": "x" * 3_000},
    {"redirect_uri": "https://evil.example/"},
    {"redirect_uri": None},
    {"client_id": "nobody", "redirect_uri": "https://evil.example/"},
)
ALSO: tuple[dict[str, str], ...] = (
    {},
    {"prompt": "none"},
    {"scope": "no:such"},
    {"response_type": "token"},
    {"code_challenge_method": "plain"},
)


@pytest.mark.parametrize("signed_in", [True, False])
def test_s03_no_error_redirects_to_an_unproven_address(weber, discharge_client, signed_in):
    for number, (unproven, also) in enumerate(itertools.product(UNPROVEN, ALSO)):
        browser = builders.browser(weber if signed_in else None)
        browser.defaults["REMOTE_ADDR"] = f"198.51.100.{number}"
        with one_refusal("authorization.refused"):
            assert is_page_400(opens(browser, discharge_client, **unproven, **also))
    registered = discharge_client.redirect_uris
    assert (
        error_sent_back(opens(builders.browser(weber), discharge_client, scope="no:such"), to=registered)
        == "invalid_scope"
    )


@pytest.mark.parametrize("why", ["nobody adopted it", "its agent is suspended"])
def test_s03_a_client_that_may_not_be_used_has_earned_no_redirect(
    weber, mara, discharge_client, discharge_assistant, now, why
):
    if why == "nobody adopted it":
        Client.objects.filter(pk=discharge_client.pk).update(agent=None)  # self-registration comes later
    else:
        lifecycle.suspend(discharge_assistant, reason="A look.", by=builders.actor(mara), now=now)
    for also in ALSO:
        for browser in (builders.browser(weber), builders.browser()):
            assert is_page_400(opens(browser, discharge_client, **also))
