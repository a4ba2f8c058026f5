"""The ways that work takes through an agent: who passed it on, to whom, for how many people. Drawn on the agent's page."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from agents.models import Agent
from consent.models import Consent

MOST_PATHS = 8
LOOKED_AT = 500


@dataclass(frozen=True, slots=True)
class Path:
    """agents: in the order in which the work went. people: for how many it stands now."""

    agents: list[Agent]
    people: int


def paths_through(agent: Agent, now: datetime) -> list[Path]:
    """Return the ways of work that stand now and on which this agent lies, those of most people first. Two queries.

    Read from the ends of the chains under consents of this agent, of the latest ones where there are very many.
    """
    here = Q(agent=agent) | Q(parent__agent=agent) | Q(parent__parent__agent=agent)
    here |= Q(parent__parent__parent__agent=agent)
    shares = Consent.objects.live(now).filter(here, parent__isnull=False)
    rows = shares.order_by("-starts_at", "-pk").values_list(
        "pk",
        "user_id",
        "agent_id",
        "parent_id",
        "parent__agent_id",
        "parent__parent__agent_id",
        "parent__parent__parent__agent_id",
    )[:LOOKED_AT]
    found = list(rows)
    passed_further = {row[3] for row in found}
    people: dict[tuple[uuid.UUID, ...], set[uuid.UUID]] = {}
    for pk, user_id, last, _parent, *earlier in found:
        if pk not in passed_further:
            way = (*filter(None, reversed(earlier)), last)
            people.setdefault(way, set()).add(user_id)
    counted = Counter({way: len(those) for way, those in people.items()}).most_common(MOST_PATHS)
    agents = Agent.objects.in_bulk({agent_id for way, _ in counted for agent_id in way})
    return [Path([agents[agent_id] for agent_id in way], count) for way, count in counted]
