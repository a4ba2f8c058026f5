"""The page of a change: what it took away, and the first refusal as it is seen."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents.models import Agent, Scope, User
from consent.clock import after_in_words
from consent.models import Consent
from tests import builders
from tests.consent.clock.steps import revoke
from tests.forms import text_of
from tests.grants import ResourceServer, TokenClient

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def test_the_page_looks_again_by_itself_until_it_has_seen_the_refusal(
    weber: User, weber_allows: Consent, pair: dict[str, str], records_api: ResourceServer
) -> None:
    browser = builders.browser(weber)
    address = f"/consents/{weber_allows.pk}/revoke/"
    asking = text_of(browser.get(address))
    for words in ("Live tokens", "Agents below it", "from its next request", "last used"):
        assert words in asking, words
    text = text_of(browser.post(address, {"reason": "Enough."}, follow=True))
    assert "consent revoked by you" in text
    assert "1 token worth nothing" in text
    assert 'hx-trigger="every 2s"' in text
    assert "It has not tried again yet" in text
    watch = text.split('hx-get="')[1].split('"')[0]
    assert watch.startswith(f"/consents/{weber_allows.pk}/stopped/?seen=")
    htmx = {"HX-Request": "true"}
    assert browser.get(watch, headers=htmx).status_code == 204  # nothing new, so nothing is drawn or read out again
    records_api.introspects(pair["access_token"])
    part = browser.get(watch, headers=htmx)
    assert "HX-Request" in part["Vary"]
    assert "first use refused, at" in text_of(part)
    assert "<html" not in text_of(part)
    assert "hx-trigger" not in text_of(part)  # it has seen all there is to see
    assert "first use refused, at" in text_of(browser.get(address))


def test_narrowing_ends_on_the_clock_too(weber: User, weber_allows: Consent, read_records: Scope) -> None:
    keep = {"keep": [str(read_records.pk)], "reason": "Less."}
    response = builders.browser(weber).post(f"/consents/{weber_allows.pk}/narrow/", keep, follow=True)
    text = text_of(response)
    assert response.redirect_chain[-1][0] == f"/consents/{weber_allows.pk}/stopped/"
    assert "may do less now" in text
    assert "consent narrowed by you" in text


def test_suspending_and_retiring_say_who_and_what_before_and_show_the_clock_after(
    ada: User, discharge_assistant: Agent, weber_allows: Consent, pair: dict[str, str], discharge: TokenClient
) -> None:
    browser = builders.browser(ada)
    for move, words in (("suspend", "agent suspended by you"), ("retire", "agent retired by you")):
        page = f"/agents/{discharge_assistant.pk}/move/{move}/"
        asking = text_of(browser.get(page))
        for said in ("Live consents", "People", "Tokens that are out", "Last activity"):
            assert said in asking, said
        done = text_of(browser.post(page, {"reason": "A look."}, follow=True))
        assert words in done
        assert 'hx-trigger="every 2s"' in done
    discharge.refresh(pair["refresh_token"])
    assert "first request for a token refused" in text_of(browser.get(f"/agents/{discharge_assistant.pk}/stopped/"))


def test_the_clock_is_for_those_who_see_the_consent_or_the_agent(
    mallory: User, omar: User, weber: User, weber_allows: Consent, discharge_assistant: Agent
) -> None:
    revoke(weber_allows, weber)
    address = f"/consents/{weber_allows.pk}/stopped/"
    assert builders.browser(mallory).get(address).status_code == 404
    assert builders.browser(omar).get(address).status_code == 200
    assert builders.browser().get(address).status_code == 302
    assert builders.browser(mallory).get(f"/agents/{discharge_assistant.pk}/stopped/").status_code == 404


def test_where_nothing_was_stopped_there_is_no_clock(weber: User, ada: User, weber_allows: Consent) -> None:
    assert builders.browser(weber).get(f"/consents/{weber_allows.pk}/stopped/").status_code == 302
    assert builders.browser(ada).get(f"/agents/{weber_allows.agent_id}/stopped/").status_code == 302


def test_after_a_quarter_of_an_hour_the_page_stops_looking(weber: User, weber_allows: Consent) -> None:
    revoke(weber_allows, weber)
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        text = text_of(builders.browser(weber).get(f"/consents/{weber_allows.pk}/stopped/"))
    assert "hx-trigger" not in text
    assert "it has not tried again" in text


def test_it_says_long_times_roughly():
    assert [after_in_words(seconds) for seconds in (0.0, 1.874, 99.99, 100.0, 7300.0, 253_397.0)] == [
        "0.00 s",
        "1.87 s",
        "99.99 s",
        "1 minute",
        "2 hours",
        "2 days",
    ]
