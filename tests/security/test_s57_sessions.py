"""S57: sessions begin and end when they must, guessing is slow, links count once. Stories: ``tests/console/test_sign_in.py``,

``test_passwords.py``, ``test_setup.py`` and ``test_invitation.py``; races of links: ``tests/agents/test_links.py``.
"""

from __future__ import annotations

from datetime import timedelta
from http.cookies import SimpleCookie

import pytest
import time_machine
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from agents import invitations, people
from agents.models import KnownSource, OneTimeLink, Session
from agents.models.known_source import MOST_KNOWN
from tests import builders

pytestmark = pytest.mark.django_db
LOGIN = "/account/login/"


@pytest.fixture(autouse=True)
def _nothing_counted_yet(db):
    cache.clear()


def key_of(browser):
    return browser.cookies[settings.SESSION_COOKIE_NAME].value


def signs_in(browser, person, password=builders.PASSWORD, **more):
    return browser.post(LOGIN, {"login": person.email, "password": password}, **more)


def test_s57_a_new_session_at_sign_in_which_no_table_can_give_away(weber):
    browser = builders.browser()
    browser.cookies = SimpleCookie({settings.SESSION_COOKIE_NAME: "fixed-by-somebody-else-fixed-by-som"})
    assert signs_in(browser, weber).status_code == 303
    key = key_of(browser)
    assert key != "fixed-by-somebody-else-fixed-by-som"
    assert key not in "\n".join(map(repr, Session.objects.values_list()))
    assert browser.get("/my-agents/").status_code == 200


def test_s57_a_session_that_is_used_all_the_time_ends_a_week_after_signing_in(weber):
    start = timezone.now()
    browser = builders.browser()
    signs_in(browser, weber)
    for hours in range(11, 24 * 7, 11):
        with time_machine.travel(start + timedelta(hours=hours), tick=False):
            assert browser.get("/my-agents/").status_code == 200, hours
            session = browser.session
            session["seen"] = hours
            session.save()
            assert session.get_expiry_age() <= min(12 * 3600, (24 * 7 - hours) * 3600)
    with time_machine.travel(start + timedelta(days=7, seconds=1), tick=False):
        assert browser.get("/my-agents/").status_code == 302


def test_s57_a_session_that_is_left_alone_ends_after_twelve_hours(weber):
    browser = builders.browser()
    signs_in(browser, weber)
    with time_machine.travel(timezone.now() + timedelta(hours=12, seconds=1), tick=False):
        assert browser.get("/my-agents/").status_code == 302


def test_s57_sign_out_ends_it_for_whoever_kept_the_cookie(weber):
    browser, thief = builders.browser(), builders.browser()
    signs_in(browser, weber)
    thief.cookies = browser.cookies.copy()
    assert thief.get("/my-agents/").status_code == 200
    browser.post("/account/logout/")
    assert thief.get("/my-agents/").status_code == 302


def test_s57_a_new_password_ends_the_others(weber):
    here, there = builders.browser(weber), builders.browser(weber)
    form = {
        "oldpassword": builders.PASSWORD,
        "password1": "another long password",
        "password2": "another long password",
    }
    here.post("/account/password/change/", form)
    assert there.get("/my-agents/").status_code == 302


def test_s57_deactivation_ends_all(weber, mara):
    browser = builders.browser(weber)
    assert browser.get("/my-agents/").status_code == 200
    people.deactivate(weber, reason="Left.", by=builders.actor(mara), now=timezone.now())
    assert browser.get("/my-agents/").status_code == 302
    again = builders.browser()
    assert signs_in(again, weber)["Location"] == "/account/inactive/"
    assert again.get("/my-agents/").status_code == 302


def test_s57_the_back_button_shows_nothing(weber):
    page = builders.browser(weber).get("/my-agents/")
    assert "no-store" in page.headers["Cache-Control"]


def test_s57_known_and_unknown_answer_alike(weber):
    known = signs_in(builders.browser(), weber, password="wrong guess 1")
    unknown = builders.browser().post(LOGIN, {"login": "nobody@st-anna.example", "password": "wrong guess 1"})
    assert known.status_code == unknown.status_code == 200
    errors = [page.context["form"].errors.as_json() for page in (known, unknown)]
    assert errors[0] == errors[1]


def guesses(person, times, address):
    for number in range(times):
        signs_in(builders.browser(), person, password=f"wrong guess {number}", REMOTE_ADDR=address)


def may_sign_in(person, address):
    return signs_in(builders.browser(), person, REMOTE_ADDR=address).status_code == 303


def test_s57_guessing_is_limited_for_each_account_and_address(weber, mara):
    guesses(weber, 5, "203.0.113.9")
    assert not may_sign_in(weber, "203.0.113.9")
    assert may_sign_in(mara, "203.0.113.9")
    assert may_sign_in(weber, "198.51.100.7")
    guesses(weber, 5, "2001:db8:0:1::1")
    assert not may_sign_in(weber, "2001:db8:0:1::2")


def test_s57_guessing_from_many_addresses_is_limited_and_holds_up_no_place_that_is_known(weber, mara):
    assert may_sign_in(weber, "198.51.100.7")
    assert may_sign_in(weber, "2001:db8:0:1::1")
    for number in range(25):
        guesses(weber, 4, f"203.0.113.{number}")
    assert not may_sign_in(weber, "198.51.100.8")
    assert builders.events("person.sign_in_refused")[-1].reason_code == "too_many_attempts"
    assert may_sign_in(weber, "198.51.100.7")
    assert may_sign_in(weber, "2001:db8:0:1:ffff::1")
    assert may_sign_in(mara, "198.51.100.8")


def test_s57_a_stranger_does_not_keep_somebody_from_proving_themselves_again(weber):
    browser = builders.browser(weber)
    guesses(weber, 5, "127.0.0.1")
    form = {"password": builders.PASSWORD, "next": "/account/"}
    assert browser.post("/account/reauthenticate/", form)["Location"] == "/account/"
    for number in range(5):
        browser.post("/account/reauthenticate/", {"password": f"wrong {number}"}, REMOTE_ADDR=f"198.51.100.{number}")
    assert browser.post("/account/reauthenticate/", form).status_code == 200


def test_s57_places_are_kept_as_digests_the_last_ones_alone(weber):
    for number in range(MOST_KNOWN + 2):
        assert may_sign_in(weber, f"198.51.100.{number}")
    assert may_sign_in(weber, f"198.51.100.{MOST_KNOWN}")
    assert KnownSource.objects.count() == MOST_KNOWN
    assert "198.51" not in str(list(KnownSource.objects.values_list("source")))
    assert not KnownSource.objects.knows(weber.email, "198.51.100.1")
    assert KnownSource.objects.knows(weber.email, "198.51.100.2")


def test_s57_links_are_long_kept_as_digests_and_not_used_up_by_looking(mara, now):
    link, token = invitations.invite(
        email="new@st-anna.example", name="New", role="user", by=builders.actor(mara), now=now
    )
    assert len(token) >= 22  # 128 bits in base64url
    assert token not in "\n".join(map(repr, OneTimeLink.objects.values_list()))
    for _ in range(3):
        previewer = builders.browser()
        assert previewer.head(f"/invitation/{token}").status_code in {302, 405}
        assert previewer.get(f"/invitation/{token}").status_code == 302
    link.refresh_from_db()
    assert link.used_at is None
    browser = builders.browser()
    browser.get(f"/invitation/{token}")
    assert browser.get("/invitation/").status_code == 200


def test_s57_cookies_are_for_this_host_and_not_for_scripts(weber):
    browser = builders.browser()
    signs_in(browser, weber)
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert not cookie["domain"]
    assert settings.CSRF_COOKIE_HTTPONLY
    # Secure and __Host- come with an https issuer: tests/console/test_production.py.
    assert settings.SESSION_COOKIE_SECURE == settings.PRODUCTION


@pytest.mark.parametrize("page", ["setup", "invitation"])
@pytest.mark.parametrize(
    "token", ["%0d%0aSet-Cookie:%20a=b", "%E4%B8%AD", "%F0%9F%98%80", "%00", "%22%3b%20Path=", "x" * 5_000, "%ff"]
)
def test_s57_a_link_that_is_none_of_ours_puts_nothing_into_a_cookie(organisation, page, token):
    browser = builders.browser()
    answer = browser.get(f"/{page}/{token}")
    assert answer.status_code == 302
    assert {cookie.value for cookie in answer.cookies.values()} == {"-"}
    assert answer.cookies.output().isascii()
    assert browser.get(f"/{page}/").status_code == 410
