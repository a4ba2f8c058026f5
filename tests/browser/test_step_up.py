"""What a rule asks for before something is allowed, in a real browser: a passkey in the middle, and somebody who agrees (S45)."""

from __future__ import annotations

import pytest
from django.utils import timezone

from agents.models import Role
from consent.models import Consent, PendingConsent
from tests import builders
from tests.browser.test_passkeys import adds_passkey, with_authenticator
from tests.ruling import rule

pytestmark = pytest.mark.browser
SCREEN = "Discharge Assistant asks to act for you"
APPOINTMENTS = "See your appointments"
STAFF = "Look up staff"


def live() -> int:
    """How many consents count now."""
    return Consent.objects.live(timezone.now()).count()


@pytest.fixture
def weber_with_a_passkey(somebody, weber, mara):
    """Weber has one, and is signed in by his password."""
    rule("personal", passkey_required=True, by=mara)
    return adds_passkey(with_authenticator(somebody(weber)), "work laptop").is_at("Recovery codes")


def test_a_passkey_in_the_middle_keeps_what_was_chosen(weber_with_a_passkey, program):
    person = weber_with_a_passkey.opens(program.address).is_at(SCREEN)
    person.sees("To allow personal data you show your passkey first").finds_no_fault()
    person.unticks(STAFF).ticks("1 hour").presses("Allow").is_at("Confirm that it is you").finds_no_fault()
    assert live() == 0
    person.page.get_by_role("button", name="Use a passkey").click()
    person.is_at(SCREEN).sees("That was you").finds_no_fault()
    assert not person.page.get_by_label(STAFF, exact=True).is_checked()
    assert person.page.get_by_label("1 hour", exact=True).is_checked()
    person.presses("Allow").is_at("Back at the agent")
    given = Consent.objects.get()
    assert given.acr == "phr"
    assert {scope.wording.title for scope in given.scopes(timezone.now())} == {APPOINTMENTS}


def test_without_what_is_under_the_rule_no_passkey_is_asked_for(weber_with_a_passkey, program):
    weber_with_a_passkey.opens(program.address).unticks(APPOINTMENTS).presses("Allow").is_at("Back at the agent")
    assert live() == 1


def test_whoever_has_no_passkey_reads_how_to_get_one(somebody, weber, mara, program):
    rule("personal", passkey_required=True, by=mara)
    person = somebody(weber).opens(program.address).sees("you need a passkey, and you have none yet").finds_no_fault()
    person.presses("Allow").sees("Nothing was allowed yet", "Add one to your account")
    assert live() == 0


def test_a_session_that_ends_on_the_way_decides_nothing(weber_with_a_passkey, weber, program):
    person = weber_with_a_passkey.opens(program.address).presses("Allow").is_at("Confirm that it is you")
    person.context.clear_cookies(name="mandate-session")
    person.opens(program.address).is_at("Sign in").signs_in(weber.email).is_at("Now the second step")
    assert live() == 0


def test_a_client_that_asks_for_a_new_sign_in_gets_one(somebody, weber, program):
    person = somebody(weber).opens(f"{program.address}&max_age=0").is_at("Confirm that it is you")
    person.fills({"Password": builders.PASSWORD}).presses("Continue").is_at(SCREEN)
    person.presses("Allow").is_at("Back at the agent")
    assert live() == 1


def test_somebody_else_agrees(somebody, weber, mara, program):
    rule("personal", approver_role="administrator", by=mara)
    builders.person("Nora Second", Role.ADMINISTRATOR)
    person = somebody(weber).opens(program.address).sees("besides you, an administrator must agree").finds_no_fault()
    person.presses("Allow").is_at("You allowed this to Discharge Assistant; somebody else must agree").finds_no_fault()
    assert live() == 0
    person.follows("Back to Discharge Assistant").is_at("Back at the agent")
    assert "error=access_denied" in program.heard()

    approver = somebody(mara).sees("somebody else must agree").follows("Agree or refuse")
    approver.is_at("Dr. Jonas Weber allowed this to Discharge Assistant: do you agree?").finds_no_fault()
    approver.sees(APPOINTMENTS)
    second = approver.another_tab().opens(PendingConsent.objects.get().get_absolute_url())
    approver.presses("Agree").sees("Agreed.").finds_no_fault()
    second.presses("Refuse").sees("decided already")
    assert live() == 1
    person.opens("/my-agents/").sees("Discharge Assistant")


def test_without_scripts_too(somebody, weber, mara, program):
    rule("personal", approver_role="administrator", by=mara)
    somebody(weber, scripts=False).opens(program.address).presses("Allow").sees("somebody else must agree")
    waiting = PendingConsent.objects.get()
    approver = somebody(mara, scripts=False).opens(waiting.get_absolute_url())
    approver.presses("Refuse").sees("Nothing was decided yet")
    approver.fills({"Why, if you refuse": "Not for this ward."}).presses("Refuse").sees("Refused.")
    assert live() == 0


def test_a_rule_is_changed_with_a_look_at_whom_it_reaches(somebody, mara, weber, program, discharge_assistant):
    builders.consent(weber, discharge_assistant.clients.get())
    person = somebody(mara).opens("/settings/").follows("Look at the rules").is_at("Sensitivity rules").finds_no_fault()
    person.page.get_by_role("link", name="Health data").click()
    person.is_at("Rule for health data").finds_no_fault()
    person.fills({"Longest time": "7 days", "Why?": "The board decided so."}).presses("Look at whom it reaches")
    person.sees("Nothing was changed yet", "Pause the one that goes beyond it").finds_no_fault()
    person.presses("Save the rule").is_at("Sensitivity rules").sees("7 days")
    assert live() == 0
