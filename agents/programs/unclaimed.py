"""Unclaimed clients, put together by software: identical registrations are one thing to decide about.

Put together by what a program says of itself, so this is for display and for deciding in one step, never for believing.
What Mandate verified is the host of a document, and the initial access token that a program registered with.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, Q, QuerySet

from agents.models import AdoptionAsk, Agent, Client, State
from agents.programs.registration import without_free_port
from agents.redirects import hosts_of


@dataclass(frozen=True, slots=True)
class Software:
    """All unclaimed registrations of one program. newest: the one by which it is shown.

    people: how many have it as a personal agent. asks: how many wait for an administrator's word.
    """

    key: str
    newest: Client
    clients: int
    since: datetime
    people: int
    asks: int
    changed: int

    @property
    def name(self) -> str:
        return self.newest.name or self.newest.client_id

    @property
    def hosts(self) -> list[str]:
        """Where people would return to."""
        return sorted(hosts_of(self.newest.redirect_uris.split()))

    @property
    def software_id(self) -> str:
        return str(self.newest.registered_metadata.get("software_id", ""))


def groups() -> QuerySet[Client, dict[str, object]]:
    """Return the groups as rows of ``values``: who is asked for first, then the newest."""
    asks = Count("asks", filter=Q(asks__answered_at=None, asks__isnull=False), distinct=True)
    found = (
        Client.objects.unclaimed()
        .values("software_key")
        .annotate(
            clients=Count("pk", distinct=True),
            since=Min("created"),
            latest=Max("created"),
            open_asks=asks,
            changed=Count("pk", filter=Q(pending_since__isnull=False), distinct=True),
        )
    )
    return found.order_by("-open_asks", "-latest", "software_key")


def as_software(rows: Iterable[dict[str, Any]]) -> list[Software]:
    """Return these groups with what a page shows of them, in two queries more."""
    rows = list(rows)
    keys = [row["software_key"] for row in rows]
    newest: dict[str, Client] = {}
    latest = Q(pk__in=[])
    for row in rows:
        latest |= Q(software_key=row["software_key"], created=row["latest"])
    for client in Client.objects.unclaimed().filter(latest).select_related("initial_token"):
        newest.setdefault(client.software_key, client)
    personal = Agent.objects.filter(software_key__in=keys, personal_of__isnull=False).exclude(state=State.RETIRED)
    people = dict(personal.values_list("software_key").annotate(n=Count("pk")))
    return [
        Software(
            key=row["software_key"],
            newest=newest[row["software_key"]],
            clients=row["clients"],
            since=row["since"],
            people=people.get(row["software_key"], 0),
            asks=row["open_asks"],
            changed=row["changed"],
        )
        for row in rows
        if row["software_key"] in newest
    ]


def one(key: str) -> Software | None:
    """Return one group, or None where nothing of it is unclaimed."""
    found = as_software(groups().filter(software_key=key)[:1])
    return found[0] if found else None


def open_asks(key: str) -> list[AdoptionAsk]:
    """Return who waits for an administrator's word about this software."""
    rows = AdoptionAsk.objects.open().filter(client__software_key=key).select_related("user", "client")
    return list(rows.order_by("asked_at", "pk")[:50])


def members(key: str) -> QuerySet[Client]:
    """Return its registrations, newest first."""
    return (
        Client.objects.unclaimed().filter(software_key=key).select_related("initial_token").order_by("-created", "-pk")
    )


def scopes_of(asks: Iterable[AdoptionAsk]) -> set[uuid.UUID]:
    """Return the ids of what the people who ask would have it do."""
    return {uuid.UUID(str(scope)) for ask in asks for scope in ask.scopes}


def mark_of(clients: Iterable[Client]) -> str:
    """Return what is different about these registrations, for a form: a program can say another thing while somebody reads.

    One more that is like the others makes no difference.
    """
    said = {
        (
            one.name,
            one.auth_method,
            one.jwks_uri,
            *sorted({without_free_port(uri) for uri in one.redirect_uris.split()}),
        )
        for one in clients
    }
    return hashlib.sha256(json.dumps(sorted(said), ensure_ascii=True).encode()).hexdigest()
