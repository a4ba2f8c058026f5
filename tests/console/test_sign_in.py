"""Signing in over HTTP: by password, by password and code; what is refused, what is remembered, where it leads."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.mfa.utils import decrypt
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from agents.encryption import decrypt as unseal
from agents.models import Session, User
from agents.people import deactivate
from agents.sign_in import sign_in_methods
from agents.trail.kinds import Kind
from tests import builders

LOGIN = "/account/login/"
NOON = "2026-11-24T12:00:00+00:00"


@pytest.fixture(autouse=True)
def _nothing_counted_yet(db):
    cache.clear()


def sign_in(browser, person, password=builders.PASSWORD, **more):
    return browser.post(LOGIN, {"login": person.email, "password": password, **more})


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


def test_a_password_signs_in_and_is_told(client, weber):
    assert sign_in(client, weber).status_code == 303
    event = builders.events(Kind.SIGNED_IN)[0]
    assert (event.user_id, event.actor_id, event.detail) == (weber.pk, weber.pk, {"methods": ["password"]})
    session = Session.objects.of(weber).get()
    assert session.address == "127.0.0.1"


def test_the_address_is_matched_whatever_its_case(client, weber):
    answer = client.post(LOGIN, {"login": f" {weber.email.upper()} ", "password": builders.PASSWORD})
    assert answer.status_code == 303


def test_a_new_session_begins_at_sign_in_and_the_table_does_not_know_its_key(client, weber):
    client.get(LOGIN)
    client.get("/account/password/reset/")
    before = client.cookies.get("mandate-session")
    sign_in(client, weber)
    key = client.cookies["mandate-session"].value
    assert before is None or key != before.value
    row = Session.objects.of(weber).get()
    assert key not in (row.session_key, row.session_data)
    assert str(weber.pk) not in row.session_data
    assert unseal(row.session_data)
    other = Client()
    other.cookies["mandate-session"] = row.session_key  # what a dump of the database gives away
    assert other.get("/account/").status_code == 302


def test_a_session_given_by_somebody_else_is_not_continued(client, weber):
    attacker = Client()
    attacker.get("/setup/x")
    attacker.session.save()
    planted = attacker.session.session_key
    client.cookies["mandate-session"] = planted
    sign_in(client, weber)
    assert client.cookies["mandate-session"].value != planted


def test_a_wrong_password_is_refused_and_told_without_what_was_typed(client, weber):
    with builders.one_refusal(Kind.SIGN_IN_REFUSED, "wrong_password"):
        answer = sign_in(client, weber, "not the password")
    assert answer.status_code == 200
    assert builders.events(Kind.SIGN_IN_REFUSED)[0].user_id == weber.pk


def test_known_and_unknown_addresses_answer_alike(client, weber):
    def shown(answer):
        return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"|value="[^"]*@[^"]*"', "", answer.content.decode())

    known = sign_in(client, weber, "not the password")
    unknown = client.post(LOGIN, {"login": "nobody@st-anna.example", "password": "not the password"})
    assert (known.status_code, shown(known)) == (unknown.status_code, shown(unknown))
    reset = "/account/password/reset/"
    answers = [client.post(reset, {"email": email}) for email in (weber.email, "nobody@st-anna.example")]
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {(302, "/account/password/reset/done/")}


def test_guessing_is_limited_for_each_account_whatever_the_host_says(weber):
    for port in range(5):
        Client().post(LOGIN, {"login": weber.email, "password": f"guess {port}"}, HTTP_HOST=f"localhost:{port + 1}")
    answer = sign_in(Client(), weber)
    assert answer.status_code == 200
    assert not builders.events(Kind.SIGNED_IN)
    assert builders.events(Kind.SIGN_IN_REFUSED)[-1].reason_code == "too_many_attempts"


def test_somebody_who_is_deactivated_does_not_come_in(client, mara, weber, now):
    deactivate(weber, reason="They left.", by=builders.actor(mara), now=now)
    with builders.one_refusal(Kind.SIGN_IN_REFUSED, "deactivated"):
        answer = sign_in(client, weber)
    assert answer["Location"] == reverse("account_inactive")
    assert client.get("/account/").status_code == 302


def test_a_session_of_somebody_deactivated_is_over(mara, weber, now):
    browser = builders.browser(weber)
    assert browser.get("/account/").status_code == 200
    deactivate(weber, reason="They left.", by=builders.actor(mara), now=now)
    assert browser.get("/account/").status_code == 302


def test_signing_out_ends_the_session_and_is_told(client, weber):
    sign_in(client, weber)
    assert client.get("/account/logout/").status_code == 200
    client.post("/account/logout/")
    assert not Session.objects.of(weber).exists()
    assert [event.user_id for event in builders.events(Kind.SIGNED_OUT)] == [weber.pk]


TRICKS = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "https://evil.example",
    "http://127.0.0.1/",
    "http://localhost:9/",
    "/\t/evil.example",
    "/%09/evil.example",
    "javascript:alert(1)",
    "/a\r\nLocation: https://evil.example",
    "https://localhost@evil.example",
    "\x00//evil.example",
]


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("way", ["query", "form"])
def test_s05_sign_in_leads_to_our_own_host_alone(client, weber, trick, way):
    form = {"login": weber.email, "password": builders.PASSWORD}
    if way == "form":
        answer = client.post(LOGIN, {**form, "next": trick})
    else:
        answer = client.post(LOGIN, form, query_params={"next": trick})
    assert answer.status_code == 303
    target = answer["Location"]
    assert target.startswith("/")
    assert not target.startswith(("//", "/\\", "/\t"))
    assert "\n" not in target
    assert "\r" not in target


def test_sign_in_leads_back_to_where_one_was_going(client, weber):
    assert client.get("/account/")["Location"] == "/account/login/?next=/account/"
    answer = sign_in(client, weber, next="/account/?a=1&b=2")
    assert answer["Location"] == "/account/?a=1&b=2"


def test_nobody_makes_an_account_by_themselves(client, mara):
    page = client.get("/account/signup/")
    assert "form" not in (page.context or {}) or not page.context.get("form")
    client.post("/account/signup/", {"email": "mallory@evil.example", "password1": "correct horse battery"})
    assert User.objects.count() == 1


# ----------------------------------------------------------------------------------------------------------- one's codes


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


# --------------------------------------------------------------------------------------------------------- form-action


@pytest.mark.parametrize("page", [LOGIN, "/account/login/?next=/oauth/authorize"])
def test_sign_in_has_no_form_action_and_keeps_the_rest_of_its_policy(client, db, page):
    policy = client.get(page)["Content-Security-Policy"]
    assert "form-action" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_other_pages_keep_form_action(weber):
    browser = builders.browser(weber)
    assert "form-action 'self'" in browser.get("/account/")["Content-Security-Policy"]
    assert "form-action" not in browser.get("/account/reauthenticate/")["Content-Security-Policy"]
