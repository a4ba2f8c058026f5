"""S40: device codes that strangers send. No link stands in for typing, and the page says who gets the access."""

from __future__ import annotations

import pytest
from django.test import Client as Browser

from consent.models import Consent
from tests import builders
from tests.builders import SIGN_IN_BACKEND
from tests.forms import form_of
from tests.out_of_band import decides, polls_device, request_of, starts, types_code
from tests.security.expected import is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def test_s40_no_complete_address_is_issued(display):
    body = starts(display).json()
    assert "verification_uri_complete" not in body
    assert body["user_code"] not in body["verification_uri"]


def test_s40_a_code_in_the_address_is_ignored(display, weber):
    body = starts(display).json()
    browser = builders.browser(weber)
    for query in (f"?user_code={body['user_code']}", f"?code={body['user_code']}"):
        page = browser.get(f"/device{query}", follow=True)
        assert page.status_code == 200
        assert body["user_code"] not in page.content.decode()
    assert browser.post(f"/device?user_code={body['user_code']}", {}).status_code == 400
    assert request_of(body["device_code"]).user is None


def test_s40_before_the_decision_the_page_says_what_and_who_gets_it(display, weber):
    body = starts(display).json()
    browser = builders.browser(weber)
    warned = browser.get("/device").content.decode()
    assert "Did somebody send you this code?" in warned
    types_code(browser, body["user_code"])
    page = browser.get(request_of(body["device_code"]).get_absolute_url()).content.decode()
    for said in (
        "Discharge Assistant", "Show the rota", "See your appointments", "Whoever sent you the code gets this access.",
        "Started", "127.0.0.1", "discharge prod",
    ):  # fmt: skip
        assert said in page, said
    assert "That is not the network you are in." not in page


def test_s40_another_network_is_told(display, weber):
    body = starts(display).json()
    browser = Browser(REMOTE_ADDR="198.51.100.9")
    browser.force_login(weber, backend=SIGN_IN_BACKEND)
    types_code(browser, body["user_code"])
    page = browser.get(request_of(body["device_code"]).get_absolute_url()).content.decode()
    assert "That is not the network you are in." in page


def test_s40_typing_and_allowing_need_a_csrf_token(display, weber):
    body = starts(display).json()
    strict = Browser(enforce_csrf_checks=True)
    strict.force_login(weber, backend=SIGN_IN_BACKEND)
    assert strict.post("/device", {"user_code": body["user_code"]}).status_code == 403
    assert request_of(body["device_code"]).user is None
    types_code(weber, body["user_code"])
    request = request_of(body["device_code"])
    form = form_of(strict.get(request.get_absolute_url()), request.get_absolute_url())
    form.pop("csrfmiddlewaretoken", None)
    assert strict.post(request.get_absolute_url(), {**form, "decision": ["allow"]}).status_code == 403
    assert strict.post(f"{request.get_absolute_url()}never/").status_code == 403
    assert not Consent.objects.exists()


def test_s40_a_get_changes_nothing(display, weber):
    body = starts(display).json()
    types_code(weber, body["user_code"])
    request = request_of(body["device_code"])
    browser = builders.browser(weber)
    browser.get(f"{request.get_absolute_url()}?decision=allow")
    assert browser.get(f"{request.get_absolute_url()}never/").status_code == 405
    assert not Consent.objects.exists()


def test_s40_denial_is_final(display, weber, mallory):
    body = starts(display).json()
    types_code(weber, body["user_code"])
    request = request_of(body["device_code"])
    browser = builders.browser(weber)
    form = form_of(browser.get(request.get_absolute_url()), request.get_absolute_url())
    assert decides(browser, request, "refuse").status_code == 302
    assert is_oauth_error(polls_device(display, body["device_code"]), "access_denied")
    assert browser.post(request.get_absolute_url(), {**form, "decision": ["allow"]}).status_code == 409
    for person in (weber, mallory):
        assert types_code(person, body["user_code"]).status_code == 400
    assert is_oauth_error(polls_device(display, body["device_code"]), "access_denied")
    assert not Consent.objects.exists()
