"""A consent of the organisation rests on an administrator: when they leave, another one confirms it, or it pauses."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents import people
from agents.actors import Actor
from agents.errors import Forbidden
from agents.models import OutgoingMail, Role, User
from agents.trail.kinds import Kind
from consent import mandate, sweeps
from consent.errors import ConsentEnded, NothingToConfirm
from consent.models import Consent
from consent.models.consent_queries import PAUSES_AFTER
from tests import builders, grants
from tests.forms import text_of
from tests.grants import TokenClient
from tests.services.parallel import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture
def nora(organisation):
    """Another administrator, who stays."""
    return builders.person("Nora Lind", Role.ADMINISTRATOR)


@pytest.fixture
def claims(claims_client, claims_key):
    return TokenClient(claims_client, claims_key.key)


@pytest.fixture
def clinic_allows(claims_client, mara, see_appointments):
    """Mara allows it for the organisation."""
    return grants.consent(claims_client, scopes=[see_appointments], user=None, by=mara, life=90 * DAY)


@pytest.fixture
def mara_left(clinic_allows, mara, nora, now):
    """When Mara was deactivated."""
    people.deactivate(mara, reason="She left the clinic.", by=builders.actor(nora), now=now)
    return now


def confirm(consent: Consent, by: User, now) -> Consent:
    return mandate.confirm(consent.pk, reason="Still needed.", by=Actor.person(by), now=now)


def test_it_counts_for_fourteen_days_after_its_approver_left_and_no_longer(
    clinic_allows, claims, records_api, mara_left
):
    with time_machine.travel(mara_left + PAUSES_AFTER - SECOND, tick=False):
        token = claims.act_alone().json()["access_token"]
        assert records_api.introspects(token)["active"] is True
        assert Consent.objects.effective(timezone.now()).filter(pk=clinic_allows.pk).exists()
    with time_machine.travel(mara_left + PAUSES_AFTER, tick=False):
        assert records_api.introspects(token) == {"active": False}
        assert builders.events(Kind.INTROSPECTION_INACTIVE)[-1].reason_code == "consent_paused"
        assert claims.act_alone().json()["error"] == "unauthorized_client"
        assert not Consent.objects.effective(timezone.now()).filter(pk=clinic_allows.pk).exists()
        assert Consent.objects.get(pk=clinic_allows.pk).status(timezone.now()) == "paused"


def test_losing_the_role_counts_as_leaving(clinic_allows, mara, nora, claims, now):
    people.change_role(mara, role=Role.USER, reason="Another post.", by=builders.actor(nora), now=now)
    with time_machine.travel(now + PAUSES_AFTER, tick=False):
        assert claims.act_alone().status_code == 400


def test_who_comes_back_answers_for_it_again(clinic_allows, mara, mara_left, nora, claims):
    people.reactivate(mara, reason="Back.", by=builders.actor(nora), now=mara_left + 20 * DAY)
    with time_machine.travel(mara_left + 21 * DAY, tick=False):
        assert claims.act_alone().status_code == 200
    mara.refresh_from_db()
    assert mara.left_office_at is None


def test_who_comes_back_as_something_else_does_not(clinic_allows, mara, mara_left, nora, claims):
    people.change_role(mara, role=Role.AUDITOR, reason="Back as one.", by=builders.actor(nora), now=mara_left + DAY)
    people.reactivate(mara, reason="Back.", by=builders.actor(nora), now=mara_left + 2 * DAY)
    with time_machine.travel(mara_left + PAUSES_AFTER, tick=False):
        assert claims.act_alone().status_code == 400


def test_who_recovers_at_the_server_answers_again(clinic_allows, mara, mara_left, claims):
    people.recover_administrator(email=mara.email, now=mara_left + 20 * DAY)
    with time_machine.travel(mara_left + 21 * DAY, tick=False):
        assert claims.act_alone().status_code == 200


def test_the_database_keeps_an_administrator_in_office(mara, now):
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=mara.pk).update(left_office_at=now)


def test_a_persons_own_consent_never_pauses_with_their_office(discharge_client, mara, nora, read_records, now):
    own = grants.consent(discharge_client, scopes=[read_records], user=mara, life=90 * DAY)
    people.change_role(mara, role=Role.USER, reason="Another post.", by=builders.actor(nora), now=now)
    later = now + PAUSES_AFTER + DAY
    assert Consent.objects.effective(later).filter(pk=own.pk).exists()
    assert Consent.objects.get(pk=own.pk).status(later) == "live"
    assert sweeps.pause_consents(now=later) == 0
    with pytest.raises(NothingToConfirm):
        confirm(own, nora, later)


def test_another_administrator_confirms_it_before_it_pauses(clinic_allows, claims, nora, mara_left):
    confirm(clinic_allows, nora, mara_left + DAY)
    with time_machine.travel(mara_left + PAUSES_AFTER + DAY, tick=False):
        assert claims.act_alone().status_code == 200
    (event,) = builders.events(Kind.CONSENT_CONFIRMED)
    assert (event.consent_id, event.actor_id) == (clinic_allows.pk, nora.pk)
    assert event.detail["after"] == str(nora.pk)


def test_a_confirmed_one_counts_again_after_it_paused(clinic_allows, claims, records_api, nora, mara_left):
    with time_machine.travel(mara_left + DAY, tick=False):
        assert claims.act_alone().status_code == 200
    later = mara_left + PAUSES_AFTER + DAY
    assert sweeps.pause_consents(now=later) == 1
    confirm(clinic_allows, nora, later)
    with time_machine.travel(later, tick=False):
        assert claims.act_alone().status_code == 200
    assert sweeps.pause_consents(now=later + DAY) == 0


def test_when_the_one_who_confirmed_leaves_too_it_pauses_again(clinic_allows, claims, nora, mara_left):
    confirm(clinic_allows, nora, mara_left + DAY)
    third = builders.person("Third Keeper", Role.ADMINISTRATOR)
    people.deactivate(nora, reason="Left too.", by=builders.actor(third), now=mara_left + 2 * DAY)
    with time_machine.travel(mara_left + 2 * DAY + PAUSES_AFTER, tick=False):
        assert claims.act_alone().status_code == 400
    assert sweeps.pause_consents(now=mara_left + 2 * DAY + PAUSES_AFTER) == 1


def test_the_sweep_writes_a_pause_down_once(clinic_allows, mara_left):
    assert sweeps.pause_consents(now=mara_left + PAUSES_AFTER - SECOND) == 0
    later = mara_left + PAUSES_AFTER + DAY
    assert sweeps.pause_consents(now=later) == 1
    assert sweeps.pause_consents(now=later) == 0
    (event,) = builders.events(Kind.CONSENT_PAUSED)
    assert (event.consent_id, event.actor_kind) == (clinic_allows.pk, "system")
    assert Consent.objects.get().paused_at == mara_left + PAUSES_AFTER


def test_the_command_sweeps_it_too(clinic_allows, mara_left, capsys):
    with time_machine.travel(mara_left + PAUSES_AFTER, tick=False):
        call_command("sweep")
    assert "consents paused: 1" in capsys.readouterr().out


def test_a_written_pause_waits_for_a_decision_even_when_the_approver_comes_back(clinic_allows, mara, nora, mara_left):
    later = mara_left + PAUSES_AFTER
    sweeps.pause_consents(now=later)
    people.reactivate(mara, reason="Back.", by=builders.actor(nora), now=later)
    assert not Consent.objects.live(later).exists()
    mara.refresh_from_db()
    confirm(clinic_allows, mara, later)
    assert Consent.objects.live(later).exists()


def test_there_is_nothing_to_confirm_while_somebody_answers(clinic_allows, nora, now):
    with pytest.raises(NothingToConfirm):
        confirm(clinic_allows, nora, now)


def test_what_is_over_cannot_be_confirmed(clinic_allows, nora, mara_left):
    mandate.revoke(clinic_allows.pk, reason="Enough.", by=Actor.person(nora), now=mara_left)
    with pytest.raises(ConsentEnded):
        confirm(clinic_allows, nora, mara_left)


@pytest.mark.parametrize("name", ["ada", "omar", "weber", "mallory", "mara"])
def test_nobody_else_confirms(name, request, clinic_allows, mara_left):
    somebody = request.getfixturevalue(name)
    somebody.refresh_from_db()
    with pytest.raises(Forbidden):
        confirm(clinic_allows, somebody, mara_left + DAY)
    assert not builders.events(Kind.CONSENT_CONFIRMED)


def test_mandate_itself_never_confirms(clinic_allows, mara_left):
    with pytest.raises(Forbidden):
        mandate.confirm(clinic_allows.pk, reason="", by=Actor.system(), now=mara_left)


def test_who_keeps_the_agent_does_not_confirm_what_is_sensitive(ada, nora, mara, read_records, look_up_staff, now):
    agent = builders.agent("Night Filer", owner=ada, kind="autonomous", scopes=[read_records, look_up_staff])
    client = builders.client(agent)
    sensitive = grants.consent(client, scopes=[read_records], user=None, by=mara, life=90 * DAY)
    harmless = grants.consent(client, scopes=[look_up_staff], user=None, by=mara, life=90 * DAY, purpose="Names")
    people.change_role(ada, role=Role.ADMINISTRATOR, reason="Promoted.", by=builders.actor(mara), now=now)
    people.deactivate(mara, reason="Left.", by=builders.actor(nora), now=now)
    ada.refresh_from_db()
    with pytest.raises(Forbidden):
        confirm(sensitive, ada, now)
    confirm(harmless, ada, now)
    confirm(sensitive, nora, now)


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_write_one_event(clinic_allows, mara_left):
    later = mara_left + PAUSES_AFTER
    at_once(2, lambda _n: sweeps.pause_consents(now=later))
    assert len(builders.events(Kind.CONSENT_PAUSED)) == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_confirm_at_once_one_answers(clinic_allows, nora, mara_left):
    other = builders.person("Other Keeper", Role.ADMINISTRATOR)
    keepers = [nora, other]
    tried = at_once(2, lambda n: confirm(clinic_allows, keepers[n], mara_left + DAY))
    assert (len(tried.returned), tried.raised_only(NothingToConfirm)) == (1, True)
    assert len(builders.events(Kind.CONSENT_CONFIRMED)) == 1


def test_owner_and_administrators_hear_of_it_before(clinic_allows, ada, nora, mara_left, settings):
    settings.MAIL_IS_SENT = True
    OutgoingMail.objects.all().delete()
    for day in range(15):
        sweeps.warn_of_consents(now=mara_left + day * DAY)
    assert [event.detail["days"] for event in builders.events(Kind.OWNER_WARNED)] == [14, 3, 1]
    assert {mail.to for mail in OutgoingMail.objects.all()} == {ada.email, nora.email}


def test_the_page_of_the_consent_leads_to_confirming_it(clinic_allows, claims_filer, nora, mara_left):
    with time_machine.travel(mara_left + PAUSES_AFTER, tick=False):
        browser = builders.browser(nora)
        assert "Confirm…" in text_of(browser.get(clinic_allows.get_absolute_url()))
        assert "is paused for the organisation" in text_of(browser.get("/"))
        path = f"/consents/{clinic_allows.pk}/confirm/"
        assert "and no longer administers" in text_of(browser.get(path))
        assert browser.post(path, {"reason": ""}).status_code == 400
        assert browser.post(path, {"reason": "Claims go on."}).status_code == 302
        page = text_of(browser.get(clinic_allows.get_absolute_url()))
        assert "Confirm…" not in page
        assert "Confirmed" in page
        assert "for the organisation" not in text_of(browser.get("/"))
        assert browser.post(path, {"reason": "Twice."}).status_code == 400


@pytest.mark.parametrize(("name", "status"), [("ada", 403), ("omar", 403), ("mallory", 404), ("weber", 404)])
def test_the_page_is_for_administrators(name, status, request, clinic_allows, mara_left):
    browser = builders.browser(request.getfixturevalue(name))
    assert browser.post(f"/consents/{clinic_allows.pk}/confirm/", {"reason": "Mine."}).status_code == status
    assert not builders.events(Kind.CONSENT_CONFIRMED)


def test_the_overview_asks_no_more_for_more_of_them(claims_client, see_appointments, mara, nora, now):
    def queries() -> int:
        browser = builders.browser(nora)
        browser.get("/")
        with CaptureQueriesContext(connection) as captured:
            browser.get("/")
        return len(captured)

    for n in range(2):
        grants.consent(claims_client, scopes=[see_appointments], user=None, by=mara, purpose=f"Purpose {n}")
    people.deactivate(mara, reason="Left.", by=builders.actor(nora), now=now)
    few = queries()
    people.reactivate(mara, reason="Back.", by=builders.actor(nora), now=now)
    for n in range(2, 5):
        grants.consent(claims_client, scopes=[see_appointments], user=None, by=mara, purpose=f"Purpose {n}")
    people.deactivate(mara, reason="Left.", by=builders.actor(nora), now=now)
    assert queries() == few
