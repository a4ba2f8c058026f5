"""What a paused consent takes to count again: the person sees what is different, and agrees or not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from agents import agent_scopes, lifecycle
from agents.models import Agent, Client, Scope, User
from agents.trail.kinds import Kind
from consent import mandate
from consent.models import Consent
from tests import builders, grants
from tests.consent.asking import answer_of, decides, opens, screen
from tests.consent.drift.steps import change, is_paused, path, reword
from tests.forms import form_of, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def test_the_person_sees_old_and_new_side_by_side_and_agrees(
    weber: User, mara: User, consent: Consent, see_appointments: Scope, discharge_client: Client
) -> None:
    reword(see_appointments, mara, "See your appointments and recordings")
    browser = builders.browser(weber)
    mine = text_of(browser.get("/my-agents/"))
    assert "paused: its wording changed" in mine
    assert path(consent) in mine
    page = browser.get(path(consent))
    text = text_of(page)
    assert "<del>See your appointments</del>" in text
    assert "<ins>See your appointments and recordings</ins>" in text
    response = browser.post(path(consent), {**form_of(page), "decision": "allow"}, follow=True)
    assert "Agreed." in text_of(response)
    consent.refresh_from_db()
    fresh = Consent.objects.get(pk=consent.superseded_by_id)
    assert fresh.status(timezone.now()) == "live"
    assert fresh.scopes(timezone.now()) == consent.scopes(timezone.now())
    assert fresh.shown["renews"] == str(consent.pk)
    assert fresh.shown["changes"][0]["after"]["title"] == "See your appointments and recordings"
    # Its client finds the new one without another screen.
    assert "code" in answer_of(opens(browser, discharge_client, scope="calendar:read staff:read"))


def test_what_was_ticked_stays_the_persons_choice(
    weber: User, mara: User, consent: Consent, see_appointments: Scope, look_up_staff: Scope
) -> None:
    reword(see_appointments, mara)
    browser = builders.browser(weber)
    form = form_of(browser.get(path(consent)))
    browser.post(path(consent), {**form, "scope": [str(look_up_staff.pk)], "decision": "allow"})
    consent.refresh_from_db()
    assert consent.superseded_by is not None
    assert consent.superseded_by.scopes(timezone.now()) == {look_up_staff}


def test_the_agents_own_way_shows_the_difference_too(
    weber: User, mara: User, consent: Consent, see_appointments: Scope, discharge_client: Client
) -> None:
    reword(see_appointments, mara, "See your appointments and recordings")
    browser = builders.browser(weber)
    page = opens(browser, discharge_client, scope="calendar:read staff:read")
    assert "<ins>See your appointments and recordings</ins>" in text_of(page)
    assert "code" in answer_of(decides(browser, form_of(page)))
    consent.refresh_from_db()
    assert consent.status(timezone.now()) == "superseded"


@pytest.mark.parametrize(
    "changed",
    [
        {"purpose": "Something wider"},
        {"decision": "refuse"},
        {"shown": "x"},
        {"scope": ["0199c0de-0000-7000-8000-000000000000"]},
        {"client_id": "other"},
    ],
    ids=str,
)
def test_a_tampered_form_agrees_to_nothing(
    weber: User, mara: User, consent: Consent, see_appointments: Scope, changed: dict[str, Any]
) -> None:
    reword(see_appointments, mara)
    browser = builders.browser(weber)
    form = {**form_of(browser.get(path(consent))), "decision": ["allow"], **changed}
    with builders.one_refusal(Kind.CONSENT_FORM_REFUSED, "form_tampered"):
        assert browser.post(path(consent), form).status_code == 400
    assert is_paused(consent)


def test_a_form_of_another_screen_or_another_consent_agrees_to_nothing(
    weber: User, mara: User, consent: Consent, see_appointments: Scope, discharge_client: Client
) -> None:
    browser = builders.browser(weber)
    asked = screen(browser, discharge_client, scope="calendar:read", purpose="Another thing")
    reword(see_appointments, mara)
    assert browser.post(path(consent), {**asked, "decision": ["allow"]}).status_code == 400
    assert is_paused(consent)


def test_changed_once_more_between_look_and_answer_it_is_shown_again(
    weber: User, mara: User, consent: Consent, see_appointments: Scope
) -> None:
    reword(see_appointments, mara)
    browser = builders.browser(weber)
    form = form_of(browser.get(path(consent)))
    reword(see_appointments, mara, "See everything")
    response = browser.post(path(consent), {**form, "decision": "allow"})
    assert response.status_code == 409
    assert "<ins>See everything</ins>" in text_of(response)
    assert is_paused(consent)


def test_agreeing_twice_counts_once_and_never_brings_back_what_was_revoked(
    weber: User, mara: User, consent: Consent, see_appointments: Scope
) -> None:
    reword(see_appointments, mara)
    browser = builders.browser(weber)
    form = {**form_of(browser.get(path(consent))), "decision": ["allow"]}
    browser.post(path(consent), form)
    again = browser.post(path(consent), form)
    assert again.status_code == 302  # to what was agreed to: there is nothing paused any more
    assert Consent.objects.count() == 2
    reword(see_appointments, mara, "See everything")
    fresh = Consent.objects.get(superseded_at=None)
    late = {**form_of(browser.get(path(fresh))), "decision": ["allow"]}
    mandate.revoke(fresh.pk, reason="No.", by=builders.actor(weber), now=timezone.now())
    browser.post(path(fresh), late)
    assert not Consent.objects.live(timezone.now()).exists()


def test_nobody_agrees_for_somebody_else(
    ada: User, mara: User, omar: User, mallory: User, weber: User, consent: Consent, see_appointments: Scope
) -> None:
    reword(see_appointments, mara)
    form = {**form_of(builders.browser(weber).get(path(consent))), "decision": ["allow"]}
    for reader in (ada, mara, omar):
        text = text_of(builders.browser(reader).get(path(consent)))
        assert "Only Dr. Jonas Weber can agree" in text.replace("<bdi>", "").replace("</bdi>", "")
        with builders.one_refusal(Kind.CONSENT_CHANGE_REFUSED, "forbidden"):
            assert builders.browser(reader).post(path(consent), form).status_code == 403
    assert builders.browser(mallory).get(path(consent)).status_code == 404
    assert builders.browser(mallory).post(path(consent), form).status_code == 404
    assert Browser().get(path(consent)).status_code == 302
    assert is_paused(consent)


def test_an_administrator_agrees_for_the_organisation(
    mara: User, ada: User, claims_client: Client, look_up_staff: Scope
) -> None:
    given = grants.consent(claims_client, scopes=[look_up_staff], user=None, by=mara)
    reword(look_up_staff, mara, "Look up staff and patients")
    assert is_paused(given)
    assert "An administrator can agree" in text_of(builders.browser(ada).get(path(given)))
    browser = builders.browser(mara)
    form = form_of(browser.get(path(given)))
    browser.post(path(given), {**form, "decision": "allow"})
    assert Consent.objects.live(timezone.now()).get().user is None


def test_where_nothing_is_left_one_can_only_end_it(
    weber: User,
    mara: User,
    ada: User,
    consent: Consent,
    discharge_assistant: Agent,
    read_records: Scope,
    see_appointments: Scope,
) -> None:
    reword(see_appointments, mara)
    agent_scopes.set_scopes(
        discharge_assistant,
        scopes=frozenset({read_records}),
        required=frozenset(),
        by=builders.actor(ada),
        now=timezone.now(),
    )
    text = text_of(builders.browser(weber).get(path(consent)))
    assert "nothing to agree to" in text
    assert "Agree to the change" not in text


def test_while_its_agent_is_suspended_one_is_told_so(
    weber: User, mara: User, consent: Consent, discharge_assistant: Agent, see_appointments: Scope
) -> None:
    reword(see_appointments, mara)
    browser = builders.browser(weber)
    form = {**form_of(browser.get(path(consent))), "decision": ["allow"]}
    lifecycle.suspend(discharge_assistant, reason="A look.", by=builders.actor(mara), now=timezone.now())
    text = text_of(browser.post(path(consent), form))
    assert "can be allowed nothing now" in text
    assert "nothing to agree to" not in text
    assert is_paused(consent)
    lifecycle.resume(discharge_assistant, reason="Fine.", by=builders.actor(mara), now=timezone.now())
    assert "do you agree to the change?" in text_of(browser.get(path(consent)))


def test_one_that_is_not_paused_leads_to_what_was_agreed(weber: User, consent: Consent) -> None:
    response = builders.browser(weber).get(path(consent))
    assert response.headers["Location"] == f"/my-agents/{consent.pk}/"


def test_agreeing_lasts_as_long_as_what_paused_unless_somebody_chooses_another_end(
    weber: User, mara: User, discharge_client: Client, look_up_staff: Scope
) -> None:
    given = builders.consent(weber, discharge_client, [look_up_staff], life=timedelta(days=20))
    reword(look_up_staff, mara, "Look up staff and patients")
    browser = builders.browser(weber)
    page = browser.get(path(given))
    assert "as before: " in text_of(page)
    form = {**form_of(page), "decision": "allow"}
    assert form["until"] == ["so_far"]
    browser.post(path(given), form)
    assert Consent.objects.live(timezone.now()).get().ends_at == given.ends_at


def test_an_end_that_is_too_late_by_now_becomes_the_longest_that_is_allowed(
    weber: User, mara: User, discharge_client: Client, look_up_staff: Scope
) -> None:
    given = builders.consent(weber, discharge_client, [look_up_staff], life=timedelta(days=20))
    change(look_up_staff, mara, longest_life=timedelta(days=3))
    reword(look_up_staff, mara, "Look up staff and patients")
    form = form_of(builders.browser(weber).get(path(given)))
    assert form["until"] == ["longest"]


def test_what_was_for_once_is_asked_for_once_again(
    weber: User, mara: User, discharge_client: Client, look_up_staff: Scope
) -> None:
    given = builders.consent(weber, discharge_client, [look_up_staff], once=True, life=timedelta(hours=1))
    reword(look_up_staff, mara, "Look up staff and patients")
    assert form_of(builders.browser(weber).get(path(given)))["until"] == ["once"]


def test_agreeing_keeps_the_limits_and_what_is_left_of_the_uses(
    weber: User, mara: User, discharge_client: Client, look_up_staff: Scope
) -> None:
    browser = builders.browser(weber)
    asked = screen(browser, discharge_client, scope="staff:read")
    answer_of(decides(browser, asked, limit_networks=["10.0.0.0/8"], limit_uses=["20"]))
    given = Consent.objects.get()
    Consent.objects.update(uses_taken=15)
    reword(look_up_staff, mara, "Look up staff and patients")
    form = {**form_of(browser.get(path(given))), "decision": "allow"}
    browser.post(path(given), form)
    fresh = Consent.objects.live(timezone.now()).get()
    assert fresh.limits.networks == given.limits.networks
    assert fresh.limits.uses == 5
    Consent.objects.filter(pk=fresh.pk).update(uses_taken=5)
    reword(look_up_staff, mara, "Look up staff, patients and visitors")
    assert form_of(browser.get(path(fresh)))["limit_uses"] == ["1"]  # and never all of them again, unasked


def test_without_a_renewal_nobody_can_choose_the_end_of_before(weber: User, discharge_client: Client) -> None:
    browser = builders.browser(weber)
    asked = screen(browser, discharge_client, scope="staff:read")
    assert decides(browser, asked, until=["so_far"]).status_code == 400
