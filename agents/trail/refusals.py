"""Refusals as events: told singly up to a limit, then counted, so that nobody can fill the disk with them.

The border that turns a domain error into an answer records it here, after the refused work has rolled back and
in a transaction of its own. A refusal stays a refusal if that fails (decisions.md, The trail).
"""

from __future__ import annotations

import ipaddress
import uuid
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import structlog
from django.db import Error as DatabaseFault
from django.db import transaction
from django.db.models import F

from agents.actors import Actor
from agents.trail.kinds import Kind
from agents.trail.models import Outcome, RefusalCount
from agents.trail.record import event_facts, text_digest, write

TOLD_SINGLY = 20
"""Refusals a minute of one (kind, reason, client, source) that get an event each."""
log = structlog.get_logger(__name__)


@lru_cache(maxsize=4_096)
def source_of(address: str) -> str:
    """Return what counts as one source: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def record_refusal(kind: Kind, /, *, reason_code: str, by: Actor, now: datetime, **facts: Any) -> None:
    """Record one refusal, or count it where its source has had its share of this minute.

    Never raises for a database that cannot write: the refusal itself must stand.
    """
    try:
        with transaction.atomic(durable=True):
            if _count(kind, reason_code, by, now, facts.get("client_id"), facts.get("agent_id")) <= TOLD_SINGLY:
                write(event_facts(kind, by=by, now=now, outcome=Outcome.REFUSED, reason_code=reason_code, **facts))
    except DatabaseFault:
        log.exception("refusal_not_recorded", kind=kind.value, reason_code=reason_code)


def _count(
    kind: Kind, reason_code: str, by: Actor, now: datetime, client_id: uuid.UUID | None, agent_id: uuid.UUID | None
) -> int:
    """Add one to the source's row of this minute and return the number it then has."""
    minute, source = now.replace(second=0, microsecond=0), _source(kind, reason_code, client_id, by.address)
    told = RefusalCount.objects.filter(minute=minute, source=source)
    if told.update(count=F("count") + 1) == 0:
        RefusalCount.objects.bulk_create(
            [
                RefusalCount(
                    minute=minute,
                    source=source,
                    count=0,
                    kind=kind.value,
                    reason_code=reason_code[:60],
                    client_id=client_id,
                    agent_id=agent_id,
                    address_digest=text_digest("address", by.address, by.id),
                )
            ],
            ignore_conflicts=True,  # two first refusals at once: both go on to count themselves
        )
        told.update(count=F("count") + 1)
    return told.values_list("count", flat=True).get()


def _source(kind: Kind, reason_code: str, client_id: uuid.UUID | None, address: str) -> str:
    return text_digest("source", f"{kind.value}|{reason_code}|{client_id or ''}|{source_of(address)}", None)


def refused_this_minute(
    kind: Kind, *, reason_code: str, client_id: uuid.UUID | None, address: str, now: datetime
) -> int:
    """Return how many refusals of this kind this source has had within the current minute."""
    told = RefusalCount.objects.filter(
        minute=now.replace(second=0, microsecond=0), source=_source(kind, reason_code, client_id, address)
    )
    return told.values_list("count", flat=True).first() or 0


def close_minutes(*, now: datetime, batch: int = 500) -> int:
    """Turn each finished minute that went past the limit into one event with its count. Returns how many rows ended.

    Safe twice at once: whoever deletes the row writes its event.
    """
    ended = 0
    last = now.replace(second=0, microsecond=0) - timedelta(minutes=1)
    while True:
        rows = list(RefusalCount.objects.filter(minute__lt=last).order_by("pk")[:batch])
        for row in rows:
            with transaction.atomic():
                deleted, _ = RefusalCount.objects.filter(pk=row.pk).delete()
                if deleted and row.count > TOLD_SINGLY:
                    facts = event_facts(
                        Kind.REFUSALS_COUNTED,
                        by=Actor.system(),
                        now=now,
                        outcome=Outcome.REFUSED,
                        reason_code=row.reason_code,
                        client_id=row.client_id,
                        agent_id=row.agent_id,
                        kind=row.kind,
                        count=row.count - TOLD_SINGLY,
                        minute=row.minute,
                    )
                    facts.columns["address_digest"] = row.address_digest
                    write(facts)
                ended += deleted
        if len(rows) < batch:
            return ended
