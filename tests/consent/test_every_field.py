"""Every field of the screen's form, as the page has it: changed, doubled, filled with what may not be, or taken out (S47).

The list comes from the page, so that a field which is added later is tampered with here without anybody thinking of it.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client as Browser

from agents.models import Client, User
from consent.models import AuthorizationCode, Consent
from consent.screens import form as screen_form
from tests import builders
from tests.consent.asking import answer_of, decides, opens
from tests.forms import Fields, form_of

pytestmark = pytest.mark.django_db
CHOSEN = {"decision": ["allow"], "purpose_ok": ["on"]}
MAY_GO = {"purpose_ok", "scope", "until"}
"""Without a tick, or without a choice: not a form of somebody else's, but one that is not filled in."""


@pytest.fixture
def at_the_screen(weber: User, discharge_client: Client) -> tuple[Browser, Fields]:
    """Weber at the screen of a request for sensitive data, everything ticked."""
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(weber, backend=builders.SIGN_IN_BACKEND)
    page = opens(browser, discharge_client, scope="records:read staff:read")
    ticks = [str(scope.scope_id) for scope in discharge_client.agent.agent_scopes.all()]
    shown = form_of(page)
    return browser, {**shown, "scope": ticks[:0] or shown["scope"], **CHOSEN}


def refused(browser: Browser, form: Fields, name: str, values: Any) -> None:
    before = len(builders.events("consent.form_refused"))
    response = decides(browser, form, **{"decision": form["decision"], name: values})
    assert response.status_code == (403 if name == "csrfmiddlewaretoken" else 400), (name, values)
    assert "Location" not in response.headers
    if name != "csrfmiddlewaretoken" and before < 20:  # beyond, refusals of a minute are counted
        assert len(builders.events("consent.form_refused")) == before + 1, (name, values)
    assert not Consent.objects.exists()
    assert not AuthorizationCode.objects.exists()


def test_s47_the_page_has_no_field_that_is_not_read_strictly(at_the_screen):
    _, form = at_the_screen
    assert set(form) <= screen_form.FIELDS


def test_s47_no_field_can_be_doubled(at_the_screen):
    browser, form = at_the_screen
    for name in set(form) - {"csrfmiddlewaretoken"}:
        refused(browser, form, name, [*form[name], form[name][0]])
    assert "code" in answer_of(decides(browser, form))


@pytest.mark.parametrize("value", ["\0", "x" * 50_000, "\x00allow", "\ufffe" * 2_000])
def test_s47_no_field_takes_what_no_form_sends(at_the_screen, value):
    browser, form = at_the_screen
    for name in form:
        refused(browser, form, name, [value])
    assert "code" in answer_of(decides(browser, form))


def test_s47_no_field_can_be_taken_out(at_the_screen):
    browser, form = at_the_screen
    for name in set(form) - MAY_GO:
        refused(browser, form, name, None)
    for name in ("scope", "until"):
        refused(browser, form, name, None)
    assert "code" in answer_of(decides(browser, form))


def test_s47_no_field_takes_the_value_of_another(at_the_screen):
    browser, form = at_the_screen
    for name in set(form) - {"purpose"}:  # which people may word as they like
        for other in set(form) - {name}:
            if form[other][0] and form[other] != form[name]:
                refused(browser, form, name, [form[other][0]])
    assert "code" in answer_of(decides(browser, form))
