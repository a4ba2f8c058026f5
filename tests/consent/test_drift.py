"""Drift: what people agreed to is different now, so what they allowed pauses until they have seen the difference."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from agents import agent_scopes, clients, lifecycle, resources
from agents.drift import What
from agents.encryption import decrypt
from agents.errors import InvalidInput
from agents.models import Agent, Client, DataClass, OutgoingMail, Scope, User
from agents.trail.kinds import Kind
from consent import drift, mandate
from consent.errors import OfferChanged
from consent.models import Consent
from tests import builders, grants
from tests.consent.asking import allows, answer_of, decides, opens, screen
from tests.forms import form_of, text_of
from tests.grants import ResourceServer, TokenClient

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
INACTIVE = {"active": False}


@pytest.fixture
def consent(weber: User, discharge_client: Client, see_appointments: Scope, look_up_staff: Scope) -> Consent:
    """Weber allowed two things on the screen."""
    return allows(weber, discharge_client, [see_appointments, look_up_staff], scope="calendar:read staff:read")


def reword(scope: Scope, mara: User, title: str = "See your appointments and who comes", **more: Any) -> None:
    resources.reword_scope(scope, title=title, detail="", by=builders.actor(mara), now=timezone.now(), **more)


def change(scope: Scope, mara: User, **facts: Any) -> None:
    resources.change_scope(scope, by=builders.actor(mara), now=timezone.now(), **facts)


def main_form(response: Any) -> dict[str, list[str]]:
    """The form in the middle of a page, past that of signing out at its side."""
    return form_of(SimpleNamespace(content=text_of(response).split("<main", 1)[1].encode()))


def is_paused(consent: Consent) -> bool:
    consent.refresh_from_db()
    return consent.status(timezone.now()) == "paused"


def path(consent: Consent) -> str:
    return f"/consents/{consent.pk}/changes/"


# ------------------------------------------------------------------------------------------------- which changes pause


def test_new_words_pause_who_holds_the_permission_and_the_trail_says_what_changed(
    weber: User, mara: User, consent: Consent, see_appointments: Scope, look_up_staff: Scope, discharge_client: Client
) -> None:
    other = builders.consent(weber, discharge_client, [look_up_staff], purpose="Something else")
    reword(see_appointments, mara)
    assert is_paused(consent)
    assert not is_paused(other)
    (event,) = builders.events(Kind.CONSENT_PAUSED)
    assert (event.consent_id, event.user_id, event.actor_id, event.scopes) == (
        consent.pk,
        weber.pk,
        mara.pk,
        "calendar:read",
    )
    assert event.detail["changes"][0]["before"]["title"] == "See your appointments"
    assert event.detail["changes"][0]["after"]["title"] == "See your appointments and who comes"


def test_a_mended_typo_pauses_nobody_if_somebody_says_why(
    weber: User, mara: User, consent: Consent, see_appointments: Scope, discharge_client: Client
) -> None:
    reword(see_appointments, mara, "See your appointments.", same_meaning="A full stop was missing.")
    assert not is_paused(consent)
    event = builders.events(Kind.SCOPE_REWORDED)[-1]
    assert event.detail["same_meaning"] is True
    assert event.reason_digest
    # And nobody is asked again for it: the meaning is the one they agreed to.
    response = opens(builders.browser(weber), discharge_client, scope="calendar:read staff:read")
    assert "code" in answer_of(response)


def test_a_typo_after_a_new_meaning_does_not_bring_back_the_old_one(
    mara: User, consent: Consent, see_appointments: Scope
) -> None:
    reword(see_appointments, mara, "See your appointments and recordings")
    reword(see_appointments, mara, "See your appointments, and recordings", same_meaning="A comma.")
    assert is_paused(consent)
    newest = Scope.objects.get(pk=see_appointments.pk).wording
    assert (newest.version, newest.meaning) == (3, 2)


@pytest.mark.parametrize("why", ["   ", "x" * 501])
def test_the_same_meaning_needs_a_reason_that_can_be_read(
    mara: User, consent: Consent, see_appointments: Scope, why: str
) -> None:
    with pytest.raises(InvalidInput):
        reword(see_appointments, mara, "Other words", same_meaning=why)
    assert Scope.objects.get(pk=see_appointments.pk).wording.version == 1


def test_the_same_words_again_are_no_change(mara: User, consent: Consent, see_appointments: Scope) -> None:
    reword(see_appointments, mara, "  See  your appointments ")
    assert not is_paused(consent)
    assert not builders.events(Kind.SCOPE_REWORDED)


@pytest.mark.parametrize(
    ("facts", "pauses"),
    [
        ({"access": "write"}, True),
        ({"access": "delete"}, True),
        ({"data_class": DataClass.HEALTH}, True),
        ({"data_class": DataClass.FINANCIAL}, True),
        ({"data_class": DataClass.NONE}, False),
        ({"marked_sensitive": True}, True),
        ({"required_by_default": True}, False),
        ({"longest_life": timedelta(days=1)}, False),
    ],
    ids=str,
)
def test_what_makes_a_permission_more_pauses_and_what_makes_it_less_does_not(
    mara: User, consent: Consent, see_appointments: Scope, facts: dict[str, Any], pauses: bool
) -> None:
    change(see_appointments, mara, **facts)
    assert is_paused(consent) is pauses


def test_back_to_less_does_not_pause(mara: User, weber: User, discharge_client: Client, write_letters: Scope) -> None:
    consent = builders.consent(weber, discharge_client, [write_letters])
    change(write_letters, mara, access="read", data_class=DataClass.PERSONAL)
    assert not is_paused(consent)


def test_a_permission_that_can_no_longer_be_unticked_pauses(
    ada: User, consent: Consent, discharge_assistant: Agent, see_appointments: Scope, look_up_staff: Scope
) -> None:
    scopes = frozenset({see_appointments, look_up_staff})
    agent_scopes.set_scopes(
        discharge_assistant, scopes=scopes, required=frozenset(), by=builders.actor(ada), now=timezone.now()
    )
    assert not is_paused(consent)
    agent_scopes.set_scopes(
        discharge_assistant, scopes=scopes, required=scopes, by=builders.actor(ada), now=timezone.now()
    )
    assert is_paused(consent)
    assert {change["what"] for change in consent.paused_because} == {What.REQUIRED}


def test_one_that_its_owner_requires_pauses_when_it_is_sensitive_no_more(
    ada: User, mara: User, weber: User, discharge_assistant: Agent, discharge_client: Client, see_appointments: Scope
) -> None:
    change(see_appointments, mara, marked_sensitive=True)
    marked = Scope.objects.get(pk=see_appointments.pk)
    given = builders.consent(weber, discharge_client, [marked])
    one = frozenset({marked})
    agent_scopes.set_scopes(discharge_assistant, scopes=one, required=one, by=builders.actor(ada), now=timezone.now())
    assert not is_paused(given)
    change(see_appointments, mara, marked_sensitive=False)
    assert is_paused(given)
    assert {change["what"] for change in given.paused_because} == {What.REQUIRED}


def test_one_change_is_one_mail_to_each_person_it_concerns(
    weber: User, mara: User, consent: Consent, discharge_client: Client, look_up_staff: Scope, settings: Any
) -> None:
    settings.MAIL_IS_SENT = True
    builders.consent(weber, discharge_client, [look_up_staff], purpose="Find a nurse")
    builders.consent(mara, discharge_client, [look_up_staff])
    reword(look_up_staff, mara, "Look up everybody")
    assert OutgoingMail.objects.count() == 2
    mails = {mail.to: json.loads(decrypt(mail.sealed)) for mail in OutgoingMail.objects.all()}
    assert mails[weber.email]["subject"] == "2 consents are paused until you have looked"
    assert mails[mara.email]["subject"] == "Discharge Assistant is paused until you have looked"
    assert "- Discharge Assistant\n" in mails[weber.email]["body"]
    assert "/my-agents/" in mails[weber.email]["body"]


def test_a_sensitive_one_pauses_when_it_is_confirmed_not_when_its_owner_asks_for_it(
    ada: User, mara: User, weber: User, discharge_assistant: Agent, discharge_client: Client, read_records: Scope
) -> None:
    consent = builders.consent(weber, discharge_client, [read_records])
    now, one = timezone.now(), frozenset({read_records})
    agent_scopes.set_scopes(discharge_assistant, scopes=one, required=one, by=builders.actor(ada), now=now)
    assert not is_paused(consent)
    agent_scopes.confirm_required(discharge_assistant, read_records, by=builders.actor(mara), now=now)
    assert is_paused(consent)


@pytest.mark.parametrize(
    ("uris", "pauses"),
    [
        (["https://app.st-anna.example/another/path"], False),
        (["https://app.st-anna.example/callback", "https://else.example/callback"], True),
        (["https://else.example/callback"], True),
    ],
    ids=str,
)
def test_another_host_to_return_to_pauses_and_another_path_does_not(
    ada: User, consent: Consent, discharge_client: Client, uris: list[str], pauses: bool
) -> None:
    clients.change(discharge_client, redirect_uris=uris, by=builders.actor(ada), now=timezone.now())
    assert is_paused(consent) is pauses


def test_taking_away_a_host_pauses_only_who_returned_there(
    ada: User, weber: User, mara: User, discharge_client: Client
) -> None:
    both = ["https://app.st-anna.example/callback", "https://ward.st-anna.example/callback"]
    clients.change(discharge_client, redirect_uris=both, by=builders.actor(ada), now=timezone.now())
    discharge_client.refresh_from_db()
    here = allows(weber, discharge_client, scope="staff:read")
    there = allows(mara, discharge_client, scope="staff:read", redirect_uri=both[1])
    clients.change(discharge_client, redirect_uris=both[:1], by=builders.actor(ada), now=timezone.now())
    assert not is_paused(here)
    assert is_paused(there)


def test_what_is_over_stays_as_it_is(mara: User, weber: User, consent: Consent, see_appointments: Scope) -> None:
    mandate.revoke(consent.pk, reason="Done.", by=builders.actor(weber), now=timezone.now())
    reword(see_appointments, mara)
    consent.refresh_from_db()
    assert (consent.status(timezone.now()), consent.paused_at) == ("revoked", None)


def test_a_change_that_fails_pauses_nobody(mara: User, consent: Consent, look_up_staff: Scope) -> None:
    with pytest.raises(resources.SensitiveOffline):
        change(look_up_staff, mara, data_class=DataClass.HEALTH)  # the directory checks offline
    assert not is_paused(consent)
    assert not builders.events(Kind.CONSENT_PAUSED)


def test_many_are_paused_in_batches_and_once_each(
    mara: User, discharge_client: Client, look_up_staff: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift, "BATCH", 2)
    given = [builders.consent(builders.person(f"Person {n}"), discharge_client, [look_up_staff]) for n in range(5)]
    reword(look_up_staff, mara, "Look up staff and patients")
    assert all(is_paused(consent) for consent in given)
    assert len(builders.events(Kind.CONSENT_PAUSED)) == 5
    first = given[0].paused_at
    reword(look_up_staff, mara, "Look up everybody")
    assert is_paused(given[0])
    assert given[0].paused_at == first
    (kept,) = given[0].paused_because
    assert (kept["before"]["title"], kept["after"]["title"]) == ("Look up staff", "Look up everybody")


def test_who_decides_while_it_changes_is_asked_to_look_again(
    weber: User, mara: User, discharge_client: Client, look_up_staff: Scope
) -> None:
    words = look_up_staff.wording
    reword(look_up_staff, mara, "Look up staff and patients")
    approval = mandate.Approval(
        client=discharge_client,
        user=weber,
        scopes={look_up_staff: words},
        purpose="Letters",
        ends_at=timezone.now() + timedelta(days=1),
    )
    with pytest.raises(OfferChanged):
        mandate.approve(approval, by=builders.actor(weber), now=timezone.now())


# ------------------------------------------------------------------------------------------------ what a pause is worth


def test_tokens_of_a_paused_consent_are_refused_at_once(
    mara: User,
    weber_allows: Consent,
    discharge: TokenClient,
    records_api: ResourceServer,
    read_records: Scope,
    pkce: Any,
) -> None:
    pair = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()
    assert records_api.introspects(pair["access_token"])["active"] is True
    reword(read_records, mara, "Read patient files of the whole clinic")
    assert records_api.introspects(pair["access_token"]) == INACTIVE
    assert discharge.refresh(pair["refresh_token"]).json()["error"] == "invalid_grant"
    assert builders.events(Kind.INTROSPECTION_INACTIVE)[-1].reason_code == "consent_paused"


# ------------------------------------------------------------------------------------------------------ agreeing, or not


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


# ------------------------------------------------------------------------------------- whom it concerns, before the click


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
        assert answer.status_code in {403, 404}
    assert not is_paused(consent)


# --------------------------------------------------------------------------------------------- until when, the second time


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


def test_without_a_renewal_nobody_can_choose_the_end_of_before(weber: User, discharge_client: Client) -> None:
    browser = builders.browser(weber)
    asked = screen(browser, discharge_client, scope="staff:read")
    assert decides(browser, asked, until=["so_far"]).status_code == 400
