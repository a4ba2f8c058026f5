"""Limiting a consent in a real browser: on the screen, beside a mistake, and later. With and without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from consent.models import Consent
from tests.limits import WEEKDAYS, only

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [True, False])
def test_a_person_limits_what_they_allow_and_mends_a_mistake(somebody, weber, program, scripts):
    person = somebody(weber, scripts=scripts).opens(program.address).is_at("Discharge Assistant asks to act for you")
    page = person.page
    page.get_by_text("More limits").click()
    for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"):
        page.get_by_label(day).check()
    page.get_by_label("Only from", exact=True).fill("08:00")
    page.get_by_label("until", exact=True).fill("18:00")
    page.get_by_label("Only from these networks").fill("127.0.0.1/8")
    page.get_by_label("At most so many times").fill("20")
    person.presses("Allow")
    expect(page.get_by_text("Did you mean 127.0.0.0/8?").first).to_be_visible()
    expect(page.get_by_label("Monday")).to_be_checked()
    expect(page.get_by_label("At most so many times")).to_have_value("20")
    page.get_by_label("Only from these networks").fill("127.0.0.0/8")
    person.presses("Allow").is_at("Back at the agent")
    assert Consent.objects.get().limits == only("127.0.0.0/8", days=WEEKDAYS, hours=(8, 18), uses=20)
    person.opens("/my-agents/")
    expect(page.get_by_text("only Monday to Friday, 08:00 to 18:00")).to_be_visible()
    page.get_by_role("link", name="Limit…").click()
    person.is_at("Limit when Discharge Assistant may act")
    page.get_by_label("At most so many more times").fill("3")
    person.presses("Limit").is_at("My agents")
    assert Consent.objects.get().uses_allowed == 3
