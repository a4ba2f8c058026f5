"""Sweeps of this floor: write down what has ended, and delete what nobody can use any more.

Nothing here takes access away: what is past its date is refused when it is used, with every worker dead. So a sweep may
come late, run twice at once and be killed anywhere. Each thing is written down in a transaction of its own, by whoever
marks it; dead rows go in small batches by their keys. ``now`` and ``batch`` (rows at a time) are passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import models, transaction

from agents import lifecycle
from agents.actors import Actor
from agents.models import Agent, Credential, EndWarning, OneTimeLink, Session, State
from agents.own_reasons import OwnReason
from agents.trail.kinds import Kind
from agents.trail.record import record
from agents.trail.refusals import close_minutes

Sweep = Callable[..., int]
"""Takes ``now`` and ``batch``, returns how many rows it dealt with."""
WARNINGS_KEPT_FOR = timedelta(days=30)


def retire_ended_agents(*, now: datetime, batch: int = 100) -> int:
    """Retire the agents whose end date has passed. Returns how many. Records ``agent.retired`` for each, automatic."""
    due = Agent.objects.exclude(state=State.RETIRED).filter(ends_at__lte=now)
    retired = 0
    for agent_id in keys_in_order(due, "ends_at", batch):
        with transaction.atomic():
            # Asked again under the lock: its owner may have moved the end, another worker may have been here.
            agent = due.select_for_update(skip_locked=True).filter(pk=agent_id).first()
            if agent is not None:
                lifecycle.retire(agent, reason=OwnReason.END_DATE_PASSED, by=Actor.system(), now=now)
                retired += 1
    return retired


def end_credentials(*, now: datetime, batch: int = 200) -> int:
    """Write down which keys are past their end date. Returns how many. Records ``credential.ended`` for each."""
    due = Credential.objects.filter(revoked_at=None, ended_recorded_at=None, ends_at__lte=now)
    ended = 0
    for credential_id in keys_in_order(due, "ends_at", batch):
        with transaction.atomic():
            if due.filter(pk=credential_id).update(ended_recorded_at=now):
                credential = Credential.objects.select_related("client").get(pk=credential_id)
                record(
                    Kind.CREDENTIAL_ENDED,
                    by=Actor.system(),
                    now=now,
                    credential_id=credential.pk,
                    client_id=credential.client_id,
                    agent_id=credential.client.agent_id if credential.client else None,
                    resource_id=credential.resource_id,
                    handle=credential.handle,
                )
                ended += 1
    return ended


def end_links(*, now: datetime, batch: int = 200) -> int:
    """Write down which set-up links and invitations ended unused. Returns how many. Records ``link.ended`` for each."""
    due = OneTimeLink.objects.unused().filter(ended_recorded_at=None, ends_at__lte=now)
    ended = 0
    for link_id in keys_in_order(due, "ends_at", batch):
        with transaction.atomic():
            if due.filter(pk=link_id).update(ended_recorded_at=now):
                kind = OneTimeLink.objects.values_list("kind", flat=True).get(pk=link_id)
                record(Kind.LINK_ENDED, by=Actor.system(), now=now, link=link_id, kind=kind)
                ended += 1
    return ended


def close_refusal_minutes(*, now: datetime, batch: int = 500) -> int:
    """Turn finished minutes of many refusals into one event each. Returns how many counters ended."""
    return close_minutes(now=now, batch=batch)


def delete_dead_sessions(*, now: datetime, batch: int = 500) -> int:
    """Delete sessions that have run out. Returns how many."""
    return delete_in_batches(Session.objects.filter(expire_date__lte=now), by="expire_date", batch=batch)


def delete_old_warnings(*, now: datetime, batch: int = 500) -> int:
    """Delete what was remembered of warnings whose end date is long past. Returns how many."""
    return delete_in_batches(EndWarning.objects.filter(ends_at__lt=now - WARNINGS_KEPT_FOR), by="ends_at", batch=batch)


def delete_in_batches(rows: models.QuerySet[Any], *, by: str, batch: int) -> int:
    """Delete these rows and no others, a batch of keys at a time, in the order of the column that an index serves.

    Rows that somebody holds locked are left for the next sweep (PostgreSQL; SQLite has one writer at a time). Raises
    ProtectedError where another table still points to a row: nothing cascades.
    """
    deleted = 0
    while True:
        with transaction.atomic():
            held = rows.select_for_update(skip_locked=True)
            keys = list(held.order_by(by, "pk").values_list("pk", flat=True)[:batch])
            if keys:
                rows.filter(pk__in=keys).delete()
        deleted += len(keys)
        if len(keys) < batch:
            return deleted


def batches(keys: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yield the keys in lists of this size."""
    walk = iter(keys)
    while batch := list(islice(walk, size)):
        yield batch


def keys_in_order(due: models.QuerySet[Any], column: str, batch: int) -> Iterator[Any]:
    """Yield the keys of all due rows, read a batch at a time. A row that stays due is passed once, not for ever."""
    last: tuple[Any, Any] | None = None
    while True:
        rows = due
        if last is not None:
            when, key = last
            # The first condition says less than the second and is the one that an index can begin at.
            rows = due.filter(**{f"{column}__gte": when}).filter(
                models.Q(**{f"{column}__gt": when}) | models.Q(**{column: when, "pk__gt": key})
            )
        page = list(rows.order_by(column, "pk").values_list(column, "pk")[:batch])
        for _, key in page:
            yield key
        if len(page) < batch:
            return
        last = page[-1]


SWEEPS: dict[str, Sweep] = {
    "agents retired": retire_ended_agents,
    "credentials ended": end_credentials,
    "links ended": end_links,
    "refusal counters closed": close_refusal_minutes,
    "sessions deleted": delete_dead_sessions,
    "warnings forgotten": delete_old_warnings,
}
"""Every sweep of this floor but for the warnings (``agents/warnings.py``), by what it has done."""
