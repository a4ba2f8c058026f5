"""What counts once. The unique constraint decides who was first, under any number of tries at once."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from consent.models import UsedOnce


class UsedAlready(Exception):
    """Somebody was faster."""


def use_once(kind: str, thing: str, *, now: datetime, life: timedelta) -> None:
    """Use the thing up within the caller's transaction: if that rolls back, it is unused again.

    life: for how long the thing could be presented again; afterwards it is refused for its age.
    Raises UsedAlready. A second one at the same time waits until the first has committed or rolled back.
    """
    try:
        with transaction.atomic():  # a savepoint: the caller's transaction stays usable after the conflict
            UsedOnce.objects.create(kind=kind, digest=_digest(thing), used_at=now, ends_at=now + life)
    except IntegrityError as conflict:
        raise UsedAlready(kind) from conflict


def was_used(kind: str, thing: str) -> bool:
    """Whether it was used up already. For a better sentence only: ``use_once`` is what decides."""
    return UsedOnce.objects.filter(kind=kind, digest=_digest(thing)).exists()


def _digest(thing: str) -> str:
    return hashlib.sha256(thing.encode()).hexdigest()
