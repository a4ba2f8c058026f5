"""Transfers asked for in detail, in a real browser: lowered, one left out, allowed, and made less again later."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

from consent.models import ConsentScope
from consent.oauth.authorization_details import as_answer
from tests import builders, detailing
from tests.browser.agent_program import AgentProgram
from tests.browser.at_browser import PHONE, SMALLEST, WIDE
from tests.detailing import transfer

pytestmark = pytest.mark.browser


@pytest.fixture
def transfers(running_mandate, listener, ada, mara) -> AgentProgram:
    """A program that asks for two transfers."""
    bank = detailing.bank_of(mara)
    scope = detailing.transfers_at(bank)
    agent = builders.agent("Payment Assistant", owner=ada, purpose="Pay the suppliers of the ward", scopes=[scope])
    client = builders.client(agent, "pay", redirect_uris=[listener.address])
    asked = [transfer(1000, accounts=["AT61 1904", "DE02 1203"]), transfer(50.5, "Globex", until="2030-05-03")]
    return AgentProgram(
        running_mandate.url,
        listener,
        client.client_id,
        builders.key(client).key,
        scope="",
        resource=bank.uri,
        more={"authorization_details": json.dumps(asked)},
    )


@pytest.mark.parametrize("scripts", [True, False])
def test_a_person_allows_less_than_is_asked_and_still_less_later(somebody, weber, transfers, scripts):
    person = somebody(weber, scripts=scripts)
    person.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    person.opens(transfers.address).is_at("Payment Assistant asks to act for you")
    page = person.page
    expect(page.get_by_text("May 3, 2030")).to_be_visible()  # what the sentence leaves out stands beneath it
    if scripts:
        for size in (WIDE, PHONE, SMALLEST):
            for theme in ("light", "dark"):
                assert not person.faults_by_axe(size, theme), (size, theme)
        person.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    page.get_by_label("Transfer money").check()
    acme = page.get_by_label("Transfer up to")
    expect(acme).to_have_count(2)
    expect(acme.first).not_to_be_checked()  # sensitive: nothing of it unless it is ticked
    acme.first.check()
    page.get_by_label("At most: amount").first.fill("1200")
    page.get_by_label("AT61 1904").uncheck()
    page.get_by_label("That is what I want it for.").check()
    person.presses("Allow")
    expect(page.get_by_text("amount can be at most 1000.").first).to_be_visible()
    expect(page.get_by_label("AT61 1904")).not_to_be_checked()
    page.get_by_label("At most: amount").first.fill("250.75")
    person.presses("Allow").is_at("Back at the agent")
    assert as_answer(ConsentScope.objects.get().details) == [transfer(250.75, accounts=["DE02 1203"])]
    person.opens("/my-agents/")
    page.get_by_role("link", name="Allow less of this").click()
    person.is_at("Allow Payment Assistant less of it")
    if scripts:
        for theme in ("light", "dark"):
            assert not person.faults_by_axe(PHONE, theme), theme
    page.get_by_label("At most: amount").fill("100")
    person.presses("Allow less").is_at("My agents")
    assert as_answer(ConsentScope.objects.get().details) == [transfer(100, accounts=["DE02 1203"])]
    if scripts:
        person.finds_no_fault()
