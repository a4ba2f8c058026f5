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
from agents.models import Agent, Event, State
from agents.trail.kinds import Kind
from agents.trail.record import record
from consent.models import Consent

BY_CONSENT = frozenset({"consent_revoked", "consent_paused", "nothing_left"})
BY_AGENT = frozenset({"agent_not_active"})
"""Why a token is worth nothing (``Worth.refusal``), where a change of the consent or of the agent took it away."""
WORTH_LESS = "worth_less"
"""Not refused, but answered with fewer scopes than the token was issued with."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RefusedUse:
    """A use that met a change: of which consent or agent, with which token, at which resource.

    consent_id is empty where the agent as a whole is refused; client_id alone names the organisation's consents of it.
    missing: the names of the scopes that it went without because the consent holds them no more.
    """

    agent_id: uuid.UUID | None = None
    consent_id: uuid.UUID | None = None
    client_id: uuid.UUID | None = None
    token_id: uuid.UUID | None = None
    resource_id: uuid.UUID | None = None
    missing: frozenset[str] = frozenset()


def observe(use: RefusedUse, *, refusal: str, by: Actor, now: datetime) -> None:
    """Write down that a change was seen to count, if it is the first refusal that it led to. In the caller's transaction.

    Records ``revocation.observed`` with the seconds since the change.
    """
    for stop, consent in _led_here(use):
        ids: dict[str, uuid.UUID | None] = {}
        if consent is None:
            first = Agent.objects.filter(pk__in=[stop.agent_id], stop_event=stop.pk).update(stop_event=None)
        else:
            first = Consent.objects.filter(pk=consent.pk, stop_event=stop.pk).update(stop_event=None)
            ids = {"consent_id": consent.pk, "user_id": consent.user_id}
        if first:
            _record(stop, use, refusal, by, now, **ids)


def observe_apart(use: RefusedUse, *, refusal: str, by: Actor, now: datetime) -> None:
    """As ``observe``, in a transaction of its own: after refused work has rolled back, or beside an answer that stands.

    Never raises for the database: what a client or a resource is told does not wait for it.
    """
    try:
        if not _led_here(use):
            return  # asked without a transaction, which on SQLite would wait for whoever writes
        with transaction.atomic(durable=True):
            observe(use, refusal=refusal, by=by, now=now)
    except DatabaseFault:
        log.exception("revocation_not_observed")


def _led_here(use: RefusedUse) -> list[tuple[Event, Consent | None]]:
    """Return the changes, of these consents or of the agent as a whole, that this use is the first to meet."""
    if use.consent_id is None and use.client_id is None:
        if use.agent_id is None:
            return []
        stopped = Agent.objects.filter(pk=use.agent_id, stop_event__isnull=False).exclude(state=State.ACTIVE)
        return [(stop, None) for stop in Event.objects.filter(pk__in=stopped.values("stop_event"))]
    about = {"pk": use.consent_id} if use.consent_id else {"client": use.client_id, "user": None}
    consents = Consent.objects.filter(stop_event__isnull=False, **about)
    changes = Event.objects.in_bulk([consent.stop_event for consent in consents])
    return [
        (stop, consent)
        for consent in consents
        if (stop := changes.get(consent.stop_event)) is not None and _led_to(stop, consent, use)
    ]


def _led_to(stop: Event, consent: Consent, use: RefusedUse) -> bool:
    """Whether this change is why that use was refused. What merely ran out afterwards proves nothing about it."""
    if stop.kind == Kind.CONSENT_REVOKED:
        return consent.revoked_at is not None
    if stop.kind == Kind.CONSENT_PAUSED:
        return consent.revoked_at is None and consent.waits_to_be_looked_at
    return bool(use.missing & set(stop.scopes.split()))


def _record(stop: Event, use: RefusedUse, refusal: str, by: Actor, now: datetime, **ids: Any) -> None:
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
