"""Of many approvers at once one decides; and the person who takes it back at that moment either does or does not."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from agents.errors import Refused
from agents.models import Client, Role, Scope, User
from agents.trail.kinds import Kind
from consent import approvers, mandate, pending
from consent.models import Consent, PendingConsent
from tests import builders
from tests.builders import actor
from tests.ruling import waits
from tests.services.parallel import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.engine]
ROUNDS = 10


def _at_once(tries: list[Callable[[], Any]]) -> list[bool]:
    """Whether each of these came through, all begun together."""

    def attempt(one: Callable[[], Any]) -> bool:
        try:
            one()
        except Refused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(len(tries)) as pool:
        return list(pool.map(attempt, tries))


def test_of_ten_approvers_at_once_one_decides(
    weber: User, mara: User, discharge_client: Client, see_appointments: Scope
) -> None:
    waiting = waits(weber, discharge_client, [see_appointments])
    others = [builders.person(f"Nora {number}", Role.ADMINISTRATOR) for number in range(9)]

    def word(number: int, person: User) -> Callable[[], Any]:
        if number % 2:
            return lambda: approvers.refuse(waiting.pk, reason="No.", by=actor(person), now=timezone.now())
        return lambda: approvers.agree(waiting.pk, by=actor(person), now=timezone.now())

    done = _at_once([word(number, person) for number, person in enumerate([mara, *others])])
    assert done.count(True) == 1
    waiting.refresh_from_db()
    assert Consent.objects.count() == (waiting.said == "agreed")
    said = [*builders.events(Kind.APPROVER_AGREED), *builders.events(Kind.APPROVER_REFUSED)]
    assert len(said) == 1


def test_taken_back_and_agreed_to_at_once_is_one_of_both(
    weber: User, mara: User, discharge_client: Client, see_appointments: Scope
) -> None:
    waiting = waits(weber, discharge_client, [see_appointments])
    done = _at_once(
        [
            lambda: approvers.agree(waiting.pk, by=actor(mara), now=timezone.now()),
            lambda: pending.withdraw(waiting.pk, by=actor(weber), now=timezone.now()),
        ]
    )
    assert done.count(True) == 1
    said = PendingConsent.objects.get().said
    assert (said, Consent.objects.count()) in {("agreed", 1), ("withdrawn", 0)}


def test_two_decisions_for_the_same_at_once_leave_one_that_waits(
    weber: User, discharge_client: Client, see_appointments: Scope
) -> None:
    outcome = at_once(3, lambda _: waits(weber, discharge_client, [see_appointments]))
    assert not outcome.raised
    assert PendingConsent.objects.count() == 3
    assert PendingConsent.objects.open().count() == 1
    assert PendingConsent.objects.filter(said="replaced").count() == 2


def test_everything_stopped_and_agreed_to_at_once_nothing_stands(
    weber: User, mara: User, discharge_client: Client, see_appointments: Scope, look_up_staff: Scope
) -> None:
    for _ in range(ROUNDS):
        builders.consent(weber, discharge_client, [look_up_staff], purpose="Discharge letters, ward 3B")
        waiting = waits(weber, discharge_client, [see_appointments])
        acts: list[Callable[[], Any]] = [
            partial(approvers.agree, waiting.pk, by=actor(mara), now=timezone.now()),
            partial(mandate.revoke_all, weber, reason="Stop.", by=actor(weber), now=timezone.now()),
        ]
        outcome = at_once(2, lambda number, acts=acts: acts[number]())
        assert outcome.raised_only(Refused), outcome.raised
        assert not Consent.objects.standing().exists()
        assert not PendingConsent.objects.open().exists()
