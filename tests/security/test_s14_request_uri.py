"""S14: a ``request_uri`` is good for its client, for a minute, until somebody decided; looking uses nothing up."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from consent.models import Consent, PushedRequest
from tests import builders
from tests.builders import one_refusal
from tests.consent.asking import AUTHORIZE, answer_of, asked, decides, opens_pushed, pushes
from tests.forms import form_of
from tests.security.expected import is_page_400

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
REFUSED = ("authorization.refused", "invalid_request_uri")


@pytest.fixture
def right(discharge_client):
    return asked(discharge_client, scope="calendar:read", purpose="Plan the next visit")


@pytest.fixture
def sibling(discharge_assistant):
    return builders.client(discharge_assistant, "a sibling")


def address(right, reference, **changed):
    return {"client_id": right["client_id"], "request_uri": reference} | changed


def test_s14_of_another_client_guessed_or_cut_off(weber, right, sibling):
    reference = pushes(right)
    browser = builders.browser(weber)
    for bad in (
        address(right, reference, client_id=sibling.client_id),
        address(right, reference + "x"),
        address(right, reference[:-1]),
        address(right, reference.swapcase().replace("URN:IETF:PARAMS:OAUTH:REQUEST_URI:", reference[:34])),
        address(right, "urn:ietf:params:oauth:request_uri:"),
        address(right, "urn:ietf:params:oauth:request_uri:\0"),
        address(right, "urn:ietf:params:oauth:request_uri:" + "x" * 100_000),
        address(right, reference, client_id="nobody"),
    ):
        with one_refusal(*REFUSED):
            assert is_page_400(browser.get(AUTHORIZE, bad))
    assert browser.get(AUTHORIZE, address(right, reference), follow=True).status_code == 200


def test_s14_client_id_and_reference_stand_there_once(weber, right):
    reference = pushes(right)
    for bad in (
        {"request_uri": reference},
        address(right, reference, client_id=""),
        address(right, reference, client_id=[right["client_id"]] * 2),
        address(right, [reference, reference]),
        address(right, reference, request="eyJhbGciOiJub25lIn0.e30."),
        address(right, reference, client_id="a\0b"),
    ):
        with one_refusal("authorization.refused", "invalid_request"):
            assert is_page_400(builders.browser(weber).get(AUTHORIZE, bad))


def test_s14_a_minute_is_all_there_is_to_come_with_it(weber, right):
    start = timezone.now().replace(microsecond=0)
    with time_machine.travel(start, tick=False):
        in_time, late = pushes(right), pushes(right)
    browser = builders.browser(weber)
    with time_machine.travel(start + timedelta(seconds=59), tick=False):
        assert browser.get(AUTHORIZE, address(right, in_time), follow=True).status_code == 200
    with time_machine.travel(start + timedelta(seconds=60), tick=False), one_refusal(*REFUSED):
        assert is_page_400(browser.get(AUTHORIZE, address(right, late)))


def test_s14_whoever_came_in_time_may_read_sign_in_and_reload(weber, right):
    start = timezone.now().replace(microsecond=0)
    with time_machine.travel(start, tick=False):
        reference = pushes(right)
        first = builders.browser().get(AUTHORIZE, address(right, reference))
    kept = first.headers["Location"]
    with time_machine.travel(start + timedelta(minutes=14), tick=False):
        to_sign_in = builders.browser().get(kept)
        assert to_sign_in.headers["Location"].startswith("/account/login/?next=")
        assert "Plan" not in to_sign_in.headers["Location"]
        browser = builders.browser(weber)
        form = form_of(browser.get(kept))
        assert form_of(browser.get(kept))
        for forged in (kept[:-1], kept.replace("opened=", "opened=x"), kept.partition("&opened=")[0]):
            with one_refusal(*REFUSED):
                assert is_page_400(browser.get(forged))
        assert "code" in answer_of(decides(browser, form))
    with time_machine.travel(start + timedelta(minutes=31), tick=False), one_refusal(*REFUSED):
        assert is_page_400(builders.browser(weber).get(kept))


def test_s14_a_mark_of_one_request_opens_no_other(weber, right):
    start = timezone.now().replace(microsecond=0)
    with time_machine.travel(start, tick=False):
        other, reference = pushes(right), pushes(right)
        kept = builders.browser().get(AUTHORIZE, address(right, other)).headers["Location"]
    mark = kept.partition("&opened=")[2].replace("%3A", ":")
    with time_machine.travel(start + timedelta(minutes=2), tick=False), one_refusal(*REFUSED):
        assert is_page_400(builders.browser(weber).get(AUTHORIZE, address(right, reference, opened=mark)))


@pytest.mark.parametrize("decision", ["allow", "refuse"])
def test_s14_after_the_decision_it_is_over(weber, right, decision):
    reference = pushes(right)
    browser = builders.browser(weber)
    form = form_of(browser.get(AUTHORIZE, address(right, reference), follow=True))
    answer_of(decides(browser, form, decision))
    for more in ({}, {"prompt": "none"}):
        with one_refusal(*REFUSED):
            assert is_page_400(browser.get(AUTHORIZE, address(right, reference, **more)))


def test_s14_nor_after_a_code_that_needed_no_screen(weber, right):
    browser = builders.browser(weber)
    assert "code" in answer_of(decides(browser, form_of(opens_pushed(browser, right))))
    reference = pushes(right | {"prompt": "none"})
    assert "code" in answer_of(browser.get(browser.get(AUTHORIZE, address(right, reference)).headers["Location"]))
    with one_refusal(*REFUSED):
        assert is_page_400(browser.get(AUTHORIZE, address(right, reference)))


def test_s14_two_tabs_have_two_forms_and_one_request(weber, right):
    reference = pushes(right)
    browser = builders.browser(weber)
    first, second = (form_of(browser.get(AUTHORIZE, address(right, reference), follow=True)) for _ in range(2))
    assert "code" in answer_of(decides(browser, first))
    with one_refusal("consent.form_refused", "decided_already"):
        assert decides(browser, second).status_code == 409
    assert Consent.objects.count() == 1


def test_s14_a_link_checker_uses_nothing_up(weber, right):
    reference = pushes(right)
    for checker in (builders.browser(), builders.browser(weber)):
        checker.get(AUTHORIZE, address(right, reference), follow=True)
        checker.head(AUTHORIZE, address(right, reference))
    assert PushedRequest.objects.get().decided_at is None
    browser = builders.browser(weber)
    form = form_of(browser.get(AUTHORIZE, address(right, reference), follow=True))
    assert "code" in answer_of(decides(browser, form))
