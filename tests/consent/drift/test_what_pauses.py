"""Drift: what people agreed to is different now, so what they allowed pauses until they have seen the difference.

How they agree: test_agreeing.py.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents import agent_scopes, clients, resources
from agents.drift import What
from agents.encryption import decrypt
from agents.errors import InvalidInput
from agents.models import Agent, Client, DataClass, OutgoingMail, Scope, User
from agents.trail.kinds import Kind
from consent import drift, mandate
from consent.errors import OfferChanged
from consent.models import Consent
from tests import builders, grants
from tests.consent.asking import allows, answer_of, opens
from tests.consent.drift.steps import change, is_paused, reword
from tests.grants import ResourceServer, TokenClient

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
INACTIVE = {"active": False}


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
