"""The fields by which a person limits a consent: read strictly, said again where they must be mended, filled in before.

``templates/consent/limits.html`` draws them, on the consent screen and on the page that limits later.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _

from agents.errors import InvalidInput
from agents.models import Agent
from consent.condition_words import clock_of, environment_in_words
from consent.conditions import DAY, EVERY_DAY, MOST_NETWORKS, MOST_USES, Conditions, Hours, Network

TEXTS = frozenset({"limit_from", "limit_to", "limit_networks", "limit_uses"})
"""Fields that a form always sends, empty or not."""
DAYS, ENVIRONMENT = "limit_day", "limit_environment"
FIELDS = TEXTS | {DAYS, ENVIRONMENT}
_CLOCK = re.compile(r"([01]\d|2[0-4]):([0-5]\d)(?::00)?\Z")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the fields hold, as they were filled in. environment: whether the box is ticked."""

    days: frozenset[int] = frozenset()
    start: str = ""
    end: str = ""
    networks: str = ""
    uses: str = ""
    environment: bool = False


NO_LIMITS = Limits()


def read_limits(post: QueryDict) -> Limits:
    """Return what the fields hold. Raises ValueError for what no form of ours can send."""
    days = post.getlist(DAYS)
    if len(set(days)) != len(days) or not set(days) <= {str(day) for day in EVERY_DAY}:
        raise ValueError(DAYS)
    if post.get(ENVIRONMENT, "on") != "on":
        raise ValueError(ENVIRONMENT)
    return Limits(
        days=frozenset(map(int, days)),
        start=post.get("limit_from", "").strip(),
        end=post.get("limit_to", "").strip(),
        networks=post.get("limit_networks", "").strip(),
        uses=post.get("limit_uses", "").strip(),
        environment=ENVIRONMENT in post,
    )


def limits_of(conditions: Conditions, *, uses: int | None) -> Limits:
    """Return the fields as these conditions fill them. uses: the number to show."""
    hours = conditions.hours
    whole_day = hours is not None and hours.start == 0 and hours.end == DAY
    return Limits(
        days=hours.days if hours else frozenset(),
        start=clock_of(hours.start) if hours and not whole_day else "",
        # A time field of a browser knows no 24:00. The day's end is the next one's beginning.
        end=clock_of(hours.end % DAY) if hours and not whole_day else "",
        networks="\n".join(map(str, conditions.networks)),
        uses="" if uses is None else str(uses),
        environment=bool(conditions.environment),
    )


def conditions_of(limits: Limits, agent: Agent) -> Conditions:
    """Return the conditions that the fields stand for. Raises InvalidInput, with the field to mend."""
    return Conditions(
        hours=_hours(limits),
        networks=_networks(limits.networks),
        uses=_uses(limits.uses),
        environment=agent.environment if limits.environment else "",
    )


def _hours(limits: Limits) -> Hours | None:
    """Days without times are whole days; times without days are those of every day."""
    if not limits.start and not limits.end:
        return Hours(limits.days, 0, DAY) if limits.days and limits.days != EVERY_DAY else None
    if not limits.start or not limits.end:
        raise InvalidInput("limit_hours", _("Give both times, or neither."))
    start, end = _minute(limits.start), _minute(limits.end)
    if start == end:
        raise InvalidInput("limit_hours", _("Beginning and end are the same time, so it would never count."))
    return Hours(limits.days or EVERY_DAY, start, end or DAY)


def _minute(text: str) -> int:
    found = _CLOCK.match(text)
    minute = int(found[1]) * 60 + int(found[2]) if found else -1
    if not 0 <= minute <= DAY:
        raise InvalidInput("limit_hours", _("Give times as hours and minutes, such as 08:00."))
    return minute


def _networks(text: str) -> tuple[Network, ...]:
    words = text.replace(",", " ").split()
    if len(words) > MOST_NETWORKS:
        raise InvalidInput("limit_networks", _("Give at most %(n)s networks.") % {"n": MOST_NETWORKS})
    return tuple(dict.fromkeys(_network(word) for word in words))


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        pass
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise InvalidInput(
            "limit_networks", _("%(text)s is no network. Write one such as 10.0.0.0/8.") % {"text": text[:50]}
        ) from None
    raise InvalidInput(
        "limit_networks",
        _("%(text)s is an address within a network. Did you mean %(network)s?") % {"text": text, "network": meant},
    )


def _uses(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST_USES)) and 1 <= int(text) <= MOST_USES):
        raise InvalidInput(
            "limit_uses", _("Give a number from 1 to %(most)s, or leave it empty.") % {"most": MOST_USES}
        )
    return int(text)


def limits_context(
    limits: Limits, agent: Agent, *, zone_name: str, problem: InvalidInput | None = None, before: Iterable[str] = ()
) -> dict[str, Any]:
    """Return what ``consent/limits.html`` draws. before: in words, what it is limited to so far."""
    at = problem.field if problem and problem.field.startswith("limit_") else ""
    return {
        "limits": limits,
        "limit_days": [(str(day), WEEKDAYS[day], day in limits.days) for day in sorted(EVERY_DAY)],
        "limit_zone": zone_name,
        "limit_environment": environment_in_words(agent.environment),
        "limits_before": list(before),
        "limits_open": bool(at) or limits != NO_LIMITS,
        "limits_error": problem.sentence if problem and at else "",
        "limits_error_at": at,
        "most_uses": MOST_USES,
    }
