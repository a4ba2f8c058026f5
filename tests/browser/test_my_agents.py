"""What people do afterwards, in a real browser: agree to a change, narrow with the clock running, print, and change in bulk.

With what browsers do that nobody planned: a double click, two tabs, the way back, a session that ended in the middle.
"""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import expect

from agents import resources
from agents.trail.kinds import Kind
from consent import mandate
from consent.models import Consent
from tests import builders, grants
from tests.browser.at_browser import AtBrowser

pytestmark = pytest.mark.browser

APPOINTMENTS, STAFF = "See your appointments", "Look up staff"
CHANGED = "See your appointments and who comes"
ASKS = "Discharge Assistant is paused: do you agree to the change?"
VERIFIER = Path(settings.BASE_DIR) / "docs" / "examples" / "verify_evidence.py"


def live() -> int:
    """How many consents count now."""
    return Consent.objects.live(timezone.now()).count()


@pytest.fixture
def given(weber, discharge_client, see_appointments, look_up_staff):
    """Weber allowed two things, none of them needed for the task."""
    return builders.consent(weber, discharge_client, [see_appointments, look_up_staff])


@pytest.fixture
def drifted(given, mara, see_appointments):
    """It is paused: one of the two says more now."""
    resources.reword_scope(see_appointments, title=CHANGED, detail="", by=builders.actor(mara), now=timezone.now())
    return given


# ------------------------------------------------------------------------------------------------------------ the change


@pytest.mark.parametrize("scripts", [True, False])
def test_a_change_is_seen_in_my_agents_and_agreed_to(somebody, weber, drifted, scripts):
    person = somebody(weber, scripts=scripts).opens("/my-agents/").sees("paused: its wording changed", CHANGED)
    person.follows("Agree to the change…").is_at(ASKS).sees("You agreed to", "Now it is")
    assert person.page.locator(".difference del").inner_text() == APPOINTMENTS
    assert person.page.locator(".difference ins").inner_text() == CHANGED
    if scripts:
        person.finds_no_fault()
    person.presses("Agree to the change").is_at("What you agreed to with Discharge Assistant").sees("Agreed.")
    person.opens("/my-agents/").sees(CHANGED, "replaced")
    assert live() == 1
    assert Consent.objects.live(timezone.now()).get().ends_at == drifted.ends_at


def test_agreeing_by_keyboard_alone(somebody, weber, drifted):
    person = somebody(weber).opens(f"/consents/{drifted.pk}/changes/").is_at(ASKS)
    button = person.page.get_by_role("button", name="Agree to the change")
    for _ in range(40):
        person.page.keyboard.press("Tab")
        if button.evaluate("element => element === document.activeElement"):
            break
    person.page.keyboard.press("Enter")
    person.is_at("What you agreed to with Discharge Assistant")
    assert live() == 1


def test_a_double_click_agrees_once(somebody, weber, drifted):
    person = somebody(weber).opens(f"/consents/{drifted.pk}/changes/").is_at(ASKS)
    person.page.get_by_role("button", name="Agree to the change").dblclick(no_wait_after=True)
    expect(person.page.get_by_role("heading", level=1)).to_have_text(
        re.compile("What you agreed to|You have decided this already")
    )
    assert (live(), Consent.objects.count()) == (1, 2)


def test_two_tabs_agree_once_and_the_second_shows_what_was_agreed(somebody, weber, drifted):
    person = somebody(weber).opens(f"/consents/{drifted.pk}/changes/").is_at(ASKS)
    other = person.another_tab().opens(f"/consents/{drifted.pk}/changes/").is_at(ASKS)
    person.presses("Agree to the change").is_at("What you agreed to")
    other.presses("Agree to the change").is_at("What you agreed to").sees("by the consent that took its place")
    other.page.go_back()
    assert (live(), Consent.objects.count()) == (1, 2)


def test_who_was_signed_out_meanwhile_comes_back_to_the_change(somebody, weber, drifted):
    person = somebody(weber).opens(f"/consents/{drifted.pk}/changes/").is_at(ASKS)
    person.context.clear_cookies(name="mandate-session")
    person.presses("Agree to the change").is_at("Sign in").signs_in(weber.email)
    assert live() == 0
    person.is_at(ASKS).presses("Agree to the change").is_at("What you agreed to")
    assert live() == 1


def test_changed_again_between_look_and_answer_it_is_shown_once_more(somebody, weber, mara, drifted, see_appointments):
    person = somebody(weber).opens(f"/consents/{drifted.pk}/changes/").is_at(ASKS)
    resources.reword_scope(
        see_appointments, title="See everything", detail="", by=builders.actor(mara), now=timezone.now()
    )
    person.presses("Agree to the change").is_at(ASKS).sees("has changed since you saw it", "See everything")
    assert live() == 0
    person.presses("Agree to the change").is_at("What you agreed to")


# ------------------------------------------------------------------------------------------------------------- the clock


@pytest.fixture
def used(given, discharge, records_api):
    """A token of the assistant, and the resource at which it is used."""
    pkce = grants.Pkce()
    pair = discharge.redeem(grants.code(given, pkce), pkce, resource=records_api.resource.uri).json()
    return pair["access_token"], records_api


def test_the_page_shows_the_first_refusal_by_itself(somebody, weber, given, used):
    token, api = used
    person = somebody(weber).opens("/my-agents/").unticks(APPOINTMENTS).presses("Narrow…")
    person.fills({"Why?": "I keep my own calendar."}).presses("Narrow now").is_at("Discharge Assistant may do less now")
    person.sees("1 token worth less, at Mandate", "Nobody has used what was taken away so far").finds_no_fault()
    api.introspects(token)
    clock = person.page.locator("#clock")
    expect(clock).to_contain_text(
        "first use refused, at Patient records", timeout=15_000
    )  # without loading the page again
    expect(clock).not_to_have_attribute("hx-trigger", re.compile("."))
    assert re.search(r"\d+\.\d\d s", clock.locator(".seen").inner_text())
    person.finds_no_fault()
    (event,) = builders.events(Kind.REVOCATION_OBSERVED)
    assert event.detail["seconds"] >= 0


def test_without_scripts_the_clock_is_looked_at_by_a_link(somebody, weber, given, used):
    token, api = used
    person = somebody(weber, scripts=False).opens(f"/consents/{given.pk}/revoke/")
    person.sees("Live tokens", "Agents below it").presses("Revoke now").sees("It has not tried again yet")
    api.introspects(token)
    person.follows("Look again").sees("first use refused, at Patient records")


def test_revoking_twice_in_a_hurry_ends_on_the_clock(somebody, weber, given):
    person = somebody(weber).opens(f"/consents/{given.pk}/revoke/")
    person.page.get_by_role("button", name="Revoke now").dblclick(no_wait_after=True)
    person.is_at("no longer acts for you")
    assert live() == 0
    assert len(builders.events(Kind.CONSENT_REVOKED)) == 1


def test_stopping_all_ends_on_the_clock_of_all_of_them(somebody, weber, given, discharge_client, look_up_staff):
    builders.consent(weber, discharge_client, [look_up_staff], purpose="Find a nurse")
    person = somebody(weber).opens("/my-agents/").follows("Stop all…").is_at("Stop all your agents?")
    person.presses("Stop all now").is_at("2 consents are revoked").finds_no_fault()
    person.sees("2 consents revoked by you", "Find a nurse", "no token was out", "in effect")
    assert live() == 0
    person.follows("Back to My agents").is_at("My agents")


def test_two_tabs_that_narrow_the_same(somebody, weber, given):
    one = somebody(weber).opens(f"/consents/{given.pk}/narrow/").unticks(APPOINTMENTS)
    other = one.another_tab().opens(f"/consents/{given.pk}/narrow/").unticks(APPOINTMENTS)
    one.presses("Narrow now").is_at("may do less now")
    other.presses("Narrow now").sees("Leave at least one permission and take at least one away")
    assert len(builders.events(Kind.CONSENT_NARROWED)) == 1


# ----------------------------------------------------------------------------------------------- the record, the evidence


def test_the_record_prints_without_what_one_operates(somebody, weber, given, discharge_client, look_up_staff):
    over = builders.consent(weber, discharge_client, [look_up_staff], purpose="Find a nurse")
    mandate.revoke(over.pk, reason="Found.", by=builders.actor(weber), now=timezone.now())
    person = (
        somebody(weber).opens("/my-agents/").follows("Record to print").is_at("What Dr. Jonas Weber allowed agents")
    )
    person.sees("2 consents", "Find a nurse", APPOINTMENTS, "Revoked").finds_no_fault()
    expect(person.page.get_by_role("button", name="Print")).to_be_visible()
    person.page.emulate_media(media="print")
    expect(person.page.get_by_role("button", name="Print")).to_be_hidden()
    expect(person.page.get_by_role("link", name="My agents")).to_be_hidden()
    assert person.page.pdf(format="A4").startswith(b"%PDF")


def test_the_signed_file_is_downloaded_and_holds_offline(somebody, weber, given, running_mandate, tmp_path):
    person = (
        somebody(weber).opens(f"/my-agents/{given.pk}/").follows("Evidence").is_at("What Dr. Jonas Weber agreed to")
    )
    person.sees("Who, when and how", "What became of it").finds_no_fault()
    with person.page.expect_download() as waiting:
        person.page.get_by_role("link", name="Get the signed file").click()
    assert waiting.value.suggested_filename == f"consent-{given.pk}.jws"
    waiting.value.save_as(tmp_path / "consent.jws")
    keys = person.page.request.get("/.well-known/evidence-keys.json")
    (tmp_path / "keys.json").write_bytes(keys.body())
    command = [sys.executable, "-I", str(VERIFIER), "consent.jws", "keys.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "Dr. Jonas Weber allowed Discharge Assistant" in done.stdout


# ---------------------------------------------------------------------------------------------------------- many at once


@pytest.fixture
def many(given, discharge_client, look_up_staff):
    """Four more people allowed one of the two."""
    return [builders.consent(builders.person(f"Person {n}"), discharge_client, [look_up_staff]) for n in range(4)]


def ticks_rows(person: AtBrowser, *names: str) -> AtBrowser:
    for name in names:
        person.page.locator("tbody tr", has_text=name).get_by_role("checkbox").check()
    return person


@pytest.mark.parametrize("scripts", [True, False])
def test_several_are_revoked_after_a_look_with_a_reason(somebody, mara, many, scripts):
    person = ticks_rows(somebody(mara, scripts=scripts).opens("/consents/"), "Person 0", "Person 2")
    person.presses("Revoke those ticked…").is_at("Revoke 2 consents?").sees("What stops", "Person 0", "Person 2")
    if scripts:
        person.finds_no_fault()
    person.page.get_by_label(re.compile("^Why")).fill("An incident at the vendor.")
    person.presses("Revoke 2 consents").is_at("Consents").sees("2 consents are revoked.")
    assert live() == 3


@pytest.mark.parametrize("scripts", [True, False])
def test_several_end_earlier(somebody, mara, many, scripts):
    person = ticks_rows(somebody(mara, scripts=scripts).opens("/consents/"), "Person 0", "Person 2")
    person.presses("Shorten those ticked…").is_at("Let 2 consents end earlier").sees("What ends then", "Person 0")
    if scripts:
        person.finds_no_fault()
    person.ticks("in 1 hour").page.get_by_label(re.compile("^Why")).fill("The trial is over.")
    person.presses("Shorten them").is_at("Consents").sees("2 consents end earlier now.")
    soon = Consent.objects.filter(ends_at__lte=timezone.now() + timedelta(hours=1))
    assert {consent.user.display_name for consent in soon} == {"Person 0", "Person 2"}


def test_all_of_a_query_is_narrowed(somebody, mara, many, given):
    person = somebody(mara).opens("/consents/?whom=people")
    person.page.get_by_label(re.compile("of this query that stand")).check()
    person.presses("Narrow those ticked…").is_at("Narrow 5 consents").ticks(STAFF)
    person.finds_no_fault()
    person.page.get_by_label(re.compile("^Why")).fill("Nobody needs it.")
    person.presses("Narrow them").is_at("Consents").sees("1 consent is narrowed.", "4 hold nothing else")
    assert {scope.name for scope in given.scopes(timezone.now())} == {"calendar:read"}


def test_a_double_click_and_a_session_that_ended_change_nothing_twice(somebody, mara, many):
    person = ticks_rows(somebody(mara).opens("/consents/"), "Person 1")
    person.presses("Revoke those ticked…").is_at("Revoke 1 consent?")
    person.page.get_by_label(re.compile("^Why")).fill("An incident.")
    person.context.clear_cookies(name="mandate-session")
    person.presses("Revoke 1 consent").is_at("Sign in")
    assert live() == 5
    person.signs_in(mara.email).is_at("Revoke 1 consent?").sees("Person 1")
    person.page.get_by_label(re.compile("^Why")).fill("An incident.")
    person.page.get_by_role("button", name="Revoke 1 consent").dblclick(no_wait_after=True)
    person.is_at("Consents")
    assert live() == 4
    assert len(builders.events(Kind.CONSENT_REVOKED)) == 1
