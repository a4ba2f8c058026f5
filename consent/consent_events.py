"""What the trail tells of a change of a consent, whoever makes it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from agents.actors import Actor
from agents.models import Scope
from agents.trail.kinds import Kind
from agents.trail.record import record, text_digest
from consent.client_metadata import canonical
from consent.models import AccessToken, Consent


def record_change(kind: Kind, consent: Consent, *, by: Actor, now: datetime, **facts: Any) -> int:
    """Record what happened to a consent, beside whose it is, and return the event's number."""
    facts.setdefault("purpose_digest", "" if facts.get("purpose") else consent.purpose_digest)
    return record(
        kind,
        by=by,
        now=now,
        agent_id=consent.agent_id,
        client_id=consent.client_id,
        consent_id=consent.pk,
        user_id=consent.user_id,
        **facts,
    )


def names(scopes: Iterable[Scope]) -> list[str]:
    """Return the scopes' names, sorted, for an event."""
    return sorted(scope.name for scope in scopes)


def live_tokens(consent: Consent, now: datetime) -> int:
    """Return how many access tokens under this consent have not run out."""
    return AccessToken.objects.out(now).filter(consent=consent).count()


def shown_digest(consent: Consent) -> str:
    """Return the keyed digest of the words shown, by which the trail vouches for them. Empty where none were kept."""
    return text_digest("shown", canonical(consent.shown).decode(), consent.pk) if consent.shown else ""
