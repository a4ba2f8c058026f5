"""The main flows in a browser that runs no script: each has a form or a link of its own."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from agents.models import Agent
from consent.models import Consent

pytestmark = pytest.mark.browser


def test_an_agent_is_registered_gets_a_key_and_is_suspended(somebody, mara, read_records):
    person = somebody(mara, scripts=False).opens("/agents/").follows("Register agent")
    person.fills({"Name": "Discharge Assistant", "Purpose": "Draft discharge letters"})
    person.ticks("Read patient files of ward 3B")
    person.fills({"Where people return to": "https://app.st-anna.example/callback"})
    person.presses("Register and activate").is_at("Discharge Assistant")
    person.presses("Make the key and show it").is_at("has a key").sees("mdt_")
    assert person.page.locator("[data-copy]:visible").count() == 0
    person.opens(f"/agents/{Agent.objects.get().pk}/").follows("Suspend…").is_at("Suspend Discharge Assistant?")
    person.fills({"Why? The owner sees this.": "Looked at again."}).presses("Suspend agent")
    person.is_at("Discharge Assistant").sees("is suspended")
    person.opens("/agents/").page.get_by_label("State").select_option("active")
    person.presses("Find").sees("No agent matches this.")


def test_somebody_is_invited_and_joins(somebody, mara):
    person = somebody(mara, scripts=False).opens("/people/").follows("Invite somebody")
    person.fills({"E-mail": "eva.roth@st-anna.example"}).ticks("Auditor").presses("Make the link")
    guest = somebody(scripts=False).opens(person.text_of("#link")).is_at("Join St. Anna")
    guest.fills({"Your name": "Eva Roth", "Password": "words that nobody guesses"}).presses("Accept the invitation")
    guest.is_at("Eva").opens("/trail/").sees("Eva Roth")


def test_a_person_allows_narrows_and_revokes(somebody, weber, program):
    person = somebody(weber, scripts=False).opens(program.address).is_at("asks to act for you")
    person.ticks("1 day").presses("Allow").is_at("Back at the agent")
    token = program.gets_token()
    assert token["access_token"]
    person.opens("/my-agents/").unticks("See your appointments").presses("Narrow…").is_at("Narrow what")
    person.fills({"Why?": "No longer."}).presses("Narrow now").is_at("may do less now").follows("Back to My agents")
    expect(person.page.locator("main")).not_to_contain_text("See your appointments")
    person.follows("Shorten…").is_at("Let Discharge Assistant end earlier").ticks("in 1 hour")
    person.fills({"Why?": "An hour is enough."}).presses("Shorten").is_at("My agents")
    person.follows("Revoke…").fills({"Why?": "Done."}).presses("Revoke now").is_at("no longer acts for you")
    assert Consent.objects.get().revoked_at is not None


def test_the_trail_is_searched_and_an_event_opened(somebody, omar, discharge_assistant):
    person = somebody(omar, scripts=False).opens("/trail/").fills({"Find events": "Discharge"}).presses("Find")
    person.sees("activated Discharge Assistant").page.locator(".events a").first.click()
    person.sees("Around it", "Facts")
