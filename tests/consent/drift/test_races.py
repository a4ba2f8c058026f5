"""Somebody decides while what they decide about is changed: whichever is first, nothing is used under words nobody read."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from agents import agent_scopes, clients, resources
from agents.models import Agent, Client, Scope, User
from consent import decision, mandate
from consent.errors import OfferChanged
from consent.models import Consent
from tests import builders
from tests.services.parallel import at_once, one_then_the_other

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.engine]
ROUNDS = 10


@pytest.fixture
def approves(weber: User, discharge_client: Client, see_appointments: Scope) -> Callable[[], Consent]:
    """Weber agrees to what he read a moment ago."""
    approval = mandate.Approval(
        client=discharge_client,
        user=weber,
        scopes={see_appointments: see_appointments.wording},
        purpose="Letters",
        ends_at=timezone.now() + timedelta(days=1),
        shown={"client": {"redirect_uris": discharge_client.redirect_uris.split()}},
        redirect_host="app.st-anna.example",
    )
    return lambda: mandate.approve(approval, by=builders.actor(weber), now=timezone.now())


@pytest.fixture(params=["reword", "reclassify", "redirect", "require"])
def changes(
    request: pytest.FixtureRequest,
    mara: User,
    discharge_assistant: Agent,
    discharge_client: Client,
    see_appointments: Scope,
) -> Callable[[], Any]:
    """Somebody changes what Weber read."""
    by = builders.actor(mara)
    scopes = frozenset(row.scope for row in discharge_assistant.agent_scopes.filter(ended_at=None))
    required = frozenset({see_appointments})
    elsewhere = ["https://elsewhere.example/callback"]
    return {
        "reword": lambda: resources.reword_scope(
            see_appointments, title="See all appointments", detail="", by=by, now=timezone.now()
        ),
        "reclassify": lambda: resources.change_scope(see_appointments, access="delete", by=by, now=timezone.now()),
        "redirect": lambda: clients.change(discharge_client, redirect_uris=elsewhere, by=by, now=timezone.now()),
        "require": lambda: agent_scopes.set_scopes(
            discharge_assistant, scopes=scopes, required=required, by=by, now=timezone.now()
        ),
    }[request.param]


def test_changed_first_who_decides_looks_again(approves: Callable[[], Any], changes: Callable[[], Any]) -> None:
    assert isinstance(one_then_the_other(changes, approves), OfferChanged)
    assert not Consent.objects.exists()


def test_decided_first_it_pauses_with_the_change(approves: Callable[[], Any], changes: Callable[[], Any]) -> None:
    assert one_then_the_other(approves, changes) is None
    assert Consent.objects.get().waits_to_be_looked_at


def test_at_the_same_moment_it_is_one_of_the_two(approves: Callable[[], Any], changes: Callable[[], Any]) -> None:
    outcome = at_once(2, lambda number: (approves, changes)[number]())
    assert outcome.raised_only(OfferChanged), outcome.raised
    live = Consent.objects.live(timezone.now()).count()
    assert live == 0
    assert Consent.objects.count() == 2 - len(outcome.raised) - 1


def test_agreed_to_while_the_words_change_once_more_nobody_waits_for_nobody(
    weber: User, mara: User, discharge_client: Client, see_appointments: Scope
) -> None:
    by = builders.actor(mara)
    given = builders.consent(weber, discharge_client, [see_appointments])
    for number in range(ROUNDS):
        words = f"See your appointments {number}"
        resources.reword_scope(see_appointments, title=words, detail="", by=by, now=timezone.now())
        see_appointments.refresh_from_db()
        approval = mandate.Approval(
            client=discharge_client,
            user=weber,
            scopes={see_appointments: Scope.objects.get(pk=see_appointments.pk).wording},
            purpose=given.purpose,
            ends_at=timezone.now() + timedelta(days=1),
        )
        acts: list[Callable[[], Any]] = [
            partial(
                decision.renew,
                given.pk,
                approval,
                form_nonce=secrets.token_hex(),
                by=builders.actor(weber),
                now=timezone.now(),
            ),
            partial(
                resources.reword_scope, see_appointments, title=f"{words}, all", detail="", by=by, now=timezone.now()
            ),
        ]
        outcome = at_once(2, lambda number, acts=acts: acts[number]())
        assert outcome.raised_only(OfferChanged), outcome.raised
        given = Consent.objects.standing().get()
        assert given.waits_to_be_looked_at
