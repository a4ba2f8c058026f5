"""The consent screen at its limits: forty permissions, the longest names, names from right to left, a phone, German, no scripts."""

from __future__ import annotations

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from agents import agent_scopes, resources
from consent.models import Consent
from tests import builders
from tests.browser.agent_program import AgentProgram
from tests.browser.at_browser import PHONE, SMALLEST, WIDE, AtBrowser

# With axe at three widths and two themes it takes a minute: part of `make test-all`.
pytestmark = pytest.mark.pictures

LONG = "Patientenentlassungsdokumentationsvorbereitungsassistenzsystemkoordinationsstelle"
RIGHT_TO_LEFT = "מחלקה 3B — مساعد الخروج"
PURPOSE = "Entlassungsbriefe" * 29


@pytest.fixture
def asks_for_everything(running_mandate, listener, ada, mara, weber, records) -> AgentProgram:
    """A program whose agent has the longest names and asks for forty things of all kinds."""
    kinds = [("read", "none"), ("write", "personal"), ("delete", "none"), ("read", "health"), ("write", "financial")]
    scopes = [
        builders.scope(
            records,
            f"thing:{number}",
            f"{LONG} {number}" if number % 3 == 0 else f"See thing {number}",
            access=kinds[number % 5][0],
            data_class=kinds[number % 5][1],
            detail=LONG * 3 if number % 4 == 0 else "What is in it, and what is not.",
        )
        for number in range(40)
    ]
    agent = builders.agent(
        f"{RIGHT_TO_LEFT} {LONG}"[:80], owner=ada, unit=LONG[:80], scopes=scopes, required=scopes[:1]
    )
    client = builders.client(agent, LONG[:80], redirect_uris=[listener.address])
    key = builders.key(client).key
    return AgentProgram(
        running_mandate.url,
        listener,
        client.client_id,
        key,
        scope=" ".join(scope.name for scope in scopes),
        resource=records.uri,
        more={"purpose": PURPOSE[:500]},
    )


def looks_right_everywhere(person: AtBrowser) -> None:
    """Every rule of axe, in both themes, at each of the three widths."""
    person.finds_no_fault()
    for size in (WIDE, PHONE, SMALLEST):
        for theme in ("light", "dark"):
            assert not person.faults_by_axe(size, theme), (size, theme)


def test_forty_permissions_and_the_longest_names_fit_a_phone(somebody, weber, asks_for_everything):
    person = somebody(weber).opens(asks_for_everything.address).is_at("asks to act for you")
    assert person.page.get_by_role("checkbox").count() >= 39
    looks_right_everywhere(person)
    person.page.set_viewport_size({"width": SMALLEST[0], "height": SMALLEST[1]})
    person.ticks("That is what I want it for. Needed for sensitive data, unless you say it in your own words.")
    person.presses("Allow").is_at("Back at the agent")
    assert Consent.objects.get().consent_scopes.count() >= 1


def test_a_name_from_right_to_left_turns_nothing_around_it(somebody, weber, asks_for_everything):
    person = somebody(weber).opens(asks_for_everything.address).is_at(RIGHT_TO_LEFT)
    heading = person.page.get_by_role("heading", level=1)
    expect(heading.locator("bdi")).to_have_count(1)
    assert heading.evaluate("element => getComputedStyle(element).direction") == "ltr"
    assert heading.locator("bdi").evaluate("element => getComputedStyle(element).unicodeBidi") == "isolate"


def test_the_screen_in_german_on_a_phone(somebody, weber, asks_for_everything):
    person = somebody(weber).opens("/account/").fills({"Language": "Deutsch"}).presses("Save").is_at("Konto")
    person.opens(asks_for_everything.address).is_at("möchte für Sie handeln")
    assert person.page.locator("html").get_attribute("lang") == "de"
    looks_right_everywhere(person)
    person.page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    person.presses("Ablehnen").is_at("Back at the agent")
    assert "error_description=The+person+refused" in asks_for_everything.heard()


def test_a_stranger_chooses_the_language_on_the_way_and_is_led_on(somebody, weber, program):
    person = somebody().opens(program.address).is_at("Sign in").presses("Deutsch").is_at("Anmelden")
    person.page.fill("input[name=login]", weber.email)
    person.page.fill("input[name=password]", builders.PASSWORD)
    person.presses("Anmelden").is_at("Discharge Assistant möchte für Sie handeln").finds_no_fault()
    person.presses("English").is_at("Discharge Assistant asks to act for you").presses("Allow").is_at(
        "Back at the agent"
    )
    assert Consent.objects.get().shown["language"] == "en"


@pytest.mark.parametrize("scripts", [True, False])
def test_less_is_allowed_and_until_a_moment_of_ones_own(somebody, weber, program, scripts):
    person = somebody(weber, scripts=scripts).opens(program.address)
    person.sees("You can allow less: untick what it should not do.").unticks("Look up staff").ticks("1 hour")
    person.presses("Allow").is_at("Back at the agent")
    held = Consent.objects.get()
    assert [scope.name for scope in held.scopes(timezone.now())] == ["calendar:read"]
    assert (held.ends_at - held.starts_at).total_seconds() == 3600


def test_what_changes_while_somebody_reads_is_shown_before_it_counts(somebody, weber, mara, program, look_up_staff):
    person = somebody(weber).opens(program.address).is_at("asks to act for you").unticks("See your appointments")
    resources.reword_scope(
        look_up_staff, title="Look up everybody", detail="", by=builders.actor(mara), now=timezone.now()
    )
    person.presses("Allow").sees("What is asked has changed since you saw it.", "Look up everybody")
    assert not Consent.objects.exists()
    person.finds_no_fault().presses("Allow").is_at("Back at the agent")
    assert Consent.objects.count() == 1


def test_what_is_no_longer_asked_while_somebody_reads_is_not_allowed(somebody, weber, ada, program, see_appointments):
    person = somebody(weber).opens(program.address).is_at("asks to act for you")
    agent = see_appointments.agent_scopes.get().agent
    agent_scopes.set_scopes(
        agent, scopes=frozenset({see_appointments}), required=frozenset(), by=builders.actor(ada), now=timezone.now()
    )
    person.presses("Allow")
    assert "Look up staff" not in person.page.locator("ul.scopes").all_inner_texts()
    assert not Consent.objects.exists()


def test_an_end_in_the_past_or_past_the_limit_is_said_and_nothing_is_lost(somebody, weber, program):
    person = somebody(weber).opens(program.address).unticks("Look up staff")
    field = person.page.locator("input[name=until_at]")
    for moment, said in (("2020-01-01T10:00", "That moment has passed."), ("2999-01-01T10:00", "longer than one of")):
        person.page.get_by_label("at", exact=True).check()
        field.evaluate("element => { element.removeAttribute('min'); element.removeAttribute('max'); }")
        field.fill(moment)
        person.presses("Allow").sees("Nothing was allowed yet.", said).finds_no_fault()
        expect(person.page.get_by_label("Look up staff")).not_to_be_checked()
    assert not Consent.objects.exists()


def test_a_purpose_past_five_hundred_characters_is_said(somebody, weber, program):
    person = somebody(weber).opens(program.address).is_at("asks to act for you")
    person.page.get_by_text("Say it in your own words").click()
    words = person.page.get_by_label("What you allow it for")
    words.evaluate("element => element.removeAttribute('maxlength')")
    words.fill("x" * 501)
    person.presses("Allow").sees("Nothing was allowed yet.").finds_no_fault()
    expect(person.page.get_by_label("What you allow it for")).to_have_value("x" * 501)
    assert not Consent.objects.exists()


def test_what_looks_wrong_is_reported_and_an_administrator_looks(somebody, weber, mara, program):
    person = somebody(weber).opens(program.address).presses("Report this request…").is_at("Report this request?")
    person.finds_no_fault().fills({"What looks wrong?": "I did not start this."}).presses("Report and refuse")
    person.is_at("Reported. Nothing was allowed.").finds_no_fault()
    assert program.listener.received == []
    looking = somebody(mara).opens("/").sees("reported what Discharge Assistant asked for")
    looking.page.get_by_role("link", name="Look at it").first.click()
    looking.is_at("What Discharge Assistant asked was reported").sees("I did not start this.").finds_no_fault()
    looking.fills({"What did you find? It is kept with the event.": "He had started it himself."})
    looking.presses("I have looked at it").sees("Looked at. It waits no more.")
