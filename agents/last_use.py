"""When agents, clients, credentials and consents were last used. Noted apart from what decides access."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

import structlog
from django.db import Error as DatabaseFault
from django.db import transaction

from agents.models import LastUse

log = structlog.get_logger(__name__)
AT_MOST_EVERY = timedelta(minutes=1)
MOST_REMEMBERED = 10_000

# What this process noted lately: it only saves statements. Another process, or a forgetful one, notes once more.
_noted: dict[uuid.UUID, datetime] = {}


def last_used(ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, datetime]:
    """Return when each of these was last used, to the minute. What was never used is not in the answer."""
    wanted = set(ids)
    if not wanted:
        return {}
    return dict(LastUse.objects.filter(pk__in=wanted).values_list("subject_id", "used_at"))


def note_use(ids: Iterable[uuid.UUID | None], now: datetime) -> None:
    """Note that these were used now, in one statement; each at most once a minute from one process.

    The ids are sorted, so that two requests at once take the rows in the same order and cannot deadlock.
    """
    due = sorted({subject for subject in ids if subject is not None and _is_due(subject, now)})
    if not due:
        return
    LastUse.objects.bulk_create(
        [LastUse(subject_id=subject, used_at=now) for subject in due],
        update_conflicts=True,
        unique_fields=["subject_id"],
        update_fields=["used_at"],
    )
    # Only what was really written counts as noted: a transaction that rolls back takes the row with it.
    transaction.on_commit(partial(_remember, due, now))


def note_use_if_possible(ids: Iterable[uuid.UUID | None], now: datetime) -> None:
    """Note a use after the answer is certain, and let a database that cannot write now pass.

    The token is out and its event stands: an error here would make the client ask again with a code that is used.
    """
    try:
        note_use(ids, now)
    except DatabaseFault:
        log.warning("last_use_not_noted", exc_info=True)


def _is_due(subject: uuid.UUID, now: datetime) -> bool:
    before = _noted.get(subject)
    return before is None or abs(now - before) >= AT_MOST_EVERY


def _remember(subjects: list[uuid.UUID], now: datetime) -> None:
    if len(_noted) > MOST_REMEMBERED:
        _noted.clear()
    for subject in subjects:
        _noted[subject] = now
