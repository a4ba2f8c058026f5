"""The consent screen in a real browser: what people do with browsers that nobody planned (look.md, Behaviour; S46, S49)."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from consent.models import Consent

pytestmark = pytest.mark.browser

APPOINTMENTS = "See your appointments"


def live() -> int:
    """How many consents count now."""
    return Consent.objects.live(timezone.now()).count()


@pytest.fixture
def weber_reads(somebody, weber, program):
    """Weber has the screen open, having signed in on the way to it."""
    person = somebody().opens(program.address).is_at("Sign in").signs_in(weber.email)
    return person.is_at("Discharge Assistant asks to act for you")


def test_the_way_back_to_the_agent_is_not_closed_by_the_policy_of_the_page(weber_reads, program):
    screen = weber_reads.page.request.get(program.address)
    assert "form-action" not in screen.headers["content-security-policy"]
    weber_reads.presses("Refuse").is_at("Back at the agent")
    assert "error=access_denied" in program.heard()
    assert live() == 0


@pytest.mark.parametrize("scripts", [True, False])
def test_allowing_twice_in_a_hurry_is_one_consent(somebody, weber, program, scripts):
    person = somebody(weber, scripts=scripts).opens(program.address)
    person.page.get_by_role("button", name="Allow").dblclick(no_wait_after=True)
    expect(person.page.get_by_role("heading", level=1)).to_have_text(
        re.compile("Back at the agent|You have decided this already")
    )
    assert Consent.objects.count() == 1


def test_back_after_deciding_cannot_decide_the_same_again(weber_reads, program):
    weber_reads.presses("Allow").is_at("Back at the agent")
    weber_reads.page.go_back()
    weber_reads.is_at("Discharge Assistant asks to act for you").presses("Allow")
    weber_reads.page.wait_for_load_state()
    expect(weber_reads.page.get_by_role("heading", level=1)).to_have_text(
        re.compile("Back at the agent|You have decided this already")
    )
    assert live() == 1


def test_the_same_question_in_two_tabs_ends_in_one_consent(weber_reads, program):
    second = weber_reads.another_tab().opens(program.address).is_at("Discharge Assistant asks to act for you")
    weber_reads.presses("Allow").is_at("Back at the agent")
    second.unticks(APPOINTMENTS).presses("Allow").is_at("Back at the agent")
    assert live() == 1
    held = Consent.objects.live(timezone.now()).get().scopes(timezone.now())
    assert APPOINTMENTS not in {scope.wording.title for scope in held}


def test_a_session_that_ends_in_the_middle_leads_through_sign_in_back_to_the_question(weber_reads, weber, program):
    weber_reads.context.clear_cookies(name="mandate-session")
    weber_reads.presses("Allow").is_at("Sign in")
    assert Consent.objects.count() == 0
    weber_reads.signs_in(weber.email).is_at("Discharge Assistant asks to act for you")
    weber_reads.presses("Allow").is_at("Back at the agent")
    assert live() == 1


def test_what_one_person_saw_another_cannot_allow(weber_reads, ada, program):
    other = weber_reads.another_tab().opens("/my-agents/")
    other.page.get_by_role("button", name="Sign out").click()
    other.page.wait_for_load_state()
    other.opens("/account/login/").signs_in(ada.email)
    weber_reads.presses("Allow")
    expect(weber_reads.page.get_by_role("heading", level=1)).not_to_have_text("Back at the agent")
    assert Consent.objects.count() == 0
    weber_reads.finds_no_fault()


def test_a_frame_stays_empty(weber_reads, program):
    page = weber_reads.page
    page.goto(program.listener.address)
    page.evaluate("(address) => { document.body.innerHTML = `<iframe src='${address}'></iframe>`; }", program.address)
    frame = page.wait_for_selector("iframe").content_frame()
    expect(page.locator("iframe")).to_be_visible()
    frame.wait_for_load_state()
    assert "Discharge Assistant" not in frame.content()
    assert any("frame" in complaint for complaint in weber_reads.complaints)
    weber_reads.complaints.clear()


def test_a_client_with_a_wrong_address_leads_nowhere(weber_reads, program):
    wrong = program.address.replace("callback", "elsewhere")
    weber_reads.opens(wrong).is_at("This request does not lead back to where it should").finds_no_fault()
    assert program.listener.received == []
