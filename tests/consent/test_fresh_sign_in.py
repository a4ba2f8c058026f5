"""S45 on the screen: a rule asks for a fresh sign-in or a passkey, and what was chosen is kept on the way (RFC 9470)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from time_machine import travel

from agents.acr import MULTI, PASSKEY, SINGLE
from agents.models import Agent, Client, Scope, User
from agents.trail.kinds import Kind
from consent.errors import SignInNeeded
from consent.models import AccessRequest, Consent
from tests import builders, out_of_band
from tests.consent.asking import answer_of, decides, opens, ticked
from tests.forms import form_of, text_of
from tests.ruling import rule
from tests.signing_in import proves, signed_in

pytestmark = pytest.mark.django_db
MINUTES = timedelta(minutes=15)


def _way(response: Any) -> str:
    assert response.status_code == 303, response.status_code
    return str(response.headers["Location"])


def test_an_old_sign_in_is_led_to_a_new_one_and_back_to_what_was_chosen(
    weber: User, discharge_client: Client, read_records: Scope, see_appointments: Scope
) -> None:
    rule("health", fresh_within=MINUTES)
    browser = signed_in(weber, ago=timedelta(hours=1))
    page = opens(browser, discharge_client)
    assert "To allow health data you sign in again first" in text_of(page)
    with builders.one_refusal(Kind.CONSENT_FORM_REFUSED, "sign_in_needed"):
        led = decides(
            browser,
            form_of(page),
            scope=ticked(read_records, see_appointments),
            until="1h",
            purpose="Letters for Mrs Berger",
        )
    way = _way(led)
    assert way.startswith("/account/reauthenticate/?next=%2Foauth%2Fauthorize")
    assert "Berger" not in way
    assert not Consent.objects.exists()

    back = browser.get(proves(browser, way))
    form = form_of(back)
    assert "That was you" in text_of(back)
    assert sorted(form["scope"]) == sorted(ticked(read_records, see_appointments))
    assert (form["until"], form["purpose"]) == (["1h"], ["Letters for Mrs Berger"])
    assert "code" in answer_of(decides(browser, form))
    given = Consent.objects.get()
    assert given.acr == SINGLE
    assert given.auth_time is not None
    assert given.auth_time > timezone.now() - timedelta(minutes=1)


def test_what_is_not_under_the_rule_needs_no_new_sign_in(
    weber: User, discharge_client: Client, see_appointments: Scope
) -> None:
    rule("health", fresh_within=MINUTES)
    browser = signed_in(weber, ago=timedelta(hours=1))
    form = form_of(opens(browser, discharge_client))
    assert "code" in answer_of(decides(browser, form, scope=ticked(see_appointments)))


def test_a_sign_in_that_is_fresh_is_not_asked_for_again(
    weber: User, discharge_client: Client, see_appointments: Scope
) -> None:
    rule("personal", fresh_within=MINUTES)
    browser = signed_in(weber, ago=timedelta(minutes=14))
    page = opens(browser, discharge_client, scope="calendar:read")
    assert "sign in again first" not in text_of(page)
    assert "code" in answer_of(decides(browser, form_of(page)))


def test_a_sign_in_grows_old_while_the_screen_is_open(weber: User, discharge_client: Client) -> None:
    rule("personal", fresh_within=MINUTES)
    with travel(timezone.now(), tick=False) as clock:
        browser = signed_in(weber, ago=timedelta(minutes=10))
        form = form_of(opens(browser, discharge_client, scope="calendar:read"))
        clock.shift(timedelta(minutes=6))
        assert _way(decides(browser, form)).startswith("/account/reauthenticate/")
    assert not Consent.objects.exists()


def test_cancelled_on_the_way_nothing_is_allowed_and_it_is_asked_again(weber: User, discharge_client: Client) -> None:
    rule("personal", fresh_within=MINUTES)
    browser = signed_in(weber, ago=timedelta(hours=1))
    way = _way(decides(browser, form_of(opens(browser, discharge_client, scope="calendar:read"))))
    assert proves(browser, way, password="a wrong password") == ""
    again = decides(browser, form_of(opens(browser, discharge_client, scope="calendar:read")))
    assert _way(again).startswith("/account/reauthenticate/")
    assert not Consent.objects.exists()


def test_done_by_somebody_else_counts_for_nobody(weber: User, mallory: User, discharge_client: Client) -> None:
    rule("personal", fresh_within=MINUTES)
    browser = signed_in(weber, ago=timedelta(hours=1))
    form = form_of(opens(browser, discharge_client, scope="calendar:read"))
    way = _way(decides(browser, form))
    hers = signed_in(mallory)
    assert proves(hers, way)  # her own sign-in, at the address that was meant for him
    assert _way(decides(browser, form)).startswith("/account/reauthenticate/")
    assert not Consent.objects.exists()


def test_what_was_chosen_is_somebody_elses_in_another_session(
    weber: User, ada: User, discharge_client: Client, see_appointments: Scope
) -> None:
    rule("personal", fresh_within=MINUTES)
    browser = signed_in(weber, ago=timedelta(hours=1))
    form = form_of(opens(browser, discharge_client, scope="calendar:read"))
    way = _way(decides(browser, form, purpose="Only Weber knows"))
    hers = signed_in(ada, ago=timedelta(hours=1))
    back = hers.get(proves(hers, way))
    assert "Only Weber knows" not in text_of(back)
    assert "That was you" not in text_of(back)


def test_a_passkey_that_nobody_has_cannot_be_shown_and_the_page_says_so(
    weber: User, discharge_client: Client, read_records: Scope
) -> None:
    rule("health", passkey_required=True)
    browser = signed_in(weber)
    page = opens(browser, discharge_client)
    assert "you need a passkey, and you have none yet" in text_of(page)
    refused = decides(browser, form_of(page), scope=ticked(read_records), purpose_ok="on")
    assert refused.status_code == 400
    assert "Add one to your account" in text_of(refused)
    assert form_of(refused)["scope"] == ticked(read_records)
    assert not Consent.objects.exists()


def test_whoever_has_a_passkey_is_led_to_it(weber: User, discharge_client: Client, read_records: Scope) -> None:
    rule("health", passkey_required=True)
    browser = signed_in(weber, passkey=True)  # has one, and signed in by password
    led = decides(browser, form_of(opens(browser, discharge_client)), scope=ticked(read_records), purpose_ok="on")
    assert _way(led).startswith("/account/2fa/webauthn/reauthenticate/?next=")


def test_a_sign_in_by_passkey_is_kept_with_the_consent(
    weber: User, discharge_client: Client, read_records: Scope
) -> None:
    rule("health", passkey_required=True)
    browser = signed_in(weber, passkey=True, by="passkey")
    form = form_of(opens(browser, discharge_client))
    assert "code" in answer_of(decides(browser, form, scope=ticked(read_records), purpose_ok="on"))
    assert Consent.objects.get().acr == PASSKEY


def test_a_password_after_the_passkey_is_a_password_again(
    weber: User, discharge_client: Client, read_records: Scope
) -> None:
    rule("health", passkey_required=True)
    browser = signed_in(weber, passkey=True, by="passkey", then="password")
    led = decides(browser, form_of(opens(browser, discharge_client)), scope=ticked(read_records), purpose_ok="on")
    assert _way(led).startswith("/account/2fa/webauthn/reauthenticate/")


def test_no_way_round_the_pages_makes_the_consent(weber: User, discharge_client: Client, read_records: Scope) -> None:
    rule("health", fresh_within=MINUTES)
    with pytest.raises(SignInNeeded):
        builders.consent(weber, discharge_client, [read_records], signed_in_at=timezone.now() - timedelta(hours=1))
    assert not Consent.objects.exists()


def test_an_administrator_signs_in_again_for_the_organisation_too(claims_client: Client, mara: User) -> None:
    rule("personal", fresh_within=MINUTES)
    browser = signed_in(mara, ago=timedelta(hours=1))
    path = f"/agents/{claims_client.agent_id}/consent/?client={claims_client.pk}"
    form = form_of(browser.get(path), path)
    way = _way(browser.post(path, {**form, "decision": "allow"}))
    back = browser.get(proves(browser, way))
    assert "That was you" in text_of(back)
    assert browser.post(path, {**form_of(back, path), "decision": "allow"}).status_code == 302
    assert Consent.objects.get().user is None


def test_what_an_agent_asks_out_of_band_takes_the_same(weber: User, mara: User, discharge_assistant: Agent) -> None:
    rule("personal", fresh_within=MINUTES)
    robot = out_of_band.asking_client(discharge_assistant)
    out_of_band.joins_circle(discharge_assistant, weber, by=mara)
    asked = out_of_band.request_of(out_of_band.asked_id(robot, weber))
    browser = signed_in(weber, ago=timedelta(hours=1))
    path = asked.get_absolute_url()
    way = _way(browser.post(path, {**form_of(browser.get(path), path), "decision": "allow"}))
    back = browser.get(proves(browser, way))
    assert browser.post(path, {**form_of(back, path), "decision": "allow"}).status_code == 302
    assert AccessRequest.objects.get(pk=asked.pk).decision == "allowed"


def test_a_paused_consent_is_agreed_to_under_the_same_rule(
    weber: User, discharge_client: Client, see_appointments: Scope
) -> None:
    old = timezone.now() - timedelta(hours=2)
    given = builders.consent(weber, discharge_client, [see_appointments], signed_in_at=old)
    rule("personal", fresh_within=MINUTES, pause_beyond=True)
    given.refresh_from_db()
    assert given.paused_at is not None
    browser = signed_in(weber, ago=timedelta(hours=1))
    path = f"/consents/{given.pk}/changes/"
    way = _way(browser.post(path, {**form_of(browser.get(path), path), "decision": "allow"}))
    back = browser.get(proves(browser, way))
    assert browser.post(path, {**form_of(back, path), "decision": "allow"}).status_code == 302
    given.refresh_from_db()
    assert given.superseded_at is not None


def test_two_screens_on_the_way_at_once_keep_what_is_theirs(
    weber: User, discharge_client: Client, see_appointments: Scope
) -> None:
    rule("personal", fresh_within=MINUTES)
    browser = signed_in(weber, ago=timedelta(hours=1))
    ways = []
    for purpose in ("The first", "The second"):
        form = form_of(opens(browser, discharge_client, scope="calendar:read", purpose=purpose))
        ways.append(_way(decides(browser, form, purpose=f"{purpose} in my words")))
    for purpose, way in zip(("The first", "The second"), ways, strict=True):
        back = browser.get(proves(browser, way))
        assert form_of(back)["purpose"] == [f"{purpose} in my words"]


def test_how_strong_a_sign_in_is_follows_from_what_was_shown(weber: User, discharge_client: Client) -> None:
    for by, then, acr in (
        ("password", "", SINGLE),
        ("password", "totp", MULTI),
        ("password", "recovery", MULTI),
        ("password", "passkey", PASSKEY),
        ("passkey", "", PASSKEY),
        ("passkey", "password", MULTI),
    ):
        browser = signed_in(weber, passkey=True, by=by, then=then)
        form = form_of(opens(browser, discharge_client, scope="calendar:read", purpose=f"{by} {then}"))
        assert "code" in answer_of(decides(browser, form))
        assert Consent.objects.latest("starts_at", "pk").acr == acr, (by, then)
