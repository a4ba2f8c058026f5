"""Limits on the consent screen and later: what a person fills in, what they read of it, and what is refused beside the field."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import time_machine
from django.urls import reverse

from agents import registry
from agents.encryption import decrypt
from agents.models import OutgoingMail
from consent.models import Consent
from tests import builders, grants
from tests.builders import events, one_refusal
from tests.consent.asking import allows, answer_of, decides, opens, screen, ticked
from tests.forms import form_of, text_of
from tests.limits import WEEKDAYS, limited, limits, only

pytestmark = pytest.mark.django_db
OFFICE = {"limit_day": ["0", "1", "2", "3", "4"], "limit_from": ["08:00"], "limit_to": ["18:00"]}


@pytest.fixture(autouse=True)
def _in_berlin(weber, mara):
    for person in (weber, mara):
        person.time_zone = "Europe/Berlin"
        person.save()


def limit_page(consent: Consent) -> str:
    return reverse("consent-limit", args=[consent.pk])


def test_a_person_limits_what_they_allow(weber, discharge_client, look_up_staff):
    browser = builders.browser(weber)
    form = screen(browser, discharge_client, scope="staff:read")
    answer_of(decides(browser, form, **OFFICE, limit_networks=["10.0.0.0/8\n2001:db8::/48"], limit_uses=["20"]))
    given = Consent.objects.get()
    assert given.limits == only("10.0.0.0/8", "2001:db8::/48", days=WEEKDAYS, hours=(8, 18), uses=20)
    words = "only Monday to Friday, 08:00 to 18:00 (Europe/Berlin)"
    assert given.shown["limits"][0] == words
    for page in ("my-agents", "my-agents-record"):
        text = text_of(browser.get(reverse(page)))
        assert words in text
        assert "only from 10.0.0.0/8, 2001:db8::/48" in text
        assert "at most 20 times (used 0 times)" in text
    assert words in text_of(browser.get(reverse("my-consent", args=[given.pk])))
    assert words in text_of(browser.get(reverse("consent", args=[given.pk])))
    assert words in text_of(browser.get(reverse("consent-evidence", args=[given.pk])))


def test_the_mail_says_the_limits(weber, discharge_client, look_up_staff, settings):
    settings.MAIL_IS_SENT = True
    browser = builders.browser(weber)
    answer_of(decides(browser, screen(browser, discharge_client, scope="staff:read"), **OFFICE))
    assert (
        "only Monday to Friday, 08:00 to 18:00 (Europe/Berlin)"
        in json.loads(decrypt(OutgoingMail.objects.get().sealed))["body"]
    )


def test_without_a_word_nothing_is_limited(weber, discharge_client, look_up_staff):
    browser = builders.browser(weber)
    page = opens(browser, discharge_client, scope="staff:read")
    assert "<details><summary>More limits" in text_of(page)
    answer_of(decides(browser, form_of(page)))
    given = Consent.objects.get()
    assert not given.limits
    assert "limits" not in given.shown


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"limit_from": "08:00"}, "Give both times, or neither."),
        ({"limit_from": "08:00", "limit_to": "08:00"}, "the same time"),
        ({"limit_from": "8 o’clock", "limit_to": "18:00"}, "such as 08:00"),
        ({"limit_from": "08:00", "limit_to": "24:30"}, "such as 08:00"),
        ({"limit_networks": "the ward"}, "the is no network"),
        ({"limit_networks": "10.0.0.7/8"}, "Did you mean 10.0.0.0/8?"),
        ({"limit_networks": "10.0.0.0/33"}, "is no network"),
        ({"limit_networks": "<script>"}, "&lt;script&gt; is no network"),
        ({"limit_networks": "0.0.0.0/0"}, "every address there is"),
        ({"limit_networks": " ".join(f"10.0.{n}.0/24" for n in range(21))}, "at most 20 networks"),
        ({"limit_uses": "0"}, "from 1 to 1000000"),
        ({"limit_uses": "-3"}, "from 1 to 1000000"),
        ({"limit_uses": "²"}, "from 1 to 1000000"),
        ({"limit_uses": "99999999999999999999"}, "from 1 to 1000000"),
        ({"limit_uses": "3", "until": "once"}, "just once"),
    ],
)
def test_what_cannot_be_is_said_beside_the_field(weber, discharge_client, look_up_staff, fields, sentence):
    browser = builders.browser(weber)
    form = screen(browser, discharge_client, scope="staff:read")
    with one_refusal("consent.form_refused", "invalid_input"):
        again = decides(browser, form, **{name: [value] for name, value in fields.items()})
    text = text_of(again)
    assert again.status_code == 400
    assert sentence in text
    assert '<a href="#limits">' in text
    assert "<details open>" in text
    assert 'aria-invalid="true"' in text
    assert not Consent.objects.exists()
    shown = form_of(again)
    for name, value in fields.items():
        if name != "limit_from" and name != "limit_to":
            assert shown[name] == [value]


@pytest.mark.parametrize(
    "fields",
    [
        {"limit_day": ["7"]},
        {"limit_day": ["1", "1"]},
        {"limit_day": ["x"]},
        {"limit_environment": ["production"]},
        {"limit_uses": ["1", "2"]},
        {"limit_from": None},
        {"limit_networks": None},
        {"limit_more": ["x"]},
        {"limit_networks": ["1" * 5_000]},
        {"limit_networks": ["10.0.0.0/8\0"]},
    ],
)
def test_what_no_form_of_ours_sends_is_refused(weber, discharge_client, look_up_staff, fields):
    browser = builders.browser(weber)
    form = screen(browser, discharge_client, scope="staff:read")
    with one_refusal("consent.form_refused", "form_tampered"):
        assert decides(browser, form, **fields).status_code == 400
    assert not Consent.objects.exists()


def test_a_zone_that_is_not_known_is_said(weber, discharge_client, look_up_staff):
    weber.time_zone = "Mars/Olympus"
    weber.save()
    browser = builders.browser(weber)
    answer = decides(browser, screen(browser, discharge_client, scope="staff:read"), **OFFICE)
    assert answer.status_code == 400
    assert "time zone is not known" in text_of(answer)
    assert not Consent.objects.exists()


def test_a_new_consent_shows_what_the_old_one_was_limited_to(weber, discharge_client, look_up_staff, see_appointments):
    limited(
        discharge_client,
        only("10.0.0.0/8", days=WEEKDAYS, hours=(8, 18), uses=20),
        scopes=[look_up_staff],
        user=weber,
        purpose=discharge_client.agent.purpose,
    )
    browser = builders.browser(weber)
    page = opens(browser, discharge_client, scope="staff:read calendar:read")
    form = form_of(page)
    assert form["limit_day"] == ["0", "1", "2", "3", "4"]
    assert (form["limit_from"], form["limit_to"]) == (["08:00"], ["18:00"])
    assert form["limit_networks"] == ["10.0.0.0/8"]
    assert form["limit_uses"] == ["20"]
    assert "Limited so far:" in text_of(page)
    answer_of(decides(browser, form))
    assert Consent.objects.standing().get().limits == only("10.0.0.0/8", days=WEEKDAYS, hours=(8, 18), uses=20)


def test_what_was_tightened_since_is_shown_again(weber, ada, discharge_client, look_up_staff):

    purpose = discharge_client.agent.purpose
    given = limited(discharge_client, only(uses=20), scopes=[look_up_staff], user=weber, purpose=purpose)
    browser = builders.browser(weber)
    form = screen(browser, discharge_client, scope="staff:read", prompt="consent")
    limits(given, only("10.0.0.0/8", uses=3), by=ada)
    again = decides(browser, form)
    assert again.status_code == 409
    assert form_of(again)["limit_networks"][0].strip() == "10.0.0.0/8"


def test_outside_its_hours_the_screen_is_shown_where_more_can_be_allowed(weber, discharge_client, look_up_staff):
    with time_machine.travel(datetime(2030, 1, 7, 12, tzinfo=UTC), tick=False) as clock:
        allows(weber, discharge_client, [look_up_staff], scope="staff:read")
        browser = builders.browser(weber)
        assert opens(browser, discharge_client, scope="staff:read").status_code == 303
        answer_of(decides(browser, screen(browser, discharge_client, scope="staff:read", prompt="consent"), **OFFICE))
        assert opens(browser, discharge_client, scope="staff:read").status_code == 303
        clock.move_to(datetime(2030, 1, 7, 20, tzinfo=UTC))
        assert opens(browser, discharge_client, scope="staff:read").status_code == 200


def test_only_in_its_environment(weber, ada, discharge_client, look_up_staff, now):
    browser = builders.browser(weber)
    page = opens(browser, discharge_client, scope="staff:read")
    assert "Only while it is registered for: production" in text_of(page)
    form = form_of(page)
    registry.edit(discharge_client.agent, environment="staging", by=builders.actor(ada), now=now)
    again = decides(browser, form, limit_environment=["on"])
    assert again.status_code == 409
    assert "registered for: staging" in text_of(again)
    answer_of(decides(browser, form_of(again), limit_environment=["on"]))
    assert Consent.objects.get().limits == only(environment="staging")


def test_an_administrator_limits_what_the_organisation_allows(mara, claims_client, see_appointments, look_up_staff):
    browser = builders.browser(mara)
    address = reverse("organisation-consent", args=[claims_client.agent_id])
    page = browser.get(address)
    form = form_of(page, f"{address}?client={claims_client.pk}")
    done = browser.post(
        f"{address}?client={claims_client.pk}",
        {**form, **OFFICE, "scope": ticked(look_up_staff), "decision": ["allow"]},
    )
    assert done.status_code == 302
    assert Consent.objects.get().limits == only(days=WEEKDAYS, hours=(8, 18))


# -------------------------------------------------------------------------------------------------------------- later


def test_a_person_limits_a_live_consent(weber, discharge_client, look_up_staff):
    given = grants.consent(discharge_client, scopes=[look_up_staff], user=weber)
    browser = builders.browser(weber)
    assert limit_page(given) in text_of(browser.get(reverse("my-agents")))
    form = form_of(browser.get(limit_page(given)), limit_page(given))
    done = browser.post(limit_page(given), {**form, **OFFICE, "limit_uses": ["5"]})
    assert (done.status_code, done.headers["Location"]) == (302, reverse("my-agents"))
    given.refresh_from_db()
    assert given.limits == only(days=WEEKDAYS, hours=(8, 18), uses=5)
    assert events("consent.limited")[0].actor_id == weber.pk


def test_more_is_refused_beside_the_form(weber, discharge_client, look_up_staff):
    given = limited(discharge_client, only("10.0.0.0/8", uses=5), scopes=[look_up_staff], user=weber)
    browser = builders.browser(weber)
    form = form_of(browser.get(limit_page(given)), limit_page(given))
    assert form["limit_uses"] == ["5"]
    for change in ({"limit_networks": [""]}, {"limit_uses": [""]}, {"limit_networks": ["10.0.0.0/8 11.0.0.0/8"]}, {}):
        with one_refusal("consent.change_refused", "not_tighter"):
            refused = browser.post(limit_page(given), {**form, **change})
        assert refused.status_code == 400
        assert "Only less is possible here." in text_of(refused)
    given.refresh_from_db()
    assert given.limits == only("10.0.0.0/8", uses=5)


def test_a_field_is_mended_on_the_page(weber, discharge_client, look_up_staff):
    given = grants.consent(discharge_client, scopes=[look_up_staff], user=weber)
    browser = builders.browser(weber)
    again = browser.post(limit_page(given), {"limit_networks": "10.0.0.1/8", "limit_uses": "4"})
    assert again.status_code == 400
    assert "Did you mean 10.0.0.0/8?" in text_of(again)
    assert form_of(again, limit_page(given))["limit_uses"] == ["4"]


def test_just_once_stays_once_where_hours_are_added(weber, discharge_client, look_up_staff):
    given = grants.consent(discharge_client, scopes=[look_up_staff], user=weber, once=True)
    browser = builders.browser(weber)
    assert browser.post(limit_page(given), OFFICE).status_code == 302
    given.refresh_from_db()
    assert given.limits == only(days=WEEKDAYS, hours=(8, 18), uses=1)


def test_somebody_elses_consent_needs_a_reason(mara, weber, discharge_client, look_up_staff):
    given = grants.consent(discharge_client, scopes=[look_up_staff], user=weber)
    browser = builders.browser(mara)
    assert "they see this" in text_of(browser.get(limit_page(given)))
    assert browser.post(limit_page(given), {"limit_uses": "3"}).status_code == 400
    assert browser.post(limit_page(given), {"limit_uses": "3", "reason": "Too many."}).status_code == 302


def test_mallory_sees_no_such_page_and_an_auditor_may_not(mallory, omar, weber, discharge_client, look_up_staff):
    given = grants.consent(discharge_client, scopes=[look_up_staff], user=weber)
    with one_refusal("consent.change_refused", "not_visible"):
        assert builders.browser(mallory).post(limit_page(given), {"limit_uses": "3"}).status_code == 404
    assert builders.browser(omar).post(limit_page(given), {"limit_uses": "3"}).status_code == 403
    given.refresh_from_db()
    assert not given.limits


def test_what_is_said_afterwards_is_the_promise_of_the_slowest_resource(weber, discharge_client, look_up_staff):
    given = limited(discharge_client, only(), scopes=[look_up_staff], user=weber)
    said = builders.browser(weber).post(limit_page(given), {"limit_day": ["0"]}, follow=True)
    assert "Times of day count within 5 minutes" in text_of(said)
