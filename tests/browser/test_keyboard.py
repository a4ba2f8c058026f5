"""The main flows by the keyboard alone (WCAG 2.2: 2.1.1, 2.1.2, 2.4.3, 2.4.7)."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from agents.models import Agent
from consent.models import Consent
from tests.browser.at_keyboard import AtKeyboard
from tests.builders import PASSWORD

pytestmark = pytest.mark.browser


@pytest.fixture
def mara_at_keyboard(somebody, mara):
    """Mara has signed in by the keyboard."""
    keyboard = AtKeyboard(somebody().opens("/account/login/"))
    if keyboard.focused() != "E-mail":
        keyboard.tabs_to("E-mail")
    keyboard.types(mara.email).tabs_to("Password").types(PASSWORD).presses("Enter")
    return keyboard.is_at("Mara")


def test_an_agent_is_registered_and_suspended(mara_at_keyboard, read_records):
    keyboard = mara_at_keyboard
    keyboard.enters("Agents").is_at("Agents").enters("Register agent").is_at("Register an agent")
    keyboard.tabs_to("Name").types("Bed Finder").tabs_to("Purpose").types("Show free beds to the wards")
    keyboard.tabs_to("people, each of whom allows it").presses("ArrowRight")
    keyboard.tabs_to("Read patient files of ward 3B").presses("Space")
    keyboard.enters("Register and activate").is_at("Bed Finder")
    agent = Agent.objects.get(name="Bed Finder")
    assert (agent.state, agent.kind) == ("active", "autonomous")
    keyboard.person.opens(f"/agents/{agent.pk}/")
    keyboard.enters("Suspend…")
    dialog = keyboard.person.page.locator("dialog[open]")
    expect(dialog).to_contain_text("Suspend Bed Finder?")
    keyboard.presses("Escape")
    expect(dialog).to_have_count(0)
    assert keyboard.focused() == "Suspend…"
    keyboard.presses("Enter").tabs_to("Why? The owner sees this.").types("Looked at again.").enters("Suspend agent")
    expect(keyboard.person.page.locator("main")).to_contain_text("Bed Finder is suspended")


def test_a_person_allows_and_revokes(somebody, weber, program):
    keyboard = AtKeyboard(somebody(weber).opens(program.address)).is_at("asks to act for you")
    keyboard.tabs_to("See your appointments").presses("Space").enters("Allow").is_at("Back at the agent")
    held = Consent.objects.get()
    assert held.consent_scopes.count() == 1
    keyboard.person.opens("/my-agents/")
    keyboard.enters("Revoke…").is_at("Revoke what Discharge Assistant may do for you?")
    keyboard.tabs_to("Why?").types("Done.").enters("Revoke now").is_at("no longer acts for you")
    held.refresh_from_db()
    assert held.revoked_at is not None


def test_the_first_stop_skips_to_the_content(mara_at_keyboard):
    keyboard = mara_at_keyboard
    keyboard.person.opens("/agents/")
    keyboard.enters("Skip to content").tabs_to("Register agent")
    assert keyboard.person.page.url.endswith("/agents/#main")


def test_the_menu_of_a_phone_opens_and_closes(mara_at_keyboard):
    keyboard = mara_at_keyboard
    keyboard.person.page.set_viewport_size({"width": 390, "height": 844})
    keyboard.person.opens("/agents/")
    menu = keyboard.person.page.get_by_role("navigation", name="Main")
    expect(menu).not_to_be_visible()
    keyboard.enters("Open menu")
    expect(menu).to_be_visible()
    keyboard.tabs_to("Close menu").presses("Escape")
    expect(menu).not_to_be_visible()
    assert keyboard.focused() == "Open menu"
    keyboard.presses("Enter").enters("People").is_at("People")


def test_the_finder_opens_from_anywhere(mara_at_keyboard, discharge_assistant):
    keyboard = mara_at_keyboard
    keyboard.presses("Control+k").types("Discharge").presses("Enter").is_at("Discharge Assistant")
