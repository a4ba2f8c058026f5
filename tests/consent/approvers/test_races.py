"""Of many approvers at once one decides; and the person who takes it back at that moment either does or does not."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from agents.errors import Refused
from agents.models import Client, Role, Scope, User
from agents.trail.kinds import Kind
from consent import approvers
from consent.models import Consent, PendingConsent
from tests import builders
from tests.builders import actor
from tests.ruling import waits

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.engine]


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
            lambda: approvers.withdraw(waiting.pk, by=actor(weber), now=timezone.now()),
        ]
    )
    assert done.count(True) == 1
    said = PendingConsent.objects.get().said
    assert (said, Consent.objects.count()) in {("agreed", 1), ("withdrawn", 0)}
