"""What there is so far: everything that the demonstration has made, by short names."""

from __future__ import annotations

import random
import zoneinfo
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from agents.actors import Actor, RequestFacts
from agents.ids import uuid7
from agents.models import Agent, Client, Resource, Scope, TrustedIssuer, User
from consent.models import Consent

SEED = 1893
ZONE = zoneinfo.ZoneInfo("Europe/Berlin")
DEFAULT_ADDRESS = "10.20.0.10"


@dataclass
class World:
    """The organisation while it grows. ``now`` is the moment at which its story ends."""

    now: datetime
    random: random.Random = field(default_factory=lambda: random.Random(SEED))  # noqa: S311 - a story, nothing secret
    people: dict[str, User] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    """Where somebody sits, or where an agent runs."""
    resources: dict[str, Resource] = field(default_factory=dict)
    resource_keys: dict[str, str] = field(default_factory=dict)
    scopes: dict[str, Scope] = field(default_factory=dict)
    """By name: no two of the demonstration have the same."""
    agents: dict[str, Agent] = field(default_factory=dict)
    clients: dict[str, Client] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    """The key that each agent works with, which may be an old one."""
    consents: dict[str, Consent] = field(default_factory=dict)
    refresh_tokens: dict[str, str] = field(default_factory=dict)
    access_tokens: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By consent of the story: the last resource that was called, and the token."""
    issuer: TrustedIssuer | None = None
    """The one that is trusted to say for whom some agents act."""

    def moment(self, days_ago: float, hour: int = 9, minute: int = 0) -> datetime:
        """Return a time of day at the clinic, some seconds past the minute, so many days before the end."""
        day = (self.now.astimezone(ZONE) - timedelta(days=days_ago)).date()
        return datetime.combine(day, time(hour, minute, self.random.randint(0, 49)), ZONE).astimezone(UTC)

    def facts(self, who: str, at: datetime) -> RequestFacts:
        """Return what would be known of a request that this person or agent makes at that moment."""
        return RequestFacts(at, uuid7(), self.addresses.get(who, DEFAULT_ADDRESS))

    def actor(self, who: str, at: datetime) -> Actor:
        """Return somebody as the one who acts at that moment."""
        return Actor.person(self.people[who], self.facts(who, at))
