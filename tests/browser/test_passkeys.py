"""Passkeys, with Chromium's own virtual authenticator, and the codes of an app: added, used, taken away."""

from __future__ import annotations

import re

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from playwright.sync_api import expect

from tests.browser.at_browser import AtBrowser
from tests.builders import PASSWORD

pytestmark = pytest.mark.browser

ONE_IN_THE_DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def with_authenticator(person: AtBrowser) -> AtBrowser:
    """Give this browser an authenticator that says yes to everything."""
    devtools = person.context.new_cdp_session(person.page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": ONE_IN_THE_DEVICE})
    return person


def confirms(person: AtBrowser) -> AtBrowser:
    """Give the password once more where it is asked for."""
    if person.page.get_by_role("heading", level=1).inner_text() == "Confirm that it is you":
        person.finds_no_fault().fills({"Password": PASSWORD}).presses("Continue")
    return person


def code_of(secret: str) -> str:
    """The code that an app shows now."""
    return format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))


def signs_out(person: AtBrowser) -> AtBrowser:
    person.page.get_by_role("button", name="Sign out").first.click()
    return person.is_at("Sign in")


def adds_passkey(person: AtBrowser, name: str) -> AtBrowser:
    confirms(person.opens("/account/2fa/webauthn/add/")).is_at("Add a passkey").finds_no_fault()
    return person.fills({"Name": name}).presses("Create the passkey")


def test_a_passkey_is_added_and_signs_in_alone(somebody, weber):
    person = adds_passkey(with_authenticator(somebody(weber)), "work laptop")
    person.is_at("Recovery codes").finds_no_fault()
    person.opens("/account/2fa/").sees("You have 1 passkey", "left").finds_no_fault()
    signs_out(person).page.get_by_role("button", name="Use a passkey").click()
    person.is_at("My agents")
    person.opens("/account/2fa/webauthn/reauthenticate/").is_at("Confirm that it is you").finds_no_fault()
    person.opens("/account/2fa/webauthn/").sees("work laptop", "signs in alone").finds_no_fault()
    person.page.get_by_role("link", name=re.compile("^Rename")).click()
    person.page.wait_for_url(re.compile("edit|reauthenticate"))
    confirms(person).finds_no_fault().fills({"Name": "old laptop"}).presses("Save name")
    person.sees("old laptop").page.get_by_role("link", name=re.compile("^Remove")).click()
    confirms(person).finds_no_fault().presses("Remove passkey")
    person.is_at("Passkeys")
    expect(person.page.locator("main")).not_to_contain_text("old laptop")


def test_the_codes_of_an_app_are_a_second_step_and_recovery_codes_their_way_out(somebody, weber):
    person = somebody(weber)
    confirms(person.opens("/account/2fa/totp/activate/")).is_at("Set up the authenticator app").finds_no_fault()
    person.page.get_by_text("I cannot scan it").click()
    secret = person.text_of("#totp-secret")
    person.finds_no_fault().fills({"Authenticator code": code_of(secret)}).presses("Switch it on")
    person.is_at("Recovery codes").finds_no_fault()
    recovery = person.text_of("#recovery-codes").split()[0]
    signs_out(person).fills({"E-mail": weber.email, "Password": PASSWORD})
    person.presses("Sign in").is_at("Now the second step").finds_no_fault()
    person.fills({"Code": recovery}).presses("Sign in").is_at("My agents")
    person.opens("/account/2fa/reauthenticate/").is_at("Confirm that it is you").finds_no_fault()
    confirms(person.opens("/account/2fa/recovery-codes/generate/")).is_at("Make new recovery codes?").finds_no_fault()
    confirms(person.opens("/account/2fa/totp/deactivate/")).finds_no_fault()
