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
from django.db.models import Case, F, Q, When

from agents.actors import Actor, ActorKind
from agents.trail.kinds import Kind
from agents.trail.models import Outcome, RefusalCount
from agents.trail.record import EventFacts, event_facts, text_digest, write

TOLD_SINGLY = 20
"""Refusals a minute of one (kind, reason, client, who, agent for a person, source) that get an event each."""
TOLD_OF_A_PERSON = 200
"""The same of one (kind, reason, person, source), about whatever agents they are."""
TOLD_OF_A_STRANGER = 200
"""The same of one (kind, reason, source) where nobody proved who they are, whatever clients and people they name.

Among them are programs that registered themselves, of which anybody can make many (``Client`` without an agent).
"""
SAID = ("kind", "reason_code", "actor_kind", "actor_id", "user_id", "client_id", "agent_id", "address_digest")
"""What a row says of its refusals."""
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
    told = event_facts(kind, by=by, now=now, outcome=Outcome.REFUSED, reason_code=reason_code, **facts)
    try:
        with transaction.atomic(durable=True):
            if _is_told_singly(told, by):
                write(told)
    except DatabaseFault:
        log.exception("refusal_not_recorded", kind=kind.value, reason_code=reason_code)


def _is_told_singly(refusal: EventFacts, by: Actor) -> bool:
    """Count the refusal and return whether it gets an event of its own.

    Each person has a share of their own for each agent, and each whom a stranger tries to be: a flood hides nobody but its
    maker, and of theirs only what is about the same agent. Both can name many, so all their shares together have a limit too.
    """
    facts, source = refusal.columns, source_of(by.address)
    kind, code, who = facts["kind"], facts["reason_code"], _who(by, facts["user_id"])
    about = facts["agent_id"] if by.kind == ActorKind.USER else None
    if _count(refusal, _key(kind, code, facts["client_id"], who, source, about=about)) > TOLD_SINGLY:
        return False
    is_anybodys = by.kind == ActorKind.CLIENT and facts["agent_id"] is None
    if is_anybodys or (by.kind == ActorKind.ANONYMOUS and (who or facts["client_id"])):
        wide, limit = _key(kind, code, None, "anybody", source), TOLD_OF_A_STRANGER
    elif about is not None:
        wide, limit = _key(kind, code, None, f"{who} about anything", source), TOLD_OF_A_PERSON
    else:
        return True
    return _count(refusal, wide, limit=limit) <= limit


def _who(by: Actor, user_id: uuid.UUID | None) -> uuid.UUID | None:
    """Return whose share a refusal is: of whoever proved who they are, or of whom a stranger tried to be."""
    if by.kind in (ActorKind.USER, ActorKind.RESOURCE):
        return by.id
    return user_id if by.kind == ActorKind.ANONYMOUS else None


def _count(refusal: EventFacts, source: str, *, limit: int = TOLD_SINGLY) -> int:
    """Add one to the row of this minute and return the number it then has. limit: how many are told elsewhere."""
    facts = refusal.columns
    minute = facts["at"].replace(second=0, microsecond=0)
    row = RefusalCount.objects.filter(minute=minute, source=source)
    one_more: dict[str, Any] = {"count": F("count") + 1}
    for name in ("user_id", "client_id", "agent_id"):
        same = Q(**{name: facts[name]}) if facts[name] is not None else Q(**{f"{name}__isnull": True})
        one_more[name] = Case(When(same, then=F(name)), default=None)
    if row.update(**one_more) == 0:
        said = {name: facts[name] for name in SAID}
        RefusalCount.objects.bulk_create(
            [RefusalCount(minute=minute, source=source, count=0, told=limit, **said)],
            ignore_conflicts=True,  # two first refusals at once: both go on to count themselves
        )
        row.update(**one_more)
    return row.values_list("count", flat=True).get()


def _key(
    kind: str,
    reason_code: str,
    client_id: uuid.UUID | None,
    who: uuid.UUID | str | None,
    source: str,
    *,
    about: uuid.UUID | None = None,
) -> str:
    agent = f"|{about}" if about else ""
    return text_digest("source", f"{kind}|{reason_code}|{client_id or ''}|{who or ''}|{source}{agent}", None)


def refused_this_minute(
    kind: Kind, *, reason_code: str, client_id: uuid.UUID | None, address: str, now: datetime
) -> int:
    """Return how many refusals of this kind this source has had within the current minute."""
    told = RefusalCount.objects.filter(
        minute=now.replace(second=0, microsecond=0),
        source=_key(kind.value, reason_code[:60], client_id, None, source_of(address)),
    )
    return told.values_list("count", flat=True).first() or 0


def close_minutes(*, now: datetime, batch: int = 500) -> int:
    """Turn each finished minute that went past a limit into one event with its count. Returns how many rows ended.

    Safe twice at once: whoever deletes the row writes its event.
    """
    ended = 0
    last = now.replace(second=0, microsecond=0) - timedelta(minutes=1)
    while True:
        rows = list(RefusalCount.objects.filter(minute__lt=last).order_by("minute", "source")[:batch])
        for row in rows:
            with transaction.atomic():
                deleted, _ = RefusalCount.objects.filter(pk=row.pk).delete()
                if deleted and row.count > row.told:
                    facts = event_facts(
                        Kind.REFUSALS_COUNTED,
                        by=Actor(ActorKind(row.actor_kind), row.actor_id),
                        now=now,
                        outcome=Outcome.REFUSED,
                        reason_code=row.reason_code,
                        user_id=row.user_id,
                        client_id=row.client_id,
                        agent_id=row.agent_id,
                        kind=row.kind,
                        count=row.count - row.told,
                        minute=row.minute,
                    )
                    facts.columns["address_digest"] = row.address_digest
                    write(facts)
                ended += deleted
        if len(rows) < batch:
            return ended
