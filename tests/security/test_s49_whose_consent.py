"""S49: a consent names the person who saw the screen, in the session in which it was shown."""

from __future__ import annotations

import pytest

from consent.models import Consent
from tests import builders
from tests.builders import SIGN_IN_BACKEND, one_refusal
from tests.consent.asking import answer_of, decides, screen
from tests.forms import form_of

pytestmark = pytest.mark.django_db


def test_s49_an_account_switched_in_another_tab_decides_nothing_for_the_first(weber, mallory, discharge_client):
    browser = builders.browser(weber)
    form = screen(browser, discharge_client)
    browser.force_login(mallory, backend=SIGN_IN_BACKEND)
    with one_refusal("consent.form_refused", "other_person"):
        again = decides(browser, form)
    assert again.status_code == 409
    assert not Consent.objects.exists()
    answer_of(decides(browser, form_of(again)))
    assert Consent.objects.get().user == mallory


def test_s49_a_screen_of_one_session_does_not_count_in_another(weber, mallory, discharge_client):
    for shown_to, posted_by in ((weber, weber), (weber, mallory), (mallory, weber)):
        form = screen(builders.browser(shown_to), discharge_client)
        assert decides(builders.browser(posted_by), form).status_code == 409
    assert not Consent.objects.exists()


def test_s49_a_screen_outlives_no_sign_out(weber, discharge_client):
    browser = builders.browser(weber)
    form = screen(browser, discharge_client)
    browser.post("/account/logout/")
    back = decides(browser, form)
    assert back.headers["Location"].startswith("/account/login/")
    assert not Consent.objects.exists()


def test_s49_the_right_person_in_the_right_session_is_named(weber, discharge_client):
    browser = builders.browser(weber)
    answer_of(decides(browser, screen(browser, discharge_client)))
    given = Consent.objects.get()
    assert (given.user, given.approved_by) == (weber, weber)
