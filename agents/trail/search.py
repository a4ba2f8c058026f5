"""Search in the trail: newest first, in pages that go on from an event's number, fast with a million events.

A search is a set of *branches*, each served by one index in the order of the numbers, of which an event must match
one, and *further conditions* that it must match too. The newest of each branch are merged. Where further conditions
could make the walk long, it goes over at most ``FURTHEST`` numbers and says how far it came, so that no combination
of filters can hold a page (or the database) for seconds.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db import connection
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL

from agents.models.agent import Agent, Ownership
from agents.models.client import Client
from agents.models.user import Role, User
from agents.trail.groups import kinds_of
from agents.trail.models import Event, EventQuerySet, EventText, Outcome

PAGE = 50
COUNTED = 1_000
"""Up to here the matches are counted; beyond it is "more than"."""
FEW = 2_000
NEAREST, FURTHEST = 20_000, 300_000
"""How many event numbers the first and the last look of one page go over, where no index answers all conditions."""
SKEW = 10_000
"""Numbers are given when an event is written, its time when the request began: by so many they may be out of step."""
MOST_PURPOSES, MOST_NAMES, MOST_BRANCHES = 50, 10, 300
_REFUSED = "\"outcome\" = 'refused'"
_ISSUED = "\"kind\" = 'token.issued'"


@dataclass(frozen=True, slots=True)
class Search:
    """What somebody looks for. Empty members ask for nothing; ``since`` and ``until`` are moments in UTC."""

    words: str = ""
    outcome: str = ""
    data_class: str = ""
    group: str = ""
    """A ``Group``, or the name of one kind."""
    since: datetime | None = None
    until: datetime | None = None
    agent: uuid.UUID | None = None
    person: uuid.UUID | None = None
    """Acted for or concerned (``user_id``), or acting themselves."""
    client: uuid.UUID | None = None
    consent: uuid.UUID | None = None
    resource: uuid.UUID | None = None
    token: uuid.UUID | None = None
    request: uuid.UUID | None = None


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


@dataclass(frozen=True, slots=True)
class _Plan:
    branches: list[Q]
    further: Q = field(default_factory=Q)
    times: Q = field(default_factory=Q)
    is_walk_short: bool = True
    lowest: int = 0
    highest: int | None = None
    matches_nothing: bool = False


def find_events(
    search: Search, *, viewer: User, before: int | None = None, after: int | None = None, size: int = PAGE
) -> Found:
    """Return one page of the events that match and that the viewer may read.

    before, after: the event number that the page ends or starts next to (keyset paging); neither for the newest.
    """
    plan = _plan(search, viewer)
    if plan.matches_nothing:
        return Found([], count=0)
    if after is not None:
        return _newer_page(plan, after, size)
    return _older_page(plan, before, size)


def _older_page(plan: _Plan, before: int | None, size: int) -> Found:
    top = min(n for n in (before, plan.highest, _newest() + 1) if n is not None)
    ids: list[int] = []
    low = top
    for span in _spans(plan):
        high, low = low, plan.lowest if span is None else max(plan.lowest, top - span)
        ids += _ids(plan, low, high, size + 1 - len(ids), newest_first=True)
        if len(ids) > size or low <= plan.lowest:
            break
    has_more = len(ids) > size
    stopped_at = low if low > plan.lowest and not has_more else None
    ids = ids[:size]
    older = ids[-1] if has_more else stopped_at
    newer = (ids[0] if ids else before - 1) if before is not None else None
    return Found(_events(ids), older, newer, _count(plan), stopped_at)


def _newer_page(plan: _Plan, after: int, size: int) -> Found:
    top = plan.highest if plan.highest is not None else _newest() + 1
    ids: list[int] = []
    high = start = after + 1
    for span in _spans(plan):
        low, high = high, top if span is None else min(top, start + span)
        ids += _ids(plan, low, high, size + 1 - len(ids), newest_first=False)
        if len(ids) > size or high >= top:
            break
    newer = ids[size - 1] if len(ids) > size else (high - 1 if high < top else None)
    ids = sorted(ids[:size], reverse=True)
    return Found(_events(ids), ids[-1] if ids else after + 1, newer, _count(plan))


def _spans(plan: _Plan) -> tuple[int | None, ...]:
    return (None,) if plan.is_walk_short else (NEAREST, FURTHEST)


def _newest() -> int:
    return Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def _events(ids: list[int]) -> list[Event]:
    found = Event.objects.in_bulk(ids) if ids else {}
    return [found[number] for number in ids if number in found]


# ------------------------------------------------------------------------------------------------ the plan of a search


def _plan(search: Search, viewer: User) -> _Plan:
    indexed, is_narrow = _indexed(search)
    further = _unindexed(search)
    if search.words:
        found, is_exact = _branches_of_words(search.words)
        if not found:
            return _Plan([], matches_nothing=True)
        # Words narrow it further than an agent or a kind does, and less than a token or a consent.
        indexed = [*indexed, found] if is_narrow else [found, *indexed]
        is_narrow = is_narrow or is_exact
    branches = indexed[0] if indexed else []
    for alternatives in indexed[1:]:
        further &= reduce(or_, alternatives)
    branches, further = _visible(branches, further, search, viewer)
    lowest, highest = (0, None) if is_narrow else numbers_between(search.since, search.until)
    times = Q(at__gte=search.since) if search.since else Q()
    times &= Q(at__lt=search.until) if search.until else Q()
    is_walk_short = is_narrow or not further or (bool(branches) and _hold_few(branches))
    return _Plan(branches, further, times, is_walk_short, lowest, highest)


def _indexed(search: Search) -> tuple[list[list[Q]], bool]:
    """Return the filters that an index answers, as alternatives, the one that narrows most first; and whether it is narrow.

    Narrow means that few events stand behind it, so that no further condition makes the walk long.
    """
    found = [
        [Q(**{name: value})]
        for name, value in (
            ("token_id", search.token),
            ("request_id", search.request),
            ("consent_id", search.consent),
        )
        if value
    ]
    is_narrow = bool(found)
    agent = search.agent or (_agent_of(search.client) if search.client else None)
    if agent:
        found.append([Q(agent_id=agent)])
    if search.person:
        found.append(_of_person(search.person))
    if search.group:
        found.append([Q(kind=kind) for kind in kinds_of(search.group)] or [Q(pk__in=[])])
    if search.outcome == Outcome.REFUSED:
        found.append([Q(_literally(_REFUSED))])
    return found, is_narrow


def _agent_of(client: uuid.UUID) -> uuid.UUID | None:
    """Return the agent that the client belongs to: there is an index by agent, and none by client."""
    return Client.objects.filter(pk=client).values_list("agent_id", flat=True).first()


def _unindexed(search: Search) -> Q:
    """Return the filters that no index answers."""
    further = Q()
    if search.client:
        further &= Q(client_id=search.client)
    if search.resource:
        further &= Q(resource_id=search.resource)
    if search.data_class:
        further &= Q(data_class=search.data_class)
    if search.outcome and search.outcome != Outcome.REFUSED:
        further &= Q(outcome=search.outcome)
    return further


def _branches_of_words(words: str) -> tuple[list[Q], bool]:
    """Return the branches of what somebody typed (a number, an id, words of a purpose, a name), and whether it was a number or id."""
    words = words.replace("\0", " ").strip()
    compact = re.sub(r"[\s,.'’]", "", words)
    if compact.isascii() and compact.isdigit():
        return ([Q(pk=int(compact))] if len(compact) <= 18 else []), True
    try:
        identifier = uuid.UUID(words)
    except ValueError:
        return _purposes(words) + _names(words), False
    columns = ("token_id", "request_id", "consent_id", "agent_id")
    return [Q(**{column: identifier}) for column in columns] + _of_person(identifier), True


def _purposes(words: str) -> list[Q]:
    texts = EventText.objects.filter(kind="purpose")
    for word in words.split()[:8]:
        texts = texts.filter(text__icontains=word)
    # Ids sort by time: the purposes of the newest consents come first.
    digests = texts.order_by("-subject_id").values_list("digest", flat=True)[:MOST_PURPOSES]
    return [Q(purpose_digest=digest) for digest in digests]


def _names(words: str) -> list[Q]:
    agents = Agent.objects.filter(name__icontains=words).values_list("pk", flat=True)[:MOST_NAMES]
    people = User.objects.filter(Q(name__icontains=words) | Q(email__iexact=words)).values_list("pk", flat=True)
    clients = Client.objects.filter(Q(name__icontains=words) | Q(client_id=words), agent__isnull=False)
    return [
        *(Q(agent_id=agent_id) for agent_id in agents),
        *(branch for user_id in people[:MOST_NAMES] for branch in _of_person(user_id)),
        *(
            Q(agent_id=agent_id, client_id=client_id)
            for client_id, agent_id in clients.values_list("pk", "agent_id")[:MOST_NAMES]
        ),
    ]


def _visible(branches: list[Q], further: Q, search: Search, viewer: User) -> tuple[list[Q], Q]:
    """Add what the viewer may read (``EventQuerySet.visible_to``): as branches where there are none yet."""
    if viewer.role in {Role.ADMINISTRATOR, Role.AUDITOR}:
        return branches, further
    mine = list(Ownership.objects.live().filter(user=viewer).values_list("agent_id", flat=True))
    if search.agent in mine:
        return branches, further
    own = _of_person(viewer.pk)
    if branches or len(mine) > MOST_BRANCHES:
        return branches, further & reduce(or_, own, Q(agent_id__in=mine))
    return [*own, *(Q(agent_id=agent_id) for agent_id in mine)], further


def _of_person(user_id: uuid.UUID) -> list[Q]:
    return [Q(user_id=user_id), Q(_literally("\"actor_kind\" = 'user'"), actor_id=user_id)]


def _literally(condition: str) -> RawSQL:
    """Write a condition out instead of passing its value: SQLite uses a partial index only where it can read it."""
    return RawSQL(condition, (), output_field=BooleanField())  # noqa: S611  # constants of this file only


# ------------------------------------------------------------------------------------------------------- asking for it


def _ids(plan: _Plan, low: int, high: int, limit: int, *, newest_first: bool) -> list[int]:
    """Return the numbers of the first events in [low, high) that match."""
    return [row[0] for row in _merged(plan, low, high, limit, newest_first=newest_first)]


def _count(plan: _Plan) -> int | None:
    if not plan.is_walk_short:
        return None
    return _merged(plan, plan.lowest, plan.highest, COUNTED + 1, newest_first=True, counting=True)[0][0]


def _hold_few(branches: list[Q]) -> bool:
    """Whether so few events stand behind the branches that all of them can be looked at."""
    counted = _merged(_Plan(branches), 0, None, FEW + 1, newest_first=True, counting=True)[0][0]
    return counted <= FEW


def _merged(
    plan: _Plan, low: int, high: int | None, limit: int, *, newest_first: bool, counting: bool = False
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


def numbers_between(since: datetime | None, until: datetime | None) -> tuple[int, int | None]:
    """Return the numbers between which the events of a time stand, with room for those out of step."""
    lowest, highest = 0, None
    if since:
        first = [rows.filter(at__gte=since).order_by("at").values_list("pk", flat=True).first() for rows in _by_time()]
        found = [number for number in first if number is not None]
        lowest = max(0, min(found) - SKEW) if found else _newest() + 1
    if until:
        last = [rows.filter(at__lt=until).order_by("-at").values_list("pk", flat=True).first() for rows in _by_time()]
        found = [number for number in last if number is not None]
        highest = max(found) + SKEW if found else 0
    return lowest, highest


def _by_time() -> Sequence[EventQuerySet]:
    """Return the two halves of the trail that have an index by time."""
    return issued(), Event.objects.filter(_literally(f"NOT ({_ISSUED})"))


def issued() -> EventQuerySet:
    """Return the events of issued tokens, in the form that the index by time serves (``event_issued_by_time``)."""
    return Event.objects.filter(_literally(f"NOT (NOT ({_ISSUED}))"))


def refused() -> EventQuerySet:
    """Return the refusals, in the form that their index serves (``event_refused``)."""
    return Event.objects.filter(_literally(_REFUSED))
