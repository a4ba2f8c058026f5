"""Signing in over HTTP: by password, by password and code; what is refused, what is remembered, where it leads."""

from __future__ import annotations

import re

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from agents.encryption import decrypt as unseal
from agents.models import Session, User
from agents.people import deactivate
from agents.trail.kinds import Kind
from tests import builders
from tests.signing_in import sign_in

LOGIN = "/account/login/"


@pytest.fixture(autouse=True)
def _nothing_counted_yet(db):
    cache.clear()


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
