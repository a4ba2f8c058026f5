"""The first use that was refused because access was taken away: seen once for each revocation, narrowing or suspension.

The change leaves its event's number with the consent or agent (``stop_event``). Whoever takes the number away first
writes down how long it took, so the question costs one look at a row, and only where a use is refused anyway.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.db import Error as DatabaseFault
from django.db import transaction

from agents.actors import Actor
from agents.models import Agent, Event
from agents.trail.kinds import Kind
from agents.trail.record import record
from consent.models import Consent

BY_CONSENT = frozenset({"consent_revoked", "consent_paused", "nothing_left"})
BY_AGENT = frozenset({"agent_not_active"})
"""Why a token is worth nothing (``Worth.refusal``), where a change of the consent or of the agent took it away."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RefusedUse:
    """A use that met a change: of which consent or agent, with which token, at which resource.

    consent_id is empty where the agent as a whole is refused; client_id alone names the organisation's consents of it.
    """

    agent_id: uuid.UUID | None = None
    consent_id: uuid.UUID | None = None
    client_id: uuid.UUID | None = None
    token_id: uuid.UUID | None = None
    resource_id: uuid.UUID | None = None


def observe(use: RefusedUse, *, refusal: str, by: Actor, now: datetime) -> None:
    """Write down that a change was seen to count, if it is the first refusal after it. In the caller's transaction.

    Records ``revocation.observed`` with the seconds since the change.
    """
    if use.consent_id is not None:
        _observe_consents(Consent.objects.filter(pk=use.consent_id), use, refusal, by, now)
    elif use.client_id is not None:
        mine = Consent.objects.filter(client=use.client_id, user=None, stop_event__isnull=False)
        _observe_consents(mine.exclude(revoked_at=None, paused_at=None), use, refusal, by, now)
    elif use.agent_id is not None:
        number = Agent.objects.filter(pk=use.agent_id).values_list("stop_event", flat=True).first()
        if number and Agent.objects.filter(pk=use.agent_id, stop_event=number).update(stop_event=None):
            _record(number, use, refusal, by, now)


def observe_refused_request(use: RefusedUse, *, refusal: str, by: Actor, now: datetime) -> None:
    """As ``observe``, in a transaction of its own after the refused work has rolled back. Never raises for the database."""
    try:
        with transaction.atomic(durable=True):
            observe(use, refusal=refusal, by=by, now=now)
    except DatabaseFault:
        log.exception("revocation_not_observed")


def _observe_consents(consents: Any, use: RefusedUse, refusal: str, by: Actor, now: datetime) -> None:
    for consent_id, user_id, number in consents.values_list("pk", "user_id", "stop_event"):
        if number and Consent.objects.filter(pk=consent_id, stop_event=number).update(stop_event=None):
            _record(number, use, refusal, by, now, consent_id=consent_id, user_id=user_id)


def _record(number: int, use: RefusedUse, refusal: str, by: Actor, now: datetime, **ids: Any) -> None:
    stop = Event.objects.filter(pk=number).first()
    if stop is None:
        return
    record(
        Kind.REVOCATION_OBSERVED,
        by=by,
        now=now,
        agent_id=stop.agent_id,
        client_id=use.client_id,
        token_id=use.token_id,
        resource_id=use.resource_id,
        purpose_digest=stop.purpose_digest,
        of=stop.pk,
        change=stop.kind,
        refusal=refusal,
        # The refused request may have begun a moment before the change was through.
        seconds=max(0.0, round((now - stop.at).total_seconds(), 3)),
        **ids,
    )
