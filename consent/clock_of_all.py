"""The clock of *Stop all*: one for everything that somebody revoked at that moment, with each consent's own first refusal."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from django.utils.translation import ngettext

from agents.models import Event, User
from agents.trail.kinds import Kind
from consent.clock import WATCHED_FOR, Clock, after_in_words, clock_over
from consent.models import Consent, ConsentScope

LISTED = 50
"""Consents that a page shows one by one."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """One of the consents: how many tokens were out, and after how many seconds its first refusal was seen, if it was."""

    consent: Consent
    tokens: int
    refused: Event | None

    @property
    def after(self) -> str:
        """In words."""
        return after_in_words(_seconds(self.refused))


@dataclass(frozen=True, slots=True)
class ClockOfAll(Clock):
    """The clock over all of them. each: one by one, those with tokens first. seen: how many were refused so far."""

    each: list[Stopped]
    number: int
    seen: int

    @property
    def more(self) -> int:
        """How many are not listed."""
        return self.number - len(self.each)

    @property
    def mark(self) -> str:
        return f"{self.seen}-{sum(place.counts for place in self.places)}"

    @property
    def what(self) -> str:
        return ngettext("%(n)s consent revoked", "%(n)s consents revoked", self.number) % {"n": self.number}


def clock_of_all(person: User, now: datetime) -> ClockOfAll | None:
    """Return the clock of what this person revoked last of what they allowed, all at one moment. None: they never did.

    Seven queries, however many there are.
    """
    own = Consent.objects.given_by(person).filter(revoked_by=person)
    last = own.order_by("-revoked_at").values_list("revoked_at", flat=True).first()
    if last is None:
        return None
    consents = {row.pk: row for row in own.filter(revoked_at=last).select_related("agent")}
    changes = {
        event.consent_id: event
        for event in Event.objects.filter(kind=Kind.CONSENT_REVOKED, consent_id__in=list(consents), at=last).order_by(
            "pk"
        )
    }
    if not changes:
        return None
    refusals = _refusals(changes)
    each = [
        Stopped(consents[consent_id], _tokens(change), refusals.get(consent_id))
        for consent_id, change in changes.items()
        if consent_id is not None
    ]
    each.sort(key=lambda one: (-one.tokens, str(one.consent.agent.name)))
    first = min(refusals.values(), key=lambda event: event.pk, default=None)
    rows = ConsentScope.objects.filter(consent__in=list(consents)).exclude(ended_at__lte=last)
    clock = clock_over(next(iter(changes.values())), rows, sum(one.tokens for one in each), first, now=now)
    waits = any(one.tokens and one.refused is None for one in each) or not clock.settled
    known = {field.name: getattr(clock, field.name) for field in fields(Clock)}
    return ClockOfAll(
        **{**known, "watched": waits and now < last + WATCHED_FOR},
        each=each[:LISTED],
        number=len(each),
        seen=len(refusals),
    )


def _refusals(changes: Mapping[uuid.UUID | None, Event]) -> dict[uuid.UUID, Event]:
    """Return the first refusal that each change led to, by consent."""
    numbers = {event.pk for event in changes.values()}
    seen = Event.objects.filter(
        kind=Kind.REVOCATION_OBSERVED, consent_id__in=list(changes), pk__gt=min(numbers)
    ).order_by("pk")
    found: dict[uuid.UUID, Event] = {}
    for event in seen:
        if event.consent_id is not None and (event.detail or {}).get("of") in numbers:
            found.setdefault(event.consent_id, event)
    return found


def _tokens(change: Event) -> int:
    tokens = (change.detail or {}).get("live_tokens", 0)
    return tokens if isinstance(tokens, int) else 0


def _seconds(event: Event | None) -> float:
    seconds = (event.detail or {}).get("seconds", 0) if event else 0
    return float(seconds) if isinstance(seconds, int | float) else 0.0
