"""What a change of a consent would stop, said before it is made; and what a revocation stopped, said afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.last_use import last_used
from agents.models import Event, Resource
from agents.promises import when_it_counts
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from consent.mandate import live_tokens
from consent.models import AccessToken, Consent


@dataclass(frozen=True, slots=True)
class AtResource:
    """A resource, and when a change counts there."""

    resource: Resource
    promise: str


@dataclass(frozen=True, slots=True)
class Preview:
    """tokens: access tokens that are out. others: live consents that other people gave the same agent."""

    tokens: int
    last_used: datetime | None
    places: list[AtResource]
    promise: str
    others: int


def places_of(resources: Iterable[Resource]) -> list[AtResource]:
    """Return these resources with the promise of each."""
    return [AtResource(resource, when_it_counts(resource)) for resource in resources]


def preview_of(consent: Consent, now: datetime) -> Preview:
    """Return what would stop if this consent ended now."""
    resources = consent.resources(now)
    return Preview(
        tokens=live_tokens(consent, now),
        last_used=last_used([consent.pk]).get(consent.pk),
        places=places_of(resources),
        promise=when_it_counts(resources),
        others=Consent.objects.effective(now).filter(agent=consent.agent_id).exclude(pk=consent.pk).count(),
    )


def tokens_of(consents: Iterable[Consent], now: datetime) -> int:
    """Return how many access tokens are out under all of these."""
    return AccessToken.objects.out(now).filter(consent__in=[consent.pk for consent in consents]).count()


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a revocation did. refused: the first use that was refused afterwards, if there was one yet.

    settled: whether every resource refuses what was out by now. promise: when the slowest does.
    """

    at: datetime
    tokens: int
    places: list[AtResource]
    promise: str
    settled: bool
    reason_digest: str
    refused: Event | None

    @property
    def refused_after(self) -> float:
        """Seconds from the revocation to the first refused use."""
        return (self.refused.at - self.at).total_seconds() if self.refused else 0.0


FIRST_REFUSALS = (Kind.INTROSPECTION_INACTIVE, Kind.TOKEN_REFUSED)


def stopped_by(consent: Consent, now: datetime) -> Stopped | None:
    """Return what the revocation of this consent stopped, as the trail has it. None while it is not revoked."""
    if consent.revoked_at is None:
        return None
    told = Event.objects.filter(consent_id=consent.pk, at__gte=consent.revoked_at)
    revoked = told.filter(kind=Kind.CONSENT_REVOKED).order_by("pk").first()
    refused = told.filter(kind__in=FIRST_REFUSALS, outcome=Outcome.REFUSED).order_by("pk").first()
    resources = {row.scope.resource for row in consent.consent_scopes.all()}
    tokens = int((revoked.detail or {}).get("live_tokens", 0)) if revoked else 0
    slowest = max((resource.effect_delay for resource in resources), default=timedelta(0))
    return Stopped(
        at=consent.revoked_at,
        tokens=tokens,
        places=places_of(sorted(resources, key=lambda resource: resource.name)),
        promise=when_it_counts(resources),
        settled=tokens == 0 or consent.revoked_at + slowest <= now,
        reason_digest=revoked.reason_digest if revoked else "",
        refused=refused,
    )
