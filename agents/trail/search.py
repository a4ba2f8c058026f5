"""Search in the trail: newest first, in pages that go on from an event's number, fast with a million events.

A search is a set of *branches*, each served by one index in the order of the numbers, of which an event must match
one, and *further conditions* that it must match too (``plan.py``). The newest of each branch are merged. Where further
conditions could make the walk long, it goes over at most ``FURTHEST`` numbers and says how far it came, so that no
combination of filters can hold a page (or the database) for seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.db import connection
from django.db.models import Q

from agents.models.user import User
from agents.trail.indexes import newest_number
from agents.trail.models import Event
from agents.trail.plan import Plan, Search, plan_of

PAGE = 50
COUNTED = 1_000
"""Up to here the matches are counted; beyond it is "more than"."""
FEW = 2_000
NEAREST, FURTHEST = 20_000, 100_000
"""How many event numbers the first and the last look of one page go over, where no index answers all conditions."""


@dataclass(frozen=True, slots=True)
class Found:
    """One page of events, newest first.

    older, newer: the numbers from which the neighbouring pages go on, or None where there is none.
    count: how many match, at most ``COUNTED + 1``; None where counting would take a long walk.
    looked_back_to: the number down to which the walk came without filling the page; None when it saw everything.
    """

    events: list[Event]
    older: int | None = None
    newer: int | None = None
    count: int | None = None
    looked_back_to: int | None = None


def find_events(
    search: Search, *, viewer: User, before: int | None = None, after: int | None = None, size: int = PAGE
) -> Found:
    """Return one page of the events that match and that the viewer may read.

    before, after: the event number that the page ends or starts next to (keyset paging); neither for the newest.
    """
    plan = plan_of(search, viewer)
    if plan.matches_nothing:
        return Found([], count=0)
    is_short = _is_walk_short(plan)
    page = _newer_page(plan, after, size, is_short) if after is not None else _older_page(plan, before, size, is_short)
    return replace(page, count=_count(plan)) if is_short else page


def _older_page(plan: Plan, before: int | None, size: int, is_short: bool) -> Found:
    top = min(n for n in (before, plan.highest, newest_number() + 1) if n is not None)
    ids: list[int] = []
    low = top
    for span in _spans(plan, is_short):
        high, low = low, plan.lowest if span is None else max(plan.lowest, top - span)
        ids += _ids(plan, low, high, size + 1 - len(ids), newest_first=True)
        if len(ids) > size or low <= plan.lowest:
            break
    has_more = len(ids) > size
    stopped_at = low if low > plan.lowest and not has_more else None
    ids = ids[:size]
    older = ids[-1] if has_more else stopped_at
    newer = (ids[0] if ids else before - 1) if before is not None else None
    return Found(_events(ids), older, newer, looked_back_to=stopped_at)


def _newer_page(plan: Plan, after: int, size: int, is_short: bool) -> Found:
    top = plan.highest if plan.highest is not None else newest_number() + 1
    ids: list[int] = []
    high = start = after + 1
    for span in _spans(plan, is_short):
        low, high = high, top if span is None else min(top, start + span)
        ids += _ids(plan, low, high, size + 1 - len(ids), newest_first=False)
        if len(ids) > size or high >= top:
            break
    newer = ids[size - 1] if len(ids) > size else (high - 1 if high < top else None)
    ids = sorted(ids[:size], reverse=True)
    return Found(_events(ids), ids[-1] if ids else after + 1, newer)


def _spans(plan: Plan, is_short: bool) -> tuple[int | None, ...]:
    if is_short:
        return (None,)
    return (NEAREST, FURTHEST // 2 if plan.looks_up_words else FURTHEST)


def _is_walk_short(plan: Plan) -> bool:
    """Whether an index leads to what matches, or so few events stand behind the branches that all can be looked at."""
    return plan.is_narrow or not plan.further or (bool(plan.branches) and _hold_few(plan.branches))


def _events(ids: list[int]) -> list[Event]:
    found = Event.objects.in_bulk(ids) if ids else {}
    return [found[number] for number in ids if number in found]


def _ids(plan: Plan, low: int, high: int, limit: int, *, newest_first: bool) -> list[int]:
    """Return the numbers of the first events in [low, high) that match."""
    return [row[0] for row in _merged(plan, low, high, limit, newest_first=newest_first)]


def _count(plan: Plan) -> int:
    return _merged(plan, plan.lowest, plan.highest, COUNTED + 1, newest_first=True, counting=True)[0][0]


def _hold_few(branches: list[Q]) -> bool:
    """Whether so few events stand behind the branches that all of them can be looked at."""
    counted = _merged(Plan(branches), 0, None, FEW + 1, newest_first=True, counting=True)[0][0]
    return counted <= FEW


def _merged(
    plan: Plan, low: int, high: int | None, limit: int, *, newest_first: bool, counting: bool = False
) -> list[tuple[int]]:
    """Merge the first rows of each branch. Django cannot slice the parts of a union on SQLite, so it is put together here."""
    parts: list[str] = []
    values: list[Any] = []
    order = "-pk" if newest_first else "pk"
    numbers = Q(pk__gte=low) if low else Q()
    numbers &= Q(pk__lt=high) if high is not None else Q()
    for branch in plan.branches or [Q()]:
        rows = Event.objects.filter(branch, plan.further, plan.times, numbers).order_by(order).values("pk")[:limit]
        if rows.query.is_empty():
            continue
        sql, params = rows.query.sql_with_params()
        parts.append(f"SELECT * FROM ({sql}) AS branch")  # noqa: S608  # compiled by the ORM, values apart
        values += params
    if not parts:
        return [(0,)] if counting else []
    direction = "DESC" if newest_first else "ASC"
    statement = f"SELECT * FROM ({' UNION '.join(parts)}) AS merged ORDER BY 1 {direction} LIMIT {int(limit)}"  # noqa: S608  # the parts above
    if counting:
        statement = f"SELECT COUNT(*) FROM ({statement}) AS counted"  # noqa: S608  # the parts above
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


__all__ = ["COUNTED", "PAGE", "Found", "Search", "find_events"]
