"""A consent of the organisation that has drifted while nobody answers for it: one thing is to be done, and it is looking."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents import people, resources
from agents.actors import Actor
from agents.models import Client, Role, Scope, User
from agents.trail.kinds import Kind
from consent import mandate, sweeps
from consent.errors import NothingToConfirm
from consent.models import Consent
from consent.models.consent_queries import PAUSES_AFTER
from tests import builders, grants
from tests.consent.drift.steps import path
from tests.forms import main_form, text_of
from tests.grants import TokenClient

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
DAY = timedelta(days=1)


@pytest.fixture
def nora(mara: User) -> User:
    """The other administrator."""
    return builders.person("Nora Weiss", Role.ADMINISTRATOR)


@pytest.fixture
def given(claims_client: Client, look_up_staff: Scope, mara: User) -> Consent:
    """Mara allowed it for the organisation, for three months."""
    return grants.consent(claims_client, scopes=[look_up_staff], user=None, by=mara, life=90 * DAY)


def mara_leaves(mara: User, nora: User) -> None:
    people.deactivate(mara, reason="Left.", by=builders.actor(nora), now=timezone.now())


def reword(scope: Scope, by: User) -> None:
    resources.reword_scope(scope, title="Look up everybody", detail="", by=builders.actor(by), now=timezone.now())


def confirm(given: Consent, by: User) -> None:
    mandate.confirm(given.pk, reason="Still needed.", by=Actor.person(by), now=timezone.now())


def is_one_of(given: Consent, name: str) -> bool:
    return getattr(Consent.objects, name)(timezone.now()).filter(pk=given.pk).exists()


@pytest.mark.parametrize("first", ["leaves", "rewords", "leaves, is swept, rewords"])
def test_it_waits_to_be_looked_at_and_confirming_does_not_end_that(
    mara: User, nora: User, given: Consent, look_up_staff: Scope, first: str
) -> None:
    if first == "rewords":
        reword(look_up_staff, nora)
        mara_leaves(mara, nora)
    else:
        mara_leaves(mara, nora)
        if "swept" in first:
            with time_machine.travel(timezone.now() + PAUSES_AFTER):
                assert sweeps.pause_consents(now=timezone.now()) == 1
        reword(look_up_staff, nora)
    with time_machine.travel(timezone.now() + PAUSES_AFTER + DAY):
        assert sweeps.pause_consents(now=timezone.now()) == 0
        given.refresh_from_db()
        assert (given.waits_to_be_looked_at, given.waits_for_an_answer) == (True, False)
        assert (is_one_of(given, "drifted"), is_one_of(given, "unanswered")) == (True, False)
        with pytest.raises(NothingToConfirm) as refused:
            confirm(given, nora)
        assert "Look at the change" in refused.value.sentence
        given.refresh_from_db()
        assert given.status(timezone.now()) == "paused"
        assert not builders.events(Kind.CONSENT_CONFIRMED)


def test_who_agrees_answers_for_it_from_then_on(
    mara: User, nora: User, given: Consent, look_up_staff: Scope, claims: TokenClient
) -> None:
    mara_leaves(mara, nora)
    reword(look_up_staff, nora)
    browser = builders.browser(nora)
    assert claims.act_alone().json()["error"] == "unauthorized_client"
    browser.post(path(given), {**main_form(browser.get(path(given))), "decision": "allow"})
    with time_machine.travel(timezone.now() + PAUSES_AFTER + DAY):
        fresh = Consent.objects.live(timezone.now()).get()
        assert (fresh.answerable, fresh.waits_for_an_answer) == (nora, False)
        assert claims.act_alone().status_code == 200


def test_the_page_and_the_list_of_what_waits_offer_one_thing(
    mara: User, nora: User, given: Consent, look_up_staff: Scope
) -> None:
    mara_leaves(mara, nora)
    reword(look_up_staff, nora)
    browser = builders.browser(nora)
    page = text_of(browser.get(given.get_absolute_url()))
    assert "Look at the change…" in page
    assert "Confirm…" not in page
    assert "its wording changed" in page
    assert "Paused since" not in page
    overview = text_of(browser.get("/"))
    assert "Look at the change" in overview
    assert "Confirm or not" not in overview


def test_one_that_only_waits_for_an_answer_offers_no_change_to_look_at(mara: User, nora: User, given: Consent) -> None:
    mara_leaves(mara, nora)
    with time_machine.travel(timezone.now() + PAUSES_AFTER + DAY):
        sweeps.pause_consents(now=timezone.now())
        browser = builders.browser(nora)
        page = text_of(browser.get(given.get_absolute_url()))
        assert "Confirm…" in page
        assert "Look at the change" not in page
        assert "something changed" not in page
        confirm(given, nora)
        assert is_one_of(given, "live")
