"""What counts once. The unique constraint decides who was first, under any number of tries at once."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from agents.database.statements import changed_by, turn_to_write
from agents.ids import uuid7
from consent.models import UsedOnce

USE_STATEMENT = """
    INSERT INTO consent_usedonce (id, kind, digest, used_at, ends_at) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (kind, digest) DO NOTHING
"""
"""Of many at once one inserts; the others wait until it has committed, and then insert nothing."""


class UsedAlready(Exception):
    """Somebody was faster."""


def use_once(kind: str, thing: str, *, now: datetime, life: timedelta) -> None:
    """Use the thing up within the caller's transaction: if that rolls back, it is unused again.

    life: for how long the thing could be presented again; afterwards it is refused for its age.
    Raises UsedAlready. A second one at the same time waits until the first has committed or rolled back.
    """
    if life <= timedelta():
        raise UsedAlready(kind)  # its time is over, and a row could not say so
    with turn_to_write():
        first = changed_by(USE_STATEMENT, [uuid7(), kind, _digest(thing), now, now + life])
    if not first:
        raise UsedAlready(kind)


def was_used(kind: str, thing: str) -> bool:
    """Whether it was used up already. For a better sentence only: ``use_once`` is what decides."""
    return UsedOnce.objects.filter(kind=kind, digest=_digest(thing)).exists()


def _digest(thing: str) -> str:
    return hashlib.sha256(thing.encode()).hexdigest()
