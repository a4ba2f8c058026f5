"""What a change of consents would stop, said before it is made. What it stopped is said by ``consent/clock.py``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from agents.last_use import last_used
from agents.models import Resource
from agents.promises import when_it_counts
from consent.consent_events import live_tokens
from consent.models import AccessToken, Consent


@dataclass(frozen=True, slots=True)
class AtResource:
    """A resource, and when a change counts there."""

    resource: Resource
    promise: str


@dataclass(frozen=True, slots=True)
class Preview:
    """tokens: access tokens that are out. below: live consents that were derived from it, for agents it passed work to.

    others: live consents that other people gave the same agent.
    """

    tokens: int
    below: int
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
        below=Consent.objects.live(now).below([consent.pk]).count(),
        last_used=last_used([consent.pk]).get(consent.pk),
        places=places_of(resources),
        promise=when_it_counts(resources),
        others=Consent.objects.effective(now).filter(agent=consent.agent_id).exclude(pk=consent.pk).count(),
    )


def tokens_of(consents: Iterable[Consent], now: datetime) -> int:
    """Return how many access tokens are out under all of these, and under what was passed on from them."""
    ids = [consent.pk for consent in consents]
    below = Consent.objects.below(ids).values("pk")
    return AccessToken.objects.out(now).filter(Q(consent__in=ids) | Q(consent__in=below)).count()
