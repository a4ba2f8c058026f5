"""Owners are warned 14, 3 and 1 days before something of theirs ends: an event each, and one mail for all of a sweep.

A warning is given once (``EndWarning``), also with two workers at once. Whoever comes late gives the nearest one only,
and what was never to last longer than the days ahead is not warned of at all.
"""

from __future__ import annotations

import uuid
import zoneinfo
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Exists, F, OuterRef, Prefetch, Q

from agents.actors import Actor
from agents.addresses import page_address
from agents.mail import send_later
from agents.models import Agent, Credential, EndWarning, Ownership, State, User
from agents.trail.kinds import Kind
from agents.trail.record import record

LEADS = (1, 3, 14)
"""Days before the end, the nearest first."""
MOST_LINES = 20
"""In one mail. What is beyond is counted: the pages list it."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Something that ends soon, as its owner is told. subject: ``agent``, ``credential`` or ``consent``."""

    id: uuid.UUID
    subject: str
    name: str
    ends_at: datetime
    days: int
    address: str
    readers: tuple[User, ...]
    facts: dict[str, Any] = field(default_factory=dict)
    """Ids for the event."""
    pauses: bool = False
    """Whether it only pauses then, until somebody confirms it."""


Describe = Callable[[Any, int], Ending]


def warn_of_agents(*, now: datetime, batch: int = 200) -> int:
    """Warn owners of agents that end soon. Returns how many warnings. Records ``agent.owner_warned`` for each."""
    agents = (
        Agent.objects.filter(personal_of=None).exclude(state=State.RETIRED).prefetch_related(owners_at("ownerships"))
    )
    return warn(agents, starts="created_at", describe=_agent_ending, now=now, batch=batch)


def warn_of_credentials(*, now: datetime, batch: int = 200) -> int:
    """Warn owners of agents, and administrators for resources, of keys that end soon. As ``warn_of_agents``."""
    credentials = (
        Credential.objects.filter(revoked_at=None, ended_recorded_at=None)
        .filter(Q(client=None, resource__ended_at=None) | Q(client__agent__isnull=False, client__ended_at=None))
        .exclude(client__agent__state=State.RETIRED)
        .select_related("client__agent", "resource")
        .prefetch_related(owners_at("client__agent__ownerships"))
    )
    return warn(credentials, starts="starts_at", describe=_credential_ending, now=now, batch=batch)


def owners_at(path: str) -> Prefetch[str]:
    """Return what fetches the live ownerships of a whole page of rows at once, as ``Agent.owner`` reads them."""
    live = Ownership.objects.live().select_related("user")
    return Prefetch(path, queryset=live, to_attr="live_ownership_list")


def warn(
    rows: models.QuerySet[Any], *, starts: str, describe: Describe, now: datetime, batch: int, ends: str = "ends_at"
) -> int:
    """Give each warning that is due for these rows and was not given yet. Returns how many were.

    starts, ends: the columns from which their life counts and to which. The rows are taken in the order of their end, so that two workers
    at once meet at the same row and one of them gives way.
    """
    given = 0
    for after, days in pairwise((0, *LEADS)):
        told = EndWarning.objects.filter(subject_id=OuterRef("pk"), days=days, ends_at=OuterRef(ends))
        due = rows.filter(
            ~Exists(told),
            **{
                f"{ends}__gt": now + timedelta(days=after),
                f"{ends}__lte": now + timedelta(days=days),
                f"{starts}__lt": F(ends) - timedelta(days=days),
            },
        ).order_by(ends, "pk")
        while page := list(due[:batch]):
            given += _warn_of([describe(row, days) for row in page], now)
            if len(page) < batch:
                break
    return given


@transaction.atomic
def _warn_of(endings: Iterable[Ending], now: datetime) -> int:
    """Give these warnings, each unless another worker was faster, and write one mail to each reader."""
    mails: dict[uuid.UUID, tuple[User, list[Ending]]] = {}
    given = 0
    for ending in endings:
        _, is_first = EndWarning.objects.get_or_create(
            subject_id=ending.id, days=ending.days, ends_at=ending.ends_at, defaults={"warned_at": now}
        )
        if not is_first:
            continue
        given += 1
        record(
            Kind.OWNER_WARNED,
            by=Actor.system(),
            now=now,
            **ending.facts,
            subject=ending.subject,
            days=ending.days,
            ends_at=ending.ends_at,
        )
        for reader in ending.readers:
            mails.setdefault(reader.pk, (reader, []))[1].append(ending)
    for reader, lines in mails.values():
        _write_to(reader, lines, now)
    return given


def _write_to(reader: User, endings: list[Ending], now: datetime) -> None:
    zone = _zone_of(reader)
    send_later(
        "owner_warned",
        reader.email,
        {
            "name": reader.display_name,
            "count": len(endings),
            "endings": [(ending, ending.ends_at.astimezone(zone)) for ending in endings[:MOST_LINES]],
            "more": max(0, len(endings) - MOST_LINES),
            "zone": str(zone),
        },
        now=now,
    )


def _agent_ending(agent: Agent, days: int) -> Ending:
    owner = agent.owner
    return Ending(
        id=agent.pk,
        subject="agent",
        name=agent.name,
        ends_at=_end_of(agent),
        days=days,
        address=page_address("agent", agent.pk),
        readers=readers_of(agent),
        facts={"agent_id": agent.pk, "user_id": owner.pk if owner else None},
    )


def _credential_ending(credential: Credential, days: int) -> Ending:
    client = credential.client
    if client is not None and client.agent is not None:
        agent, owner = client.agent, client.agent.owner
        name, address, readers = f"{agent.name}, {client.name}", page_address("agent", agent.pk), readers_of(agent)
        facts = {"agent_id": agent.pk, "client_id": client.pk, "user_id": owner.pk if owner else None}
    else:
        name = credential.resource.name if credential.resource else ""
        address = page_address("resource", credential.resource_id) if credential.resource_id else settings.ISSUER
        readers, facts = tuple(User.objects.administrators()), {"resource_id": credential.resource_id}
    return Ending(
        id=credential.pk,
        subject="credential",
        name=f"{name} ({credential})",
        ends_at=_end_of(credential),
        days=days,
        address=address,
        readers=readers,
        facts={**facts, "credential_id": credential.pk},
    )


def readers_of(agent: Agent) -> tuple[User, ...]:
    """Return who is told about an agent: its owner; administrators where nobody answers for it any more."""
    owner = agent.owner
    if owner is not None and owner.is_active:
        return (owner,)
    return tuple(User.objects.administrators())


def _end_of(row: Agent | Credential) -> datetime:
    if row.ends_at is None:
        raise TypeError("what has no end is not warned of")
    return row.ends_at


def _zone_of(reader: User) -> tzinfo:
    try:
        return zoneinfo.ZoneInfo(reader.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return UTC
