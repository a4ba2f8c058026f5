"""The revocation clock: what a change took away, when that counts at each resource, and the first refusal seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from agents.lifecycle import STOPS
from agents.models import Agent, Event, Resource, User
from agents.promises import when_it_counts
from agents.trail.kinds import Kind
from consent.models import AccessToken, Consent, ConsentScope
from consent.observed import WORTH_LESS
from consent.until import life_in_words

WATCHED_FOR = timedelta(minutes=15)
"""For so long after the change a page looks again by itself."""
LONG = 100
"""Seconds after which nobody counts them any more."""
STOPS_OF_CONSENT = (Kind.CONSENT_REVOKED, Kind.CONSENT_NARROWED)
AGENT_STOPS = tuple(move.kind for move in STOPS)


@dataclass(frozen=True, slots=True)
class AtResource:
    """A resource, the promise that was made about it, and when that is kept at the latest: at once if no token was out."""

    resource: Resource
    promise: str
    counts_at: datetime
    counts: bool


@dataclass(frozen=True, slots=True)
class Clock:
    """What one change did. change: its event. refused: the first use refused for it, if one was seen yet.

    settled: whether every resource refuses what was out by now. promise: when the slowest does.
    """

    change: Event
    by: User | None
    tokens: int
    places: list[AtResource]
    promise: str
    settled: bool
    refused: Event | None
    refused_at: Resource | None
    watched: bool

    @property
    def at(self) -> datetime:
        return self.change.at

    @property
    def refused_after(self) -> float:
        """Seconds from the change to the first refused use."""
        seconds = (self.refused.detail or {}).get("seconds", 0) if self.refused else 0
        return float(seconds) if isinstance(seconds, int | float) else 0.0

    @property
    def after(self) -> str:
        """The same in words."""
        return after_in_words(self.refused_after)

    @property
    def only_less(self) -> bool:
        """Whether that use was not refused as a whole, but answered with less than its token was issued with."""
        detail = self.refused.detail if self.refused else None
        return isinstance(detail, dict) and detail.get("refusal") == WORTH_LESS

    @property
    def mark(self) -> str:
        """What tells whether a page that shows it is still true."""
        return f"{self.refused.pk if self.refused else 0}-{sum(place.counts for place in self.places)}"

    @property
    def what(self) -> str:
        """What was done, for a line that goes on with by whom."""
        words = {
            "revoked": _("consent revoked"),
            "narrowed": _("consent narrowed"),
            "suspended": _("agent suspended"),
            "retired": _("agent retired"),
        }
        return words.get(self.done, self.done)

    @property
    def done(self) -> str:
        """What was done, as one word of a closed list: revoked, narrowed, suspended or retired."""
        return self.change.kind.rpartition(".")[2]


def after_in_words(seconds: float) -> str:
    """Say how long it took: to the hundredth of a second, and roughly where it was long."""
    if seconds < LONG:
        return f"{number_format(seconds, 2)} s"
    return life_in_words(timedelta(seconds=seconds))


def clock_of_consent(consent: Consent, now: datetime) -> Clock | None:
    """Return the clock of the last change that took something away from this consent, or None."""
    change = _last(Event.objects.filter(consent_id=consent.pk), STOPS_OF_CONSENT)
    if change is None:
        return None
    rows = ConsentScope.objects.filter(consent=consent)
    if change.kind == Kind.CONSENT_NARROWED:
        rows = rows.filter(ended_at=change.at)
    else:
        rows = rows.filter(Q(ended_at=None) | Q(ended_at__gt=change.at))
    tokens = change.detail.get("live_tokens", 0) if isinstance(change.detail, dict) else 0
    return clock_over(change, rows, tokens if isinstance(tokens, int) else 0, first_refusal_after(change), now=now)


def clock_of_agent(agent: Agent, now: datetime) -> Clock | None:
    """Return the clock of the last suspension or retirement of this agent, or None."""
    change = _last(Event.objects.filter(agent_id=agent.pk), AGENT_STOPS)
    if change is None:
        return None
    consents = Consent.objects.filter(agent=agent, starts_at__lte=change.at, ends_at__gt=change.at)
    consents = consents.filter(Q(revoked_at=None) | Q(revoked_at__gt=change.at))
    consents = consents.filter(Q(superseded_at=None) | Q(superseded_at__gt=change.at))
    rows = ConsentScope.objects.filter(consent__in=consents).filter(Q(ended_at=None) | Q(ended_at__gt=change.at))
    out = AccessToken.objects.filter(consent__in=consents, created__lte=change.at, expires__gt=change.at)
    tokens = out.filter(Q(revoked_at=None) | Q(revoked_at__gt=change.at)).count()
    return clock_over(change, rows, tokens, first_refusal_after(change), now=now)


def _last(events: QuerySet[Event], kinds: Iterable[Kind]) -> Event | None:
    found = events.filter(kind__in=[kind.value for kind in kinds])
    change: Event | None = found.order_by("-pk").first()
    return change


def clock_over(
    change: Event, rows: QuerySet[ConsentScope], tokens: int, refused: Event | None, *, now: datetime
) -> Clock:
    """Return the clock of a change that took these away. tokens: how many were out. refused: the first refusal seen."""
    held = rows.filter(scope__resource=OuterRef("pk"))
    resources = list(Resource.objects.filter(Exists(held)).order_by("name", "pk"))
    slowest = max((resource.effect_delay for resource in resources), default=timedelta(0))
    settled = not tokens or change.at + slowest <= now
    return Clock(
        change=change,
        by=User.objects.filter(pk=change.actor_id).first() if change.actor_kind == "user" else None,
        tokens=tokens,
        places=[
            AtResource(resource, when_it_counts(resource), counts_at, counts_at <= now)
            for resource in resources
            for counts_at in [change.at + (resource.effect_delay if tokens else timedelta(0))]
        ],
        promise=when_it_counts(resources),
        settled=settled,
        refused=refused,
        refused_at=_resource(refused),
        watched=(refused is None or not settled) and now < change.at + WATCHED_FOR,
    )


def first_refusal_after(change: Event) -> Event | None:
    """Return the event of the first use that was refused because of this change, if one was seen yet."""
    about = {"consent_id": change.consent_id} if change.consent_id else {"agent_id": change.agent_id}
    seen = Event.objects.filter(kind=Kind.REVOCATION_OBSERVED, pk__gt=change.pk, **about)
    return seen.filter(detail__of=change.pk).order_by("pk").first()


def _resource(refused: Event | None) -> Resource | None:
    if refused is None or refused.resource_id is None:
        return None
    return Resource.objects.filter(pk=refused.resource_id).first()
