"""Passwords: changed by their owner, reset by a link that works once, and by whoever runs the server."""

from __future__ import annotations

import re
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client, override_settings

from agents import people, sign_in
from agents.actors import Actor
from agents.errors import LinkRefused
from agents.mail import deliver
from agents.models import OutgoingMail, Role, Session, User
from agents.trail.kinds import Kind
from console.accounts.password_links import PasswordLinks, address_of, password_link
from tests import builders
from tests.services.parallel import at_once

STRONGER = "django.contrib.auth.hashers.PBKDF2PasswordHasher"
NEW = "another correct horse"
RESET = "/account/password/reset/"
CHANGE = {"oldpassword": builders.PASSWORD, "password1": NEW, "password2": NEW}
MAILED = {"MAIL_IS_SENT": True, "EMAIL_BACKEND": "django.core.mail.backends.locmem.EmailBackend"}


@pytest.fixture(autouse=True)
def _nothing_counted_yet(db):
    cache.clear()


def set_password(browser, address, password=NEW):
    """Follow a link for a new password as a person does."""
    page = browser.get(re.sub(r"^https?://[^/]+", "", address), follow=True)
    return browser.post(page.redirect_chain[-1][0], {"password1": password, "password2": password})


def test_a_changed_password_ends_the_other_sessions_and_is_told(weber):
    other, browser = builders.browser(weber), builders.browser(weber)
    assert browser.post("/account/password/change/", CHANGE).status_code == 302
    assert browser.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302
    weber.refresh_from_db()
    assert weber.check_password(NEW)
    assert builders.events(Kind.PASSWORD_CHANGED)[0].detail == {"how": "changed"}
    assert Session.objects.of(weber).count() == 1


def test_a_change_asks_for_the_old_password(weber):
    browser = builders.browser(weber)
    with builders.one_refusal(Kind.SIGN_IN_REFUSED, "wrong_password"):
        assert browser.post("/account/password/change/", {**CHANGE, "oldpassword": "guess"}).status_code == 200
    weber.refresh_from_db()
    assert weber.check_password(builders.PASSWORD)


@override_settings(PASSWORD_HASHERS=[STRONGER, *settings.PASSWORD_HASHERS])
@pytest.mark.parametrize(
    ("page", "form"),
    [
        ("/account/reauthenticate/", {"password": builders.PASSWORD}),
        ("/account/password/change/", {**CHANGE, "password2": "not the same"}),
    ],
)
def test_who_proves_themselves_again_stays_signed_in_while_their_password_is_hashed_anew(weber, page, form):
    browser, before = builders.browser(weber), weber.password
    browser.post(page, form)
    weber.refresh_from_db()
    assert weber.password.startswith("pbkdf2_sha256$")
    assert weber.password != before
    assert browser.get("/account/").status_code == 200


def test_a_password_that_cannot_be_recorded_is_not_changed(weber, monkeypatch):
    def fail(*_args, **_facts):
        raise RuntimeError("the trail is full")

    browser = builders.browser(weber)
    browser.raise_request_exception = False
    monkeypatch.setattr("agents.sign_in.record", fail)
    assert browser.post("/account/password/change/", CHANGE).status_code == 500
    weber.refresh_from_db()
    assert weber.check_password(builders.PASSWORD)


@override_settings(**MAILED)
def test_a_forgotten_password_is_set_by_a_mailed_link_once(client, weber, mailoutbox, now, settings):
    builders.browser(weber)
    client.post("/account/password/reset/", {"email": weber.email}, HTTP_HOST="127.0.0.1")
    assert not mailoutbox  # the page did not wait for the mail server
    deliver(now=OutgoingMail.objects.get().next_try_at)
    address = re.search(r"https?://\S+", mailoutbox[0].body).group()
    assert address.startswith(f"{settings.ISSUER}/account/password/reset/key/")
    assert set_password(client, address).status_code == 302
    weber.refresh_from_db()
    assert weber.check_password(NEW)
    assert not Session.objects.of(weber).exists()
    assert builders.events(Kind.PASSWORD_CHANGED)[0].detail == {"how": "reset"}
    with builders.one_refusal(Kind.LINK_REFUSED, "link_refused"):
        again = Client().get(address.removeprefix(settings.ISSUER))
    assert "password1" not in again.content.decode()
    assert builders.events(Kind.LINK_REFUSED)[0].user_id == weber.pk


@pytest.mark.parametrize("uid", ["0", "zzzzzzzzzzzzz", "abc", "9" * 300])
def test_a_guessed_link_for_a_password_is_told(client, uid):
    with builders.one_refusal(Kind.LINK_REFUSED, "link_refused"):
        assert client.get(f"/account/password/reset/key/{uid}-guess/").status_code == 200
    assert builders.events(Kind.LINK_REFUSED)[0].detail == {"kind": "password-reset"}


@override_settings(**MAILED)
def test_the_key_of_a_reset_stands_in_no_table(client, weber, mailoutbox):
    client.post("/account/password/reset/", {"email": weber.email})
    waiting = OutgoingMail.objects.get()
    assert "reset" not in waiting.sealed
    deliver(now=waiting.next_try_at)
    address = re.search(r"https?://\S+", mailoutbox[0].body).group()
    client.get(re.sub(r"^https?://[^/]+", "", address))
    key = address.rstrip("/").rpartition("-")[2]
    assert all(key not in row.session_data for row in Session.objects.all())


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_of_many_who_follow_one_reset_link_at_once_one_sets_the_password(now):
    weber = builders.person("Weber")
    as_each_page_read_him = [User.objects.get(pk=weber.pk) for _ in range(8)]
    outcome = at_once(
        8,
        lambda number: sign_in.change_password(
            as_each_page_read_him[number],
            password=f"another correct horse {number}",
            how="reset",
            by=Actor.system(),
            now=now,
        ),
    )
    assert len(outcome.returned) == 1
    assert outcome.raised_only(LinkRefused), outcome.raised
    assert len(builders.events(Kind.PASSWORD_CHANGED)) == 1


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_vouch_for_each_other_both_set_their_passwords(now, monkeypatch):
    """Each link locks its maker and then changes its reader: taken in another order by each, nobody could go on."""
    people = [builders.person("Mara", Role.ADMINISTRATOR), builders.person("Eva", Role.ADMINISTRATOR)]
    both_vouched, vouch = Barrier(2), sign_in.must_still_be_vouched_for

    def vouch_and_meet(*args, **facts):
        vouch(*args, **facts)
        with suppress(BrokenBarrierError):  # with the right order the other one has to wait, and never comes here
            both_vouched.wait(timeout=0.5)

    monkeypatch.setattr(sign_in, "must_still_be_vouched_for", vouch_and_meet)
    outcome = at_once(
        2,
        lambda number: sign_in.change_password(
            people[number],
            password=f"another correct horse {number}",
            how="reset",
            by=Actor.system(),
            now=now,
            vouched_for_by=people[1 - number].pk,
        ),
    )
    assert not outcome.raised, outcome.raised
    assert len(builders.events(Kind.PASSWORD_CHANGED)) == 2


def test_an_administrator_makes_a_link_that_is_shown_once_and_works_once(mara, weber):
    browser = builders.browser(mara)
    page = f"/people/{weber.pk}/password-link/"
    made = browser.post(page, {"reason": "The phone is lost."}, follow=True)
    address = made.context["address"]
    assert browser.get(f"{page}done/").status_code == 302
    event = builders.events(Kind.PASSWORD_LINK_ISSUED)[0]
    assert (event.actor_id, event.user_id) == (mara.pk, weber.pk)
    assert set_password(Client(), address).status_code == 302
    weber.refresh_from_db()
    assert weber.check_password(NEW)


@pytest.mark.parametrize("dismissed", ["before it is opened", "while the form is shown"])
def test_a_link_of_an_administrator_who_was_dismissed_opens_nothing(mara, weber, now, dismissed):
    eva = builders.person("Eva", Role.ADMINISTRATOR)
    made = builders.browser(eva).post(
        f"/people/{weber.pk}/password-link/", {"reason": "The phone is lost."}, follow=True
    )
    link, browser = made.context["address"].removeprefix("http://localhost:8000"), Client()
    if dismissed == "while the form is shown":
        browser.get(link)
    people.deactivate(eva, reason="They left.", by=builders.actor(mara), now=now)
    opened = browser.get(link) if dismissed == "before it is opened" else None
    assert opened is None or "password1" not in opened.content.decode()
    form = re.sub(r"-[^/]+/$", "-set-password/", link)
    browser.post(form, {"password1": NEW, "password2": NEW})
    browser.post(link, {"password1": NEW, "password2": NEW}, headers={"X-Requested-With": "XMLHttpRequest"})
    weber.refresh_from_db()
    assert weber.check_password(builders.PASSWORD)


def test_a_link_whose_maker_is_dismissed_at_the_last_moment_sets_nothing(mara, weber, now):
    with pytest.raises(LinkRefused):
        sign_in.change_password(
            weber, password=NEW, how="reset", by=Actor.system(), now=now, vouched_for_by=builders.person("Eva").pk
        )
    assert not builders.events(Kind.PASSWORD_CHANGED)


def test_nobody_puts_another_maker_on_a_link(mara, weber, now):
    eva = builders.person("Eva", Role.ADMINISTRATOR)
    person, _, key = password_link(weber, maker=eva).rstrip("/").rpartition("/")[2].partition("-")
    assert PasswordLinks().check_token(weber, key)
    people.deactivate(eva, reason="They left.", by=builders.actor(mara), now=now)
    own = key.partition(".")[2]
    for forged in (key, own, f".{own}", f"{mara.pk.hex}.{own}", f"{mara.pk}.{own}", f"x.{own}", f"{key}.{own}"):
        assert not PasswordLinks().check_token(weber, forged)
        assert "password1" not in Client().get(address_of(f"{person}-{forged}"), follow=True).content.decode()


@pytest.mark.parametrize("who", ["ada", "omar", "mallory", "weber"])
def test_nobody_else_makes_such_a_link(request, who, mara, weber):
    browser = builders.browser(request.getfixturevalue(who))
    expected = 403 if who in {"omar", "weber"} else 404
    assert browser.post(f"/people/{weber.pk}/password-link/", {"reason": "Because."}).status_code == expected
    assert not builders.events(Kind.PASSWORD_LINK_ISSUED)


def test_an_administrator_makes_no_link_for_themselves(mara):
    assert builders.browser(mara).post(f"/people/{mara.pk}/password-link/", {"reason": "x"}).status_code == 403


def test_the_server_recovers_an_administrator_with_a_link(weber, capsys):
    User.objects.filter(pk=weber.pk).update(is_active=False)
    Authenticator.objects.create(user_id=weber.pk, type="totp", data={"secret": "lost"})
    call_command("recover_administrator", weber.email, "--remove-factors")
    address = re.search(r"http\S+", capsys.readouterr().out).group()
    assert not Authenticator.objects.exists()
    assert builders.events(Kind.FACTOR_REMOVED)[0].actor_kind == "system"
    browser = Client()
    assert set_password(browser, address).status_code == 302
    browser.post("/account/login/", {"login": weber.email, "password": NEW})
    assert browser.get("/people/").status_code == 200


def test_without_the_option_factors_stay(weber):
    Authenticator.objects.create(user_id=weber.pk, type="totp", data={"secret": "kept"})
    call_command("recover_administrator", weber.email)
    assert Authenticator.objects.count() == 1


def test_nobody_is_recovered_by_an_unknown_address(db):
    with pytest.raises(CommandError, match="Nobody"):
        call_command("recover_administrator", "nobody@st-anna.example")


@pytest.mark.parametrize("address", ["jonas.weber@st-anna.example", "nobody@st-anna.example", "no\0body", "x" * 5_000])
def test_a_stranger_has_few_mails_sent_to_somebody(weber, settings, address):
    """From many places, too: an inbox is not to be filled by whoever knows an address."""
    settings.MAIL_IS_SENT = True
    answers = []
    for number in range(7):
        browser = builders.browser()
        answers.append(browser.post(RESET, {"email": address}, REMOTE_ADDR=f"198.51.100.{number}").status_code)
    known = address == weber.email
    assert OutgoingMail.objects.count() == (5 if known else 0)
    if "nobody" in address:  # known and unknown are told alike
        assert answers == [302] * 5 + [429] * 2
    if known:
        assert answers == [302] * 5 + [429] * 2
        assert [(event.reason_code, event.user_id) for event in builders.events("person.sign_in_refused")] == [
            ("too_many_attempts", weber.pk)
        ] * 2
