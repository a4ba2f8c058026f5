"""Until when: the ends that the consent screen offers, those it refuses, and in whose time zone they are."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from agents.models import Client, DataClass, Resource, Scope, User
from agents.trail.kinds import Kind
from consent.models import Consent
from tests import builders
from tests.consent.asking import answer_of, decides, opens, screen, ticked
from tests.forms import form_of, text_of

pytestmark = pytest.mark.django_db


def test_a_person_can_choose_an_hour(weber: User, discharge_client: Client) -> None:
    browser = builders.browser(weber)
    answer_of(decides(browser, screen(browser, discharge_client), until="1h"))
    consent = Consent.objects.get()
    assert consent.ends_at - consent.starts_at == timedelta(hours=1)
    assert not consent.once


def test_just_once_is_kept_with_the_consent(weber: User, discharge_client: Client) -> None:
    browser = builders.browser(weber)
    answer_of(decides(browser, screen(browser, discharge_client), until="once"))
    assert Consent.objects.get().once


def test_an_end_of_ones_own_is_in_ones_own_time_zone(weber: User, discharge_client: Client) -> None:
    weber.time_zone = "Asia/Tokyo"
    weber.save()
    browser = builders.browser(weber)
    form = screen(browser, discharge_client)
    tomorrow = timezone.now().date() + timedelta(days=2)
    answer_of(decides(browser, form, until="custom", until_at=f"{tomorrow}T09:00"))
    consent = Consent.objects.get()
    assert consent.ends_at.strftime("%Y-%m-%d %H:%M") == f"{tomorrow} 00:00"
    assert consent.time_zone == "Asia/Tokyo"


def test_today_is_offered_only_while_it_helps(weber: User, discharge_client: Client, time_machine) -> None:
    browser = builders.browser(weber)
    day = timezone.now().replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=1)
    time_machine.move_to(day, tick=False)
    browser.force_login(weber, backend=builders.SIGN_IN_BACKEND)
    assert screen(browser, discharge_client)["until"] == ["today"]
    time_machine.move_to(day.replace(hour=17, minute=31), tick=False)
    assert screen(browser, discharge_client)["until"] == ["1h"]


def test_today_is_the_day_on_which_it_was_shown(weber: User, discharge_client: Client, time_machine) -> None:
    browser = builders.browser(weber)
    shown = (timezone.now() + timedelta(days=1)).replace(hour=17, minute=29, second=0, microsecond=0)
    time_machine.move_to(shown, tick=False)
    browser.force_login(weber, backend=builders.SIGN_IN_BACKEND)
    form = screen(browser, discharge_client)
    time_machine.move_to(shown + timedelta(minutes=10), tick=False)
    answer_of(decides(browser, form))
    assert Consent.objects.get().ends_at == shown.replace(hour=18, minute=0)


def test_an_end_past_what_a_scope_allows_is_refused(ada: User, mara: User, weber: User, records: Resource) -> None:
    short = builders.scope(
        records, "vitals:read", "Read vital signs", data_class=DataClass.PERSONAL, longest_life=timedelta(hours=2)
    )
    client = builders.client(builders.agent("Vitals", owner=ada, scopes=[short]))
    browser = builders.browser(weber)
    response = opens(browser, client)
    assert "30 days: too long for what it asks" in text_of(response)
    form = form_of(response)
    with builders.one_refusal(Kind.CONSENT_FORM_REFUSED, "form_tampered"):
        assert decides(browser, form, until="30d").status_code == 400
    late = (timezone.now() + timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M")
    with builders.one_refusal(Kind.CONSENT_FORM_REFUSED, "invalid_input"):
        assert decides(browser, form, until="custom", until_at=late).status_code == 400
    assert not Consent.objects.exists()
    answer_of(decides(browser, form, until="longest"))
    consent = Consent.objects.get()
    assert consent.ends_at - consent.starts_at == timedelta(hours=2)


def test_ticking_a_shorter_lived_scope_asks_for_an_earlier_end(
    ada: User, mara: User, weber: User, records: Resource, see_appointments: Scope
) -> None:
    short = builders.scope(
        records, "labs:read", "Read laboratory results", data_class=DataClass.HEALTH, longest_life=timedelta(hours=2)
    )
    client = builders.client(builders.agent("Labs", owner=ada, scopes=[short, see_appointments]))
    browser = builders.browser(weber)
    response = opens(browser, client)
    assert "At most 2 hours." in text_of(response)
    both = ticked(short, see_appointments)
    response = decides(browser, form_of(response), scope=both, until="30d", purpose_ok="on")
    assert response.status_code == 400
    assert "Choose an earlier end" in text_of(response)
    answer_of(decides(browser, form_of(response), until="1h"))
    assert Consent.objects.get().scopes(timezone.now()) == {short, see_appointments}
