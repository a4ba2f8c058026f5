"""*Stop all* ends on the clock: what was out, when that counts, and the first refusal of each, as it is seen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from agents.models import User
from consent import mandate
from consent.clock_of_all import clock_of_all
from consent.models import Consent
from tests import builders, grants
from tests.forms import text_of
from tests.grants import ResourceServer, TokenClient

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
STOPPED = "/my-agents/stopped/"


@pytest.fixture
def token(discharge: TokenClient, weber_allows: Consent, pkce: Any) -> str:
    """What the assistant holds for Weber. Beside it he allowed something of which no token is out."""
    return str(discharge.redeem(grants.code(weber_allows, pkce), pkce).json()["access_token"])


@pytest.fixture
def unused(weber: User, weber_allows: Consent, discharge: TokenClient, look_up_staff: Any) -> Consent:
    return builders.consent(weber, discharge.client, [look_up_staff], purpose="Plan holidays")


def test_it_shows_all_of_them_and_the_first_refusal_of_each_live(
    weber: User, token: str, unused: Consent, records_api: ResourceServer
) -> None:
    browser, start = builders.browser(weber), timezone.now()
    with time_machine.travel(start, tick=False):
        answer = browser.post("/my-agents/stop/", {"reason": "I leave the ward."})
        assert answer.headers["Location"] == STOPPED
        page = text_of(browser.get(STOPPED))
    for words in ("2 consents are revoked", "2 consents revoked by you", "1 token worth nothing", "Plan holidays",
                  "not tried again so far", "I leave the ward.", "no token was out", 'hx-trigger="every 2s"'):  # fmt: skip
        assert words in page, words
    mark = page.split("?seen=", 1)[1].split('"', 1)[0]
    assert browser.get(f"{STOPPED}?seen={mark}", HTTP_HX_REQUEST="true").status_code == 204
    with time_machine.travel(start + timedelta(seconds=1.5), tick=False):
        assert records_api.introspects(token) == {"active": False}
    part = text_of(browser.get(f"{STOPPED}?seen={mark}", HTTP_HX_REQUEST="true"))
    assert "refused after 1.50 s" in part
    assert "first use refused, at" in part
    clock = clock_of_all(weber, timezone.now())
    assert clock is not None
    assert (clock.seen, clock.number, clock.tokens) == (1, 2, 1)
    with time_machine.travel(start + timedelta(minutes=16)):
        assert "hx-trigger" not in text_of(builders.browser(weber).get(STOPPED)).split('id="clock"', 1)[1][:200]


def test_it_is_of_the_last_time_and_of_nobody_else(weber: User, mara: User, token: str, unused: Consent) -> None:
    now = timezone.now()
    mandate.revoke(unused.pk, reason="Once.", by=builders.actor(weber), now=now)
    mandate.revoke_all(weber, reason="All.", by=builders.actor(weber), now=now + timedelta(minutes=1))
    clock = clock_of_all(weber, now + timedelta(minutes=1))
    assert clock is not None
    assert [one.consent.pk == unused.pk for one in clock.each] == [False]
    assert builders.browser(mara).get(STOPPED).status_code == 404
    assert builders.browser().get(STOPPED).headers["Location"].startswith("/account/login/")


def test_it_costs_the_same_for_many(
    weber: User, discharge: TokenClient, look_up_staff: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(60):
        builders.consent(weber, discharge.client, [look_up_staff], purpose=f"Thing {number}")
    mandate.revoke_all(weber, reason="All.", by=builders.actor(weber), now=timezone.now())
    browser = builders.browser(weber)
    browser.get(STOPPED)
    with django_assert_max_num_queries(14):
        page = text_of(browser.get(STOPPED))
    assert "60 consents are revoked" in page
    assert "and 10 more" in page
