"""Numbers for the plot of one agent. Those of all agents together are counted in ``agents/trail/days.py``."""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import date, datetime, time, timedelta

from django.db.models import Count, Q
from django.db.models.functions import TruncDate
from django.utils import timezone

from agents.trail.days import Day
from agents.trail.indexes import numbers_between
from agents.trail.kinds import Kind
from agents.trail.models import Event, EventQuerySet, Outcome

TWO_WEEKS = 14


def first_day(now: datetime, days: int = TWO_WEEKS) -> datetime:
    """Return the beginning of the first of these days, of which today is the last, in the reader's time zone."""
    today = timezone.localtime(now).date()
    return timezone.make_aware(datetime.combine(today - timedelta(days=days - 1), time()))


def events_of(agent_id: uuid.UUID, since: datetime) -> EventQuerySet:
    """Return the events of an agent since this moment: a range of ``event_by_agent``, whatever lies before it."""
    lowest, _ = numbers_between(since, None)
    return Event.objects.of_agent(agent_id).filter(pk__gte=lowest, at__gte=since)


def tokens_by_day(agent_id: uuid.UUID, *, now: datetime, days: int = TWO_WEEKS) -> list[Day]:
    """Return tokens issued and refusals of an agent for each of the last days, also of days without any."""
    since = first_day(now, days)
    rows = (
        events_of(agent_id, since)
        .filter(Q(kind=Kind.TOKEN_ISSUED) | Q(outcome=Outcome.REFUSED))
        .order_by()
        .annotate(day=TruncDate("at", tzinfo=timezone.get_current_timezone()))
        .values_list("day", "outcome")
        .annotate(number=Count("pk"))
    )
    counts: Counter[tuple[date, bool]] = Counter()
    for day, outcome, number in rows:
        counts[day, outcome == Outcome.REFUSED] += number
    start = timezone.localtime(since).date()
    listed = (start + timedelta(days=offset) for offset in range(days))
    return [Day(day, counts[day, False], counts[day, True]) for day in listed]
