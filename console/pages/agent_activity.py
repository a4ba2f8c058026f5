"""What an agent did and what was done with it: its events as the trail tells them, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from agents.models import Agent, User
from agents.trail.models import Event
from console.names import Names
from console.sentences import Told, tell


@dataclass(frozen=True, slots=True)
class Activity:
    """One page of events, and the number from which the older ones go on."""

    rows: list[Told]
    older: int | None


def activity_of(agent: Agent, viewer: User, now: datetime, *, number: int, before: int | None = None) -> Activity:
    """Return the newest events of this agent, or those older than an event, in a fixed number of queries."""
    found = Event.objects.of_agent(agent.pk).order_by("-pk")
    if before is not None:
        found = found.older_than(before)
    events = list(found[: number + 1])
    has_more = len(events) > number
    events = events[:number]
    return Activity(tell(events, Names.of(events, viewer), now), events[-1].pk if has_more else None)
