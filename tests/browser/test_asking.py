"""Asking out of band in a real browser: the inbox, a device's code, asking for more, and what people do with browsers."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from consent.models import AccessRequest, Consent, Silence
from tests import builders
from tests.browser.at_browser import AtBrowser
from tests.grants import TokenClient
from tests.out_of_band import (
    asked_id,
    asking_client,
    joins_circle,
    let_use_device_codes,
    polls,
    polls_device,
    request_of,
    starts,
)

pytestmark = pytest.mark.browser

ASKS = "Discharge Assistant asks to act for you"
PURPOSE = "Plan the ward round"


@pytest.fixture
def robot(running_mandate, discharge_assistant, weber, mara) -> TokenClient:
    """A client of the assistant that may ask Weber."""
    joins_circle(discharge_assistant, weber, by=mara)
    return asking_client(discharge_assistant)


@pytest.fixture
def display(running_mandate, discharge, mara) -> TokenClient:
    """A client with device codes."""
    let_use_device_codes(discharge.client, by=mara)
    return discharge


def title_is(person: AtBrowser, *titles: str) -> None:
    expect(person.page.get_by_role("heading", level=1)).to_have_text(re.compile("|".join(titles)))


# ------------------------------------------------------------------------------------------------------------ the inbox


def test_a_question_appears_by_itself_and_is_decided_in_the_inbox(somebody, robot, weber):
    person = somebody(weber).opens("/inbox/").sees("Nobody asks you anything").finds_no_fault()
    secret = asked_id(robot, weber, binding_message="W4SCT")
    expect(person.page.locator("#waiting")).to_contain_text("W4SCT", timeout=20_000)
    expect(person.page.locator("#count-inbox")).to_have_text(re.compile("^1"))
    person.finds_no_fault()
    person.follows("Look and decide Discharge Assistant").is_at(ASKS).sees("W4SCT", PURPOSE).finds_no_fault()
    person.presses("Allow").sees("Allowed. Discharge Assistant can go on.", "W4SCT").finds_no_fault()
    assert polls(robot, secret).json()["scope"] == "openid calendar:read"
    person.opens(request_of(secret).get_absolute_url()).is_at("You have allowed this").finds_no_fault()
    person.opens("/inbox/").sees("Nobody asks you anything", "allowed").finds_no_fault()


def test_the_count_is_live_on_every_page_and_a_hidden_tab_asks_nothing(somebody, robot, weber):
    person = somebody(weber)
    asked: list[str] = []
    person.page.on("request", lambda request: asked.append(request.url) if "/inbox/count/" in request.url else None)
    person.page.clock.install()
    person.opens("/my-agents/")
    asked_id(robot, weber)
    person.page.clock.fast_forward("01:01")
    expect(person.page.locator("#count-inbox")).to_have_text(re.compile("^1"))
    expect(person.page.locator("#waiting-said")).to_have_text("One request waits for you.")
    person.finds_no_fault()
    person.page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    person.page.clock.fast_forward("10:00")
    assert len(asked) == 1
    with person.page.expect_request("**/inbox/count/**"):  # looked at again, it asks at once
        person.page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")


def test_it_works_without_scripts(somebody, robot, weber):
    secret = asked_id(robot, weber)
    person = somebody(weber, scripts=False).opens("/my-agents/")
    expect(person.page.locator("#count-inbox")).to_have_text(re.compile("^1"))
    person.opens("/inbox/").follows("Look and decide Discharge Assistant").is_at(ASKS).presses("Refuse")
    person.is_at("Inbox").sees("Refused. Discharge Assistant gets nothing.")
    assert polls(robot, secret).json()["error"] == "access_denied"


def test_never_again_and_again(somebody, robot, weber):
    request = request_of(asked_id(robot, weber))
    person = somebody(weber).opens(request.get_absolute_url())
    person.page.get_by_text("Do not want to be asked?").click()
    person.finds_no_fault().presses("Never ask me again for this agent").sees("does not ask you again")
    person.opens("/my-agents/").sees("Do not ask you any more").finds_no_fault()
    assert Silence.objects.live().count() == 1
    person.page.get_by_role("button", name=re.compile("ask.*again", re.IGNORECASE)).click()
    person.sees("may ask you again")
    assert Silence.objects.live().count() == 0


@pytest.mark.parametrize("scripts", [True, False])
def test_allowing_twice_in_a_hurry_is_one_consent(somebody, robot, weber, scripts):
    request = request_of(asked_id(robot, weber))
    person = somebody(weber, scripts=scripts).opens(request.get_absolute_url())
    person.page.get_by_role("button", name="Allow").dblclick(no_wait_after=True)
    title_is(person, "What you agreed to", "You have allowed this")
    assert Consent.objects.count() == 1


def test_in_two_tabs_the_first_answer_counts(somebody, robot, weber):
    request = request_of(asked_id(robot, weber))
    first = somebody(weber).opens(request.get_absolute_url()).is_at(ASKS)
    second = first.another_tab().opens(request.get_absolute_url()).is_at(ASKS)
    first.presses("Allow").is_at("What you agreed to")
    second.presses("Refuse").is_at("You have allowed this").finds_no_fault()
    assert Consent.objects.live(timezone.now()).count() == 1


def test_back_after_deciding_cannot_decide_again(somebody, robot, weber):
    request = request_of(asked_id(robot, weber))
    person = somebody(weber).opens(request.get_absolute_url()).is_at(ASKS).presses("Allow").is_at("What you agreed to")
    person.page.go_back()
    if person.page.get_by_role("button", name="Allow").count():
        person.presses("Allow")
    person.is_at("You have allowed this")
    assert Consent.objects.count() == 1


def test_a_session_that_ends_in_the_middle_leads_through_sign_in_back_to_the_question(somebody, robot, weber):
    request = request_of(asked_id(robot, weber))
    person = somebody(weber).opens(request.get_absolute_url()).is_at(ASKS)
    person.context.clear_cookies(name="mandate-session")
    person.presses("Allow").is_at("Sign in")
    assert not Consent.objects.exists()
    person.signs_in(weber.email).is_at(ASKS).presses("Allow").is_at("What you agreed to")
    assert Consent.objects.count() == 1


def test_a_question_that_runs_out_while_it_is_open_allows_nothing(somebody, robot, weber):
    request = request_of(asked_id(robot, weber))
    person = somebody(weber).opens(request.get_absolute_url()).is_at(ASKS)
    long_ago = timezone.now() - timedelta(hours=1)
    AccessRequest.objects.filter(pk=request.pk).update(created_at=long_ago, expires_at=long_ago + timedelta(minutes=15))
    person.presses("Allow").is_at("Discharge Assistant no longer waits for this").finds_no_fault()
    assert not Consent.objects.exists()


def test_nobody_else_can_open_it(somebody, robot, weber, mallory):
    request = request_of(asked_id(robot, weber))
    person = somebody(mallory).opens(request.get_absolute_url())
    assert person.page.get_by_role("button", name="Allow").count() == 0
    expect(person.page.locator("body")).not_to_contain_text(PURPOSE)


# --------------------------------------------------------------------------------------------------------- asking for more


def test_what_is_new_is_marked_and_what_was_allowed_stays(somebody, robot, weber, see_appointments, look_up_staff):
    builders.consent(weber, robot.client, [see_appointments], purpose=PURPOSE)
    secret = asked_id(robot, weber, scope="staff:read", purpose=PURPOSE)
    person = somebody(weber).opens("/inbox/").sees("asks for more than you allowed before")
    person.follows("Look and decide Discharge Assistant").sees("It asks for more than you allowed before")
    old, new = person.page.get_by_label("See your appointments"), person.page.get_by_label("Look up staff")
    expect(old).to_be_checked()
    expect(new).to_be_checked()
    expect(person.page.get_by_text("new", exact=True)).to_have_count(1)
    person.finds_no_fault().presses("Allow").is_at("What you agreed to")
    token = polls(robot, secret, resource="https://directory.st-anna.example").json()
    assert token["scope"] == "staff:read"
    held = Consent.objects.live(timezone.now()).get().scopes(timezone.now())
    assert {scope.name for scope in held} == {"calendar:read", "staff:read"}


# ----------------------------------------------------------------------------------------------------------- the device


def test_a_code_is_typed_and_its_question_allowed(somebody, display, weber):
    body = starts(display).json()
    person = somebody(weber).opens("/inbox/").follows("Enter a device’s code")
    person.is_at("Enter the code that your device shows").finds_no_fault()
    person.fills({"Code": "BCDF-GHJK"}).presses("Go on").sees("No device waits with this code").finds_no_fault()
    person.fills({"Code": body["user_code"].lower()}).presses("Go on").is_at(ASKS)
    person.sees("Whoever sent you the code gets this access.", "Started", "From network").finds_no_fault()
    assert "Do not want to be asked?" not in person.page.content()
    person.presses("Allow").is_at("What you agreed to").sees("by a device whose code was typed").finds_no_fault()
    assert polls_device(display, body["device_code"]).json()["scope"] == "calendar:read"


def test_whoever_guesses_is_stopped_with_a_sentence(somebody, display, weber):
    person = somebody(weber).opens("/device")
    for _ in range(10):
        person.fills({"Code": "BCDF-GHJK"}).presses("Go on")
    person.fills({"Code": starts(display).json()["user_code"]}).presses("Go on")
    person.sees("Wait 15 minutes").finds_no_fault()


def test_going_on_twice_in_a_hurry_leads_to_the_question(somebody, display, weber):
    code = starts(display).json()["user_code"]
    person = somebody(weber, scripts=False).opens("/device").fills({"Code": code})
    person.page.get_by_role("button", name="Go on").dblclick(no_wait_after=True)
    person.is_at(ASKS)


# -------------------------------------------------------------------------------------------------- who may ask at all


def test_an_administrator_says_whom_an_agent_may_ask_and_lets_a_client_use_device_codes(
    somebody, running_mandate, discharge, weber, mara
):
    agent = discharge.client.agent
    person = somebody(mara).opens(f"/agents/{agent.pk}/clients/").follows("Whom it may ask…").finds_no_fault()
    person.sees("Nobody yet.").presses("Put into the circle").finds_no_fault()
    person.fills({"Their e-mail address": weber.email, "Why? They and the owner see this.": "Works on the ward."})
    person.presses("Put into the circle").sees("Dr. Jonas Weber").finds_no_fault()
    person.opens(f"/agents/{agent.pk}/clients/").follows("Device codes…").finds_no_fault()
    person.page.get_by_label(re.compile("^Why|^Reason")).first.fill("Runs on ward displays.")
    person.presses("Allow device codes").sees("Runs on ward displays.").finds_no_fault()
    person.follows("Device codes…").finds_no_fault()
