"""What the trail tells of a change of a consent, whoever makes it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q

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
    """Return how many access tokens have not run out: under this consent, and under what was passed on from it."""
    below = Consent.objects.below([consent.pk]).values("pk")
    return AccessToken.objects.out(now).filter(Q(consent=consent) | Q(consent__in=below)).count()


def passing_told(consent: Consent) -> dict[str, Any]:
    """Return what the event of a decision says of passing work on: nothing where that was not allowed."""
    passes = consent.passes
    return {"passes_to": passes.to, "passes_deep": passes.deep} if passes else {}


def shown_digest(consent: Consent) -> str:
    """Return the keyed digest of the words shown, by which the trail vouches for them. Empty where none were kept."""
    return text_digest("shown", canonical(consent.shown).decode(), consent.pk) if consent.shown else ""
