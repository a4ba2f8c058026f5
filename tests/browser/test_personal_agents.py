"""Somebody meets a program that registered itself: what they read, before and after, and where they ask for more."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlencode

import pytest

from agents.models import AdoptionAsk, Agent, Client
from agents.programs import changed_registrations
from agents.programs.registration import read_claims
from tests import builders
from tests.browser.at_browser import PHONE, WIDE
from tests.programs import registered, request_of

pytestmark = pytest.mark.browser
BACK = "https://app.example/callback"


def address_of(client, **asks):
    return f"/oauth/authorize?{urlencode(request_of(client.client_id, redirect_uri=BACK, **asks))}"


def shoots(person, name):
    """Pictures for who looks at them, where MANDATE_TEST_PICTURES names a folder."""
    folder = os.environ.get("MANDATE_TEST_PICTURES")
    if not folder:
        return
    for size in (WIDE, PHONE):
        for theme in ("light", "dark"):
            person.page.set_viewport_size({"width": size[0], "height": size[1]})
            person.page.emulate_media(color_scheme=theme)
            person.page.screenshot(path=Path(folder) / f"{name}.{size[0]}-{theme}.png", full_page=True)


def test_what_one_reads_and_asks_before_and_after(
    somebody, organisation, weber, mara, records, read_records, see_appointments, now
):
    client = registered(redirect_uris=[BACK])
    both = {"resource": records.uri, "scope": "calendar:read records:read"}
    person = somebody(weber).opens(address_of(client, **both))
    person.is_at("Note Helper asks to act for you")
    person.sees("If you allow this, it becomes your personal agent.", "It also wanted something sensitive")
    person.finds_no_fault()
    shoots(person, "personal-screen")
    person.presses("Ask an administrator").is_at("You have asked an administrator").finds_no_fault()
    assert AdoptionAsk.objects.get().user == weber

    alone = somebody(weber).opens(address_of(client, resource=records.uri, scope="records:read"))
    alone.is_at("This needs an administrator").finds_no_fault()
    shoots(alone, "needs-administrator")

    looks = somebody(mara).opens("/unclaimed/").finds_no_fault().follows("Note Helper").finds_no_fault()
    looks.sees("Dr. Jonas Weber", "records:read")
    shoots(looks, "unclaimed-software")

    Client.objects.update(personal_since=now)
    claims = read_claims({"client_name": "Better Helper", "redirect_uris": ["https://other.example/cb"]})
    changed_registrations.note_document(client, claims, good_until=now, by=builders.actor(mara), now=now)
    sees = somebody(mara).opens(f"/programs/{client.pk}/changes/").is_at("Note Helper says something else of itself")
    sees.sees("https://other.example/cb").finds_no_fault()
    shoots(sees, "client-changes")
    sees.fills({"Why?": "Known to us."}).presses("Let it count").sees("It counts from now on.")
    assert not Agent.objects.exists()


def test_an_administrator_decides_about_programs(somebody, mara, discharge_assistant):
    registered(redirect_uris=[BACK])
    registered(client_name="Ward Planner", software_id="ward-planner", redirect_uris=["https://planner.example/cb"])
    person = somebody(mara).opens("/settings/registration/token/").finds_no_fault()
    person.fills({"For whom or what": "Ward tablets"}).presses("Make the token and show it")
    shoots(person, "registration-token")
    person.finds_no_fault().follows("I have copied it").follows("New rule…").finds_no_fault()
    person.fills({"Host of the document": "tablets.example", "Why?": "Ours."}).presses("See what it would adopt")
    person.sees("Nothing that waits now matches.").finds_no_fault()
    shoots(person, "registration-rule")
    person.presses("Make the rule").sees("The rule counts from now on.").finds_no_fault()
    shoots(person, "registration")
    person.opens("/unclaimed/").finds_no_fault()
    shoots(person, "unclaimed")
    person.follows("Ward Planner").follows("Refuse…").finds_no_fault()
    shoots(person, "unclaimed-refuse")
    person.follows("Cancel").follows("Adopt…").finds_no_fault()
    shoots(person, "unclaimed-adopt")
    person.fills({"Why?": "Asked for."}).presses("Adopt").sees("1 registration is adopted.")
    assert Client.objects.get(name="Ward Planner").agent == discharge_assistant
