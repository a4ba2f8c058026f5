"""Conditions in the form that the indexes of the trail serve (``agents/trail/models.py``).

SQLite uses a partial index only where it can read the index's own condition in the query, so these are written out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from agents.trail.models import Event, EventQuerySet

SKEW = 10_000
"""Numbers are given when an event is written, its time when the request began: by so many they may be out of step."""
_REFUSED = "\"outcome\" = 'refused'"
_ISSUED = "\"kind\" = 'token.issued'"
_BY_PERSON = "\"actor_kind\" = 'user'"


def is_refused() -> RawSQL:
    """Return the condition of ``event_refused``."""
    return _literally(_REFUSED)


def is_by_a_person() -> RawSQL:
    """Return the condition of ``event_by_actor``."""
    return _literally(_BY_PERSON)


def issued() -> EventQuerySet:
    """Return the events of issued tokens (``event_issued_by_time``)."""
    return Event.objects.filter(_literally(f"NOT (NOT ({_ISSUED}))"))


def all_but_issued() -> EventQuerySet:
    """Return all other events (``event_by_time``)."""
    return Event.objects.filter(_literally(f"NOT ({_ISSUED})"))


def refused() -> EventQuerySet:
    """Return the refusals (``event_refused``)."""
    return Event.objects.filter(is_refused())


def newest_number() -> int:
    """Return the number of the newest event, or 0."""
    return Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def numbers_between(since: datetime | None, until: datetime | None) -> tuple[int, int | None]:
    """Return the numbers between which the events of a time stand, with room for those out of step."""
    lowest, highest = 0, None
    if since:
        first = [rows.filter(at__gte=since).order_by("at").values_list("pk", flat=True).first() for rows in _by_time()]
        found = [number for number in first if number is not None]
        lowest = max(0, min(found) - SKEW) if found else newest_number() + 1
    if until:
        last = [rows.filter(at__lt=until).order_by("-at").values_list("pk", flat=True).first() for rows in _by_time()]
        found = [number for number in last if number is not None]
        highest = max(found) + SKEW if found else 0
    return lowest, highest


def _by_time() -> Sequence[EventQuerySet]:
    """Return the two halves of the trail that have an index by time."""
    return issued(), all_but_issued()


def _literally(condition: str) -> RawSQL:
    return RawSQL(condition, (), output_field=BooleanField())  # noqa: S611  # constants of this file only
