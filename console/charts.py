"""Numbers for the plots: tokens issued and refusals for each day, from the trail."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.utils import timezone

from agents.trail.kinds import Kind
from agents.trail.models import Event, EventQuerySet, Outcome
from agents.trail.search import SKEW, issued

TWO_WEEKS = 14


@dataclass(frozen=True, slots=True)
class DayCount:
    """One day, in the reader's time zone."""

    date: date
    issued: int
    refused: int


def first_day(now: datetime, days: int = TWO_WEEKS) -> datetime:
    """Return the beginning of the first of these days, of which today is the last, in the reader's time zone."""
    today = timezone.localtime(now).date()
    return timezone.make_aware(datetime.combine(today - timedelta(days=days - 1), time()))


def events_since(moment: datetime) -> EventQuerySet:
    """Return the events since this moment, by number where one is known: the indexes of the trail end in it.

    The last token issued before then (``event_issued_by_time``) gives the number. Numbers are given in the order of
    writing, a little out of step with time, so the time stays a condition too.
    """
    number = issued().filter(at__lt=moment).order_by("-at").values_list("pk", flat=True).first()
    found = Event.objects.filter(at__gte=moment)
    return found if number is None else found.filter(pk__gte=max(0, number - SKEW))


def tokens_by_day(*, now: datetime, agent_id: uuid.UUID | None = None, days: int = TWO_WEEKS) -> list[DayCount]:
    """Return tokens issued and refusals for each of the last days, of one agent or of all; days without any too."""
    since = first_day(now, days)
    found = events_since(since).filter(Q(kind=Kind.TOKEN_ISSUED) | Q(outcome=Outcome.REFUSED))
    if agent_id is not None:
        found = found.filter(agent_id=agent_id)
    rows = (
        found.order_by()
        .annotate(day=TruncDate("at", tzinfo=timezone.get_current_timezone()))
        .values_list("day", "outcome")
        .annotate(number=Count("pk"))
    )
    counts: Counter[tuple[date, bool]] = Counter()
    for day, outcome, number in rows:
        counts[day, outcome == Outcome.REFUSED] += number
    start = timezone.localtime(since).date()
    listed = (start + timedelta(days=offset) for offset in range(days))
    return [DayCount(day, counts[day, False], counts[day, True]) for day in listed]
