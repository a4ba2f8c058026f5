"""Forgetting programs that registered themselves and that nobody ever used, so that they do not fill the table.

MCP clients register once for each installation, and most of these never come back. One that somebody adopted, took as a
personal agent, asked for or reported is never forgotten here, however long ago that was.

Where many wait, somebody is filling the table, and once it is full no program can register any more: then those that stay
unused go after hours and not after weeks.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from agents.actors import Actor
from agents.models import AdoptionAsk, Client, Credential, FetchedKeys, Source
from agents.programs.self_registered import MOST_WAITING
from agents.sweeps import keys_in_order
from agents.trail.kinds import Kind
from agents.trail.record import record
from consent.models import Consent, PushedRequest, Report

MANY = MOST_WAITING // 2
KEPT_AMONG_MANY = timedelta(hours=2)
"""People who connect a program do so within minutes."""


def never_used(now: datetime) -> QuerySet[Client]:
    """Return the clients that registered so long ago and were never used. A refused document stays, as its own block."""
    of_client = OuterRef("pk")
    in_the_way = [
        Exists(rows.filter(client=of_client))
        for rows in (
            Consent.objects.all(),
            Report.objects.all(),
            PushedRequest.objects.all(),
            AdoptionAsk.objects.open(),
        )
    ]
    found = Client.objects.self_registered().filter(
        Q(ended_at=None) | Q(registration_source=Source.DCR),
        agent=None,
        personal_since=None,
        created__lte=now - _kept_for(),
    )
    for used in in_the_way:
        found = found.exclude(used)
    return found


def _kept_for() -> timedelta:
    waiting = Client.objects.unclaimed().filter(personal_since=None).order_by()[:MANY].count()
    usual: timedelta = settings.UNUSED_CLIENTS_KEPT_FOR
    return usual if waiting < MANY else min(usual, KEPT_AMONG_MANY)


def forget_unused_clients(*, now: datetime, batch: int = 200) -> int:
    """Delete them, each in a transaction of its own. Returns how many. Records ``client.swept`` for each."""
    due, forgotten = never_used(now), 0
    for client_id in keys_in_order(due, "created", batch):
        with transaction.atomic():
            # Asked again under the lock: somebody may have adopted it, another worker may have been here.
            client = due.select_for_update(of=("self",), skip_locked=True).filter(pk=client_id).first()
            if client is None:
                continue
            for rows in (Credential.objects, FetchedKeys.objects, AdoptionAsk.objects):
                rows.filter(client=client).delete()
            record(
                Kind.CLIENT_SWEPT,
                by=Actor.system(),
                now=now,
                client_id=client.pk,
                name=client.name,
                source=str(client.registration_source),
                host=client.document_host,
            )
            client.delete()
            forgotten += 1
    return forgotten
