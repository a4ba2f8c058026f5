"""Codes and passkeys: set up, asked for, used once, told, and taken away."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.mfa.utils import decrypt
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from agents.models import Session
from agents.sign_in import sign_in_methods
from agents.trail.kinds import Kind
from tests import builders
from tests.signing_in import sign_in

NOON = "2026-11-24T12:00:00+00:00"


@pytest.fixture(autouse=True)
def _nothing_counted_yet(db):
    cache.clear()


def code_now(secret):
    """The code that an app shows at this moment."""
    return format_hotp_value(hotp_value(secret, list(yield_hotp_counters_from_time())[1]))


def add_app(browser, person):
    """Set up an authenticator app as a person does, and return its secret."""
    browser.get("/account/2fa/totp/activate/")
    browser.post("/account/reauthenticate/", {"password": builders.PASSWORD, "next": "/account/2fa/totp/activate/"})
    page = browser.get("/account/2fa/totp/activate/")
    secret = page.context["form"].secret
    answer = browser.post("/account/2fa/totp/activate/", {"code": code_now(secret)})
    assert answer.status_code == 302, answer.context["form"].errors
    return secret


@time_machine.travel(NOON, tick=False)
def test_an_app_is_asked_for_after_the_password_and_told(weber):
    browser = builders.browser(weber)
    secret = add_app(browser, weber)
    fresh = Client()
    with time_machine.travel(NOON, tick=False) as clock:
        clock.shift(timedelta(minutes=5))
        assert sign_in(fresh, weber)["Location"] == reverse("mfa_authenticate")
        assert fresh.get("/account/").status_code == 302
        assert fresh.post("/account/2fa/authenticate/", {"code": code_now(secret)}).status_code == 303
        page = fresh.get("/account/")
    assert page.status_code == 200
    assert sign_in_methods(page.wsgi_request) == ["password", "totp"]
    assert builders.events(Kind.SIGNED_IN)[-1].detail == {"methods": ["password", "totp"]}
    assert {e.detail["factor"] for e in builders.events(Kind.FACTOR_ADDED)} == {"totp", "recovery_codes"}


@time_machine.travel(NOON, tick=False)
def test_the_seed_is_encrypted_and_never_stands_in_the_session_table(weber):
    secret = add_app(builders.browser(weber), weber)
    kept = Authenticator.objects.get(user_id=weber.pk, type="totp").data["secret"]
    assert secret not in kept
    assert decrypt(kept) == secret
    assert all(secret not in row.session_data for row in Session.objects.all())


@time_machine.travel(NOON, tick=False)
def test_a_code_counts_once_also_with_an_empty_cache(weber):
    secret = add_app(builders.browser(weber), weber)
    first, second = Client(), Client()
    with time_machine.travel(NOON, tick=False) as clock:
        clock.shift(timedelta(minutes=5))
        code = code_now(secret)
        sign_in(first, weber)
        assert first.post("/account/2fa/authenticate/", {"code": code}).status_code == 303
        cache.clear()
        sign_in(second, weber)
        answer = second.post("/account/2fa/authenticate/", {"code": code})
    assert answer.status_code == 200
    assert builders.events(Kind.SIGN_IN_REFUSED)[-1].reason_code == "wrong_code"
    assert len(builders.events(Kind.SIGNED_IN)) == 1


@time_machine.travel(NOON, tick=False)
def test_the_code_that_set_the_app_up_does_not_sign_in(weber):
    secret = add_app(builders.browser(weber), weber)
    fresh = Client()
    sign_in(fresh, weber)
    assert fresh.post("/account/2fa/authenticate/", {"code": code_now(secret)}).status_code == 200


@time_machine.travel(NOON, tick=False)
def test_a_recovery_code_signs_in_once(weber):
    add_app(builders.browser(weber), weber)
    code = Authenticator.objects.get(user_id=weber.pk, type="recovery_codes").wrap().get_unused_codes()[0]
    first, second = Client(), Client()
    sign_in(first, weber)
    assert first.post("/account/2fa/authenticate/", {"code": code}).status_code == 303
    assert builders.events(Kind.SIGNED_IN)[-1].detail == {"methods": ["password", "recovery_codes"]}
    sign_in(second, weber)
    assert second.post("/account/2fa/authenticate/", {"code": code}).status_code == 200


@time_machine.travel(NOON, tick=False)
@pytest.mark.parametrize("page", ["", "download/"])
def test_recovery_codes_are_shown_only_to_whoever_has_just_proved_themselves(weber, page):
    browser = builders.browser(weber)
    add_app(browser, weber)
    code = Authenticator.objects.get(user_id=weber.pk, type="recovery_codes").wrap().get_unused_codes()[0]
    url = f"/account/2fa/recovery-codes/{page}"
    assert code in browser.get(url).content.decode()
    with time_machine.travel(NOON, tick=False) as clock:
        clock.shift(timedelta(hours=1))
        asked = browser.get(url)
    assert asked.status_code == 302
    assert "reauthenticate" in asked["Location"]


@time_machine.travel(NOON, tick=False)
def test_a_new_factor_ends_the_other_sessions(weber):
    other, browser = builders.browser(weber), builders.browser(weber)
    add_app(browser, weber)
    assert browser.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302


@time_machine.travel(NOON, tick=False)
def test_removing_the_app_is_told_and_asks_for_the_password_first(weber):
    browser = builders.browser(weber)
    add_app(browser, weber)
    stranger = builders.browser(weber)
    assert "reauthenticate" in stranger.post("/account/2fa/totp/deactivate/")["Location"]
    assert browser.post("/account/2fa/totp/deactivate/").status_code == 302
    assert not Authenticator.objects.filter(user_id=weber.pk).exists()
    assert {e.detail["factor"] for e in builders.events(Kind.FACTOR_REMOVED)} == {"totp", "recovery_codes"}


@time_machine.travel(NOON, tick=False)
def test_a_wrong_first_code_sets_nothing_up_and_is_told(weber):
    browser = builders.browser(weber)
    browser.post("/account/reauthenticate/", {"password": builders.PASSWORD, "next": "/account/"})
    secret = browser.get("/account/2fa/totp/activate/").context["form"].secret
    wrong = f"{(int(code_now(secret)) + 1) % 10**6:06}"
    with builders.one_refusal(Kind.SIGN_IN_REFUSED, "wrong_code"):
        assert browser.post("/account/2fa/totp/activate/", {"code": wrong}).status_code == 200
    assert builders.events(Kind.SIGN_IN_REFUSED)[0].user_id == weber.pk
    assert not Authenticator.objects.exists()


@time_machine.travel(NOON, tick=False)
def test_a_factor_that_cannot_be_recorded_is_not_added(weber, monkeypatch):
    def fail(*_args, **_facts):
        raise RuntimeError("the trail is full")

    browser = builders.browser(weber)
    browser.raise_request_exception = False
    browser.post("/account/reauthenticate/", {"password": builders.PASSWORD, "next": "/account/"})
    secret = browser.get("/account/2fa/totp/activate/").context["form"].secret
    monkeypatch.setattr("agents.sign_in.record", fail)
    assert browser.post("/account/2fa/totp/activate/", {"code": code_now(secret)}).status_code == 500
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize(
    "credential", ["", "[]", "{}", "null", '"x"', '{"response": 1}', '{"id": null, "response": {}}', "{"]
)
def test_what_is_no_passkey_is_refused_and_never_a_fault(client, weber, credential):
    client.get("/account/2fa/webauthn/login/", headers={"X-Requested-With": "XMLHttpRequest"})
    assert client.post("/account/2fa/webauthn/login/", {"credential": credential}).status_code == 303
    assert not builders.events(Kind.SIGNED_IN)
    browser = builders.browser(weber)
    browser.post("/account/reauthenticate/", {"password": builders.PASSWORD, "next": "/account/"})
    browser.get("/account/2fa/webauthn/add/")
    assert browser.post("/account/2fa/webauthn/add/", {"credential": credential}).status_code == 200


def test_a_passkey_is_bound_to_the_host_of_the_issuer(client):
    offer = client.get(
        "/account/2fa/webauthn/login/", headers={"X-Requested-With": "XMLHttpRequest", "Host": "127.0.0.1"}
    )
    assert offer.json()["request_options"]["publicKey"]["rpId"] == "localhost"
