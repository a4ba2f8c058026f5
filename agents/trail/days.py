"""Tokens issued and refusals for each of the last days, for the plot of the overview. Fast with a million events."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from django.db import connection
from django.db.models import Count, Q, Value
from django.utils import timezone

from agents.trail.indexes import issued, numbers_between, refused


@dataclass(frozen=True, slots=True)
class Day:
    """One day in the page's time zone: how many tokens were issued, how many requests refused."""

    date: date
    issued: int
    refused: int


def last_days(now: datetime, number: int = 14) -> list[Day]:
    """Return the last days, oldest first, today included. At most five queries, however many events there are.

    Floods of refusals are told by their first ones (``agents/trail/refusals.py``): each event counts as one here.
    """
    today = timezone.localtime(now).date()
    dates = [today - timedelta(days=back) for back in reversed(range(number))]
    edges = [_midnight(day) for day in (*dates, today + timedelta(days=1))]
    tokens = _issued(edges)
    refusals = _refused(edges)
    return [Day(*each) for each in zip(dates, tokens, refusals, strict=True)]


def refused_today(now: datetime, agents: Collection[uuid.UUID]) -> int:
    """Count today's refusals of these agents."""
    start = _midnight(timezone.localtime(now).date())
    lowest, _ = numbers_between(start, None)
    return refused().filter(pk__gte=lowest, at__gte=start, agent_id__in=list(agents)).count()


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


def _issued(edges: list[datetime]) -> list[int]:
    """Count each day by itself in one statement, so that every token is walked over once, in the index alone."""
    parts: list[str] = []
    values: list[Any] = []
    for start, end in pairwise(edges):
        rows = issued().filter(at__gte=start, at__lt=end).order_by().values_list(Value(1))
        sql, params = rows.query.sql_with_params()
        parts.append(f"(SELECT COUNT(*) FROM ({sql}) AS day)")  # noqa: S608  # compiled by the ORM, values apart
        values += params
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", values)  # the parts above
        return list(cursor.fetchone())


def _refused(edges: list[datetime]) -> list[int]:
    lowest, _ = numbers_between(edges[0], None)
    days = {
        f"day_{place}": Count("pk", filter=Q(at__gte=start, at__lt=end))
        for place, (start, end) in enumerate(pairwise(edges))
    }
    counted = refused().filter(pk__gte=lowest, at__gte=edges[0]).aggregate(**days)
    return [counted[name] for name in days]
