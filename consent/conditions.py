"""Conditions of a consent: times of day, networks, number of uses, environment. Checked whenever something is used.

Each is a small frozen type that says by itself whether it is met. The clock is that on the wall in the time zone kept
with the consent: an hour that a change of the clock skips is never open, one that it repeats is open both times.
What the database counts (uses) is decided there, by ``take_use`` in ``consent/oauth/conditions.py``.
"""

from __future__ import annotations

import ipaddress
import zoneinfo
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, Self

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

DAY = 24 * 60
WEEK = 7 * DAY
EVERY_DAY = frozenset(range(7))
ALWAYS = (1 << WEEK) - 1
MOST_NETWORKS = 20
MOST_USES = 1_000_000
MINUTE = timedelta(minutes=1)
SHORTEST = timedelta(seconds=1)
"""What is open for less than this is closed: no token could be used in it."""


class Unmet(StrEnum):
    """Which condition is not met: the reason of a refusal, in the trail and nowhere else but the token endpoint."""

    HOURS = "outside_hours"
    NETWORK = "outside_network"
    USES = "uses_spent"
    ENVIRONMENT = "other_environment"


@dataclass(frozen=True, slots=True)
class Hours:
    """Times of day. days: 0 is Monday; the day on which it begins. start, end: minutes of the day.

    An end that is not after the start lies on the next day. 0 to 1440 is the whole day.
    """

    days: frozenset[int]
    start: int
    end: int

    @property
    def goes_over_midnight(self) -> bool:
        return self.end <= self.start

    def is_open(self, now: datetime, zone: zoneinfo.ZoneInfo) -> bool:
        """Whether the clock on the wall is within it."""
        return bool(minutes_of(self) >> _minute_of_week(now, zone) & 1)

    def closes_at(self, now: datetime, zone: zoneinfo.ZoneInfo, *, latest: datetime) -> datetime:
        """Return the first moment from now at which it is closed, or ``latest`` where that comes before."""
        open_for = _run_of_ones(_seen_from(minutes_of(self), _minute_of_week(now, zone)))
        end = _whole_minute(now) + open_for * MINUTE
        if open_for >= WEEK or latest <= end:
            end = latest
        if end.astimezone(zone).utcoffset() == now.astimezone(zone).utcoffset():
            return end
        # The clock is changed meanwhile, so the minutes cannot be counted: read it minute by minute. Twice a year.
        moment = _whole_minute(now) + MINUTE
        while moment < latest and self.is_open(moment, zone):
            moment += MINUTE
        return min(moment, latest)

    def opens_at(self, now: datetime, zone: zoneinfo.ZoneInfo) -> datetime | None:
        """Return when it opens next, or None where a change of the clock lies between: then nobody relies on it."""
        ahead = _seen_from(minutes_of(self), _minute_of_week(now, zone))
        if not ahead:
            return None
        opens = _whole_minute(now) + ((ahead & -ahead).bit_length() - 1) * MINUTE
        local, then = now.astimezone(zone), opens.astimezone(zone)
        return opens if local.utcoffset() == then.utcoffset() else None


@dataclass(frozen=True, slots=True)
class Conditions:
    """All that a consent is limited to. What is empty limits nothing. uses: how many tokens may be issued in all."""

    hours: Hours | None = None
    networks: tuple[Network, ...] = ()
    uses: int | None = None
    environment: str = ""

    def __bool__(self) -> bool:
        return self != NONE

    def unmet(self, now: datetime, zone_name: str, *, environment: str, address: str | None) -> Unmet | None:
        """Return the first condition that is not met, the count of uses apart.

        environment: in which the agent is registered to run now. address: where the request comes from; None where that
        is not known at all, as at introspection: then networks are not asked. A zone or an address that cannot be read
        meets nothing.
        """
        if self.environment and environment != self.environment:
            return Unmet.ENVIRONMENT
        if self.hours is not None and self.closes_at(now, zone_name, latest=now + MINUTE) - now < SHORTEST:
            return Unmet.HOURS
        if self.networks and address is not None and not self.allows_address(address):
            return Unmet.NETWORK
        return None

    def allows_address(self, address: str) -> bool:
        """Whether a request from this address comes from one of the networks."""
        found = _address(address)
        return found is not None and any(found in network for network in self.networks)

    def closes_at(self, now: datetime, zone_name: str, *, latest: datetime) -> datetime:
        """Return when the times of day close, or ``latest``: no token lives longer. Now, where they are closed."""
        if self.hours is None:
            return latest
        zone = known_zone(zone_name)
        if zone is None or not self.hours.is_open(now, zone):
            return now
        return self.hours.closes_at(now, zone, latest=latest)

    def is_narrower(self, than: Conditions) -> bool:
        """Whether these allow less than those, and nothing that those do not."""
        return self != than and (
            minutes_of(self.hours) & ~minutes_of(than.hours) == 0
            and _within(self.networks, than.networks)
            and (than.uses is None or (self.uses is not None and self.uses <= than.uses))
            and than.environment in {"", self.environment}
        )

    def as_kept(self) -> dict[str, Any]:
        """Return the JSON by which a consent keeps them, the number of uses apart: that has a column of its own."""
        kept: dict[str, Any] = {}
        if self.hours is not None:
            kept["hours"] = {"days": sorted(self.hours.days), "from": self.hours.start, "to": self.hours.end}
        if self.networks:
            kept["networks"] = [str(network) for network in self.networks]
        if self.environment:
            kept["environment"] = self.environment
        return kept

    def as_told(self) -> dict[str, Any]:
        """Return all of them as JSON, for evidence and for a digest."""
        return self.as_kept() | ({"uses": self.uses} if self.uses is not None else {})

    def names(self) -> list[str]:
        """Return what they limit, for an event. Networks are addresses: these stay out of it."""
        return sorted(self.as_told())

    def with_uses(self, uses: int | None) -> Self:
        return replace(self, uses=uses)


NONE = Conditions()


def conditions_from(kept: Mapping[str, Any], uses: int | None = None) -> Conditions:
    """Return the conditions that a consent keeps. What cannot be read raises ValueError: it must not count as no limit."""
    if not kept and uses is None:
        return NONE
    hours = kept.get("hours")
    return Conditions(
        hours=Hours(frozenset(hours["days"]), hours["from"], hours["to"]) if hours else None,
        networks=tuple(ipaddress.ip_network(network) for network in kept.get("networks", ())),
        uses=uses,
        environment=kept.get("environment", ""),
    )


@lru_cache(maxsize=256)
def known_zone(name: str) -> zoneinfo.ZoneInfo | None:
    """Return the time zone, or None for a name that this machine does not know."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(maxsize=1_024)
def minutes_of(hours: Hours | None) -> int:
    """Return the minutes of a week that are open, as the bits of a number: bit 0 is Monday, 00:00."""
    if hours is None:
        return ALWAYS
    length = hours.end - hours.start + (DAY if hours.goes_over_midnight else 0)
    bits = 0
    for day in hours.days:
        bits |= ((1 << length) - 1) << (day * DAY + hours.start)
    return (bits | bits >> WEEK) & ALWAYS  # Sunday night goes over into Monday


def _minute_of_week(now: datetime, zone: zoneinfo.ZoneInfo) -> int:
    local = now.astimezone(zone)
    return local.weekday() * DAY + local.hour * 60 + local.minute


def _seen_from(bits: int, minute: int) -> int:
    """Return the week as it lies ahead of this minute."""
    return (bits >> minute | bits << (WEEK - minute)) & ALWAYS


def _run_of_ones(bits: int) -> int:
    return (~bits & (bits + 1)).bit_length() - 1


def _whole_minute(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(second=0, microsecond=0)


def _within(networks: Iterable[Network], others: tuple[Network, ...]) -> bool:
    """Whether each of these lies within one of the others. None at all is everywhere."""
    inner = tuple(networks)
    if not others:
        return True
    return bool(inner) and all(
        any(one.network_address in other and one.prefixlen >= other.prefixlen for other in others) for one in inner
    )


@lru_cache(maxsize=4_096)
def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address, an IPv4 one in IPv6's clothes as what it is, or None for what is none."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found
