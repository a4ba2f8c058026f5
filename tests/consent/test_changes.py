"""Narrow, shorten, revoke on their pages: who may, what is said before, what is true afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from agents.models import Agent, Client, Scope, User
from agents.trail.kinds import Kind
from consent import mandate
from consent.errors import ConsentNotBegun
from consent.models import Consent
from tests import builders
from tests.consent.asking import allows, ticked
from tests.forms import form_of, text_of

pytestmark = pytest.mark.django_db
CHANGES = ("narrow", "shorten", "revoke")


@pytest.fixture
def consent(weber: User, discharge_client: Client) -> Consent:
    """Weber allowed two things."""
    return allows(weber, discharge_client, scope="calendar:read staff:read")


def path(consent: Consent, change: str) -> str:
    return f"/consents/{consent.pk}/{change}/"


def sends(person: User, consent: Consent, change: str, look_up_staff: Scope, reason: str = "Enough.") -> Any:
    """The person makes the change with a right form."""
    end = (timezone.now() + timedelta(minutes=20)).strftime("%Y-%m-%dT%H:%M")
    right: dict[str, dict[str, Any]] = {
        "narrow": {"keep": ticked(look_up_staff)},
        "shorten": {"until": "custom", "until_at": end},
        "revoke": {},
    }
    return builders.browser(person).post(path(consent, change), {**right[change], "reason": reason})


def test_narrowing_takes_away_what_was_unticked(
    weber: User, consent: Consent, look_up_staff: Scope, see_appointments: Scope
) -> None:
    browser = builders.browser(weber)
    from_my_agents = path(consent, "narrow") + "?" + urlencode({"keep": str(look_up_staff.pk)})
    asking = browser.get(from_my_agents)
    form = form_of(asking)
    assert form["keep"] == ticked(look_up_staff)
    assert "stops" in text_of(asking)
    assert consent.scopes(timezone.now()) == {look_up_staff, see_appointments}
    response = browser.post(path(consent, "narrow"), {**form, "reason": "Written by hand again."}, follow=True)
    assert "Narrowed. It counts" in text_of(response)
    assert Consent.objects.get().scopes(timezone.now()) == {look_up_staff}
    (event,) = builders.events(Kind.CONSENT_NARROWED)
    assert (event.actor_id, event.detail["after"]) == (weber.pk, ["staff:read"])


@pytest.mark.parametrize("keep", ["nothing", "everything", "something foreign"])
def test_narrowing_to_nothing_or_not_at_all_is_refused(
    weber: User, consent: Consent, look_up_staff: Scope, see_appointments: Scope, read_records: Scope, keep: str
) -> None:
    kept = {
        "nothing": [],
        "everything": ticked(look_up_staff, see_appointments),
        "something foreign": ticked(read_records),
    }[keep]
    with builders.one_refusal(Kind.CONSENT_CHANGE_REFUSED, "not_narrower"):
        response = builders.browser(weber).post(path(consent, "narrow"), {"keep": kept, "reason": ""})
    assert response.status_code == 400
    assert "Leave at least one permission" in text_of(response)
    assert consent.scopes(timezone.now()) == {look_up_staff, see_appointments}


def test_what_the_task_needs_is_not_narrowed_away(
    ada: User, mara: User, weber: User, see_appointments: Scope, look_up_staff: Scope
) -> None:
    agent = builders.agent("Planner", owner=ada, scopes=[see_appointments, look_up_staff], required=[look_up_staff])
    consent = allows(weber, builders.client(agent))
    browser = builders.browser(weber)
    browser.post(path(consent, "narrow"), {"keep": [], "reason": ""})
    assert consent.scopes(timezone.now()) == {look_up_staff}


def test_shortening_ends_it_earlier(weber: User, consent: Consent) -> None:
    browser = builders.browser(weber)
    Consent.objects.update(ends_at=timezone.now() + timedelta(days=3))
    form = form_of(browser.get(path(consent, "shorten")))
    response = browser.post(path(consent, "shorten"), {**form, "until": "1h"})
    assert response.status_code == 302
    consent.refresh_from_db()
    assert timedelta(minutes=59) < consent.ends_at - timezone.now() <= timedelta(hours=1)


def test_shortening_never_makes_longer(weber: User, consent: Consent) -> None:
    before = consent.ends_at
    browser = builders.browser(weber)
    later = (before + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    past = (timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    for until_at in (later, past):
        with builders.one_refusal(Kind.CONSENT_CHANGE_REFUSED, "not_shorter"):
            response = browser.post(path(consent, "shorten"), {"until": "custom", "until_at": until_at})
        assert response.status_code == 400
    for nonsense in ("", "soon", "2026-13-45T99:99", "9" * 300):
        assert browser.post(path(consent, "shorten"), {"until": "custom", "until_at": nonsense}).status_code == 400
    consent.refresh_from_db()
    assert consent.ends_at == before


def test_revoking_says_before_what_stops_and_after_that_it_did(weber: User, consent: Consent) -> None:
    browser = builders.browser(weber)
    asking = text_of(browser.get(path(consent, "revoke")))
    assert "Revoke what" in asking
    assert "Live tokens" in asking
    assert "within 5 minutes" in asking
    response = browser.post(path(consent, "revoke"), {"reason": "Not needed."}, follow=True)
    text = text_of(response)
    assert "no longer acts for you" in text
    assert "consent revoked by you" in text
    assert "Not needed." in text
    consent.refresh_from_db()
    assert (consent.status(timezone.now()), consent.revoked_by) == ("revoked", weber)
    again = browser.post(path(consent, "revoke"), {"reason": ""})
    assert again.status_code == 409
    assert len(builders.events(Kind.CONSENT_REVOKED)) == 1


@pytest.mark.parametrize("change", CHANGES)
def test_owner_deputy_and_administrator_may_and_must_say_why(
    ada: User, mara: User, consent: Consent, look_up_staff: Scope, change: str
) -> None:
    for person in (ada, mara):
        response = sends(person, consent, change, look_up_staff, reason="  ")
        assert response.status_code == 400
        assert 'id="why-error"' in text_of(response)
    assert sends(ada, consent, change, look_up_staff).status_code == 302


@pytest.mark.parametrize("change", CHANGES)
def test_a_stranger_sees_nothing_there(
    mallory: User, consent: Consent, look_up_staff: Scope, see_appointments: Scope, change: str
) -> None:
    browser = builders.browser(mallory)
    assert browser.get(path(consent, change)).status_code == 404
    with builders.one_refusal(Kind.CONSENT_CHANGE_REFUSED, "not_visible"):
        assert sends(mallory, consent, change, look_up_staff).status_code == 404
    assert builders.events(Kind.CONSENT_CHANGE_REFUSED)[-1].consent_id is None
    consent.refresh_from_db()
    assert consent.is_live(timezone.now())
    assert consent.scopes(timezone.now()) == {look_up_staff, see_appointments}


@pytest.mark.parametrize("change", CHANGES)
def test_an_auditor_changes_nothing(omar: User, consent: Consent, look_up_staff: Scope, change: str) -> None:
    with builders.one_refusal(Kind.CONSENT_CHANGE_REFUSED, "forbidden"):
        assert sends(omar, consent, change, look_up_staff).status_code == 403
    assert builders.browser(omar).get(path(consent, change)).status_code == 403
    consent.refresh_from_db()
    assert consent.is_live(timezone.now())


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_over_cannot_be_changed(weber: User, consent: Consent, look_up_staff: Scope, change: str) -> None:
    Consent.objects.update(ends_at=timezone.now() - timedelta(seconds=1), starts_at=timezone.now() - timedelta(hours=1))
    assert builders.browser(weber).get(path(consent, change)).status_code == 409
    assert sends(weber, consent, change, look_up_staff).status_code == 409


@pytest.mark.parametrize("change", CHANGES)
def test_looking_changes_nothing(weber: User, consent: Consent, change: str) -> None:
    before = len(builders.events())
    builders.browser(weber).get(path(consent, change))
    for method in ("put", "delete", "patch"):
        assert getattr(builders.browser(weber), method)(path(consent, change)).status_code == 405
    assert len(builders.events()) == before


def test_a_deputy_is_a_keeper_too(ada: User, mara: User, mallory: User, weber: User, look_up_staff: Scope) -> None:
    agent: Agent = builders.agent("Shared", owner=ada, scopes=[look_up_staff], deputies=[mallory])
    consent = allows(weber, builders.client(agent))
    assert sends(mallory, consent, "revoke", look_up_staff).status_code == 302


@pytest.mark.engine
def test_a_change_whose_request_began_before_the_consent_is_told_so(
    weber: User, consent: Consent, look_up_staff: Scope
) -> None:
    """It waited for the lock while the consent was made: its time lies before the start."""
    before = consent.starts_at - timedelta(seconds=1)
    with pytest.raises(ConsentNotBegun):
        mandate.narrow(consent.pk, keep=frozenset({look_up_staff}), reason="", by=builders.actor(weber), now=before)
    with pytest.raises(ConsentNotBegun):
        mandate.shorten(
            consent.pk,
            ends_at=consent.starts_at + timedelta(minutes=1),
            reason="",
            by=builders.actor(weber),
            now=before,
        )


@pytest.mark.engine
def test_stopping_everything_also_stops_what_was_allowed_meanwhile(weber: User, consent: Consent) -> None:
    before = consent.starts_at - timedelta(seconds=1)
    (stopped,) = mandate.revoke_all(weber, reason="", by=builders.actor(weber), now=before)
    assert stopped.pk == consent.pk
    assert not Consent.objects.live(timezone.now()).exists()
