"""Whom a change would pause is said before it is made, and confirmed with the figures that were seen."""

from __future__ import annotations

import pytest

from agents.models import Agent, Client, Scope, User
from consent.models import Consent
from tests import builders
from tests.consent.drift.steps import is_paused
from tests.forms import main_form, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def test_an_administrator_sees_whom_new_words_would_pause_before_they_do(
    mara: User, consent: Consent, see_appointments: Scope
) -> None:
    browser = builders.browser(mara)
    page = f"/resources/{see_appointments.resource_id}/scopes/{see_appointments.pk}/reword/"
    words = {"title": "See your appointments and recordings", "detail": "", "same_meaning": ""}
    asking = browser.post(page, words)
    assert "1 consent would pause." in text_of(asking)
    assert not is_paused(consent)
    form = main_form(asking)
    assert form["affects"] == ["1"]
    assert form["title"] == [words["title"]]
    # Other figures than those seen: it is shown once more.
    assert browser.post(page, {**form, "affects": "0"}).status_code == 200
    assert not is_paused(consent)
    assert browser.post(page, form).status_code == 302
    assert is_paused(consent)


def test_a_mended_typo_goes_through_without_a_question(mara: User, consent: Consent, see_appointments: Scope) -> None:
    page = f"/resources/{see_appointments.resource_id}/scopes/{see_appointments.pk}/reword/"
    words = {"title": "See your appointments.", "detail": "", "same_meaning": "A full stop was missing."}
    assert builders.browser(mara).post(page, words).status_code == 302
    assert not is_paused(consent)


def test_facts_of_a_permission_and_a_clients_hosts_are_asked_about_too(
    mara: User, ada: User, consent: Consent, see_appointments: Scope, discharge_client: Client
) -> None:
    page = f"/resources/{see_appointments.resource_id}/scopes/{see_appointments.pk}/"
    browser = builders.browser(mara)
    form = {**main_form(browser.get(page)), "access": "write", "data_class": "personal"}
    assert "1 consent would pause." in text_of(browser.post(page, form))
    page = f"/agents/{discharge_client.agent_id}/clients/{discharge_client.pk}/edit/"
    browser = builders.browser(ada)
    form = {**main_form(browser.get(page)), "redirect_uris": "https://else.example/callback"}
    asking = browser.post(page, form)
    assert "1 consent would pause." in text_of(asking)
    assert not is_paused(consent)
    assert browser.post(page, main_form(asking)).status_code == 302
    assert is_paused(consent)


def test_making_a_permission_required_is_asked_about_too(
    mara: User,
    ada: User,
    weber: User,
    discharge_assistant: Agent,
    discharge_client: Client,
    look_up_staff: Scope,
    read_records: Scope,
) -> None:
    consent = builders.consent(weber, discharge_client, [look_up_staff, read_records])
    page = f"/agents/{discharge_assistant.pk}/scopes/"
    browser = builders.browser(ada)
    form = main_form(browser.get(page))
    asking = browser.post(page, {**form, "required": [str(look_up_staff.pk), str(read_records.pk)]})
    assert "1 consent would pause." in text_of(asking)
    assert not is_paused(consent)
    assert browser.post(page, main_form(asking)).status_code == 302
    assert is_paused(consent)
    Consent.objects.update(paused_at=None)
    page = f"/agents/{discharge_assistant.pk}/scopes/{read_records.pk}/confirm/"
    asking = builders.browser(mara).post(page)
    assert "1 consent would pause." in text_of(asking)
    assert builders.browser(mara).post(page, main_form(asking)).status_code == 302
    assert is_paused(consent)


def test_a_user_and_another_owner_can_change_no_words(
    weber: User, ada: User, mallory: User, consent: Consent, see_appointments: Scope
) -> None:
    page = f"/resources/{see_appointments.resource_id}/scopes/{see_appointments.pk}/reword/"
    for person in (weber, ada, mallory):
        answer = builders.browser(person).post(page, {"title": "Anything", "detail": "", "same_meaning": "x"})
        assert answer.status_code == 403
    assert not is_paused(consent)
