"""The whole story of St. Anna, told from its beginning two months ago to now."""

from __future__ import annotations

from datetime import datetime, timedelta

from agents import sweeps as sweeps_of_agents
from agents.heartbeat import note_sweep
from agents.warnings import warn_of_agents, warn_of_credentials
from consent import sweeps as sweeps_of_consent
from consent.unused_clients import forget_unused_clients
from console.demo import (
    agents,
    changes,
    consents,
    estate,
    issuers,
    passing,
    people,
    programs,
    requests,
    signals,
    traffic,
    trouble,
)
from console.demo.timeline import Timeline
from console.demo.world import World

CHAPTERS = (
    *(people, estate, agents, passing, consents, requests, issuers),
    *(traffic, trouble, changes, programs, signals),
)
EVERY = timedelta(hours=12)
"""How often the sweeps run in the story."""
WEEKS = timedelta(days=60)
LAST_STEPS = timedelta(minutes=2)
"""What a step takes at most, so that nothing lies in the future."""


def fill(*, now: datetime) -> World:
    """Let everything happen up to now, in an empty and migrated installation. Returns what there is then."""
    world = World(now)
    line = Timeline(now - LAST_STEPS)
    for chapter in CHAPTERS:
        chapter.tell(world, line)
    moment = now - WEEKS + EVERY
    while moment < now:
        line.at(moment, _sweep)
        moment += EVERY
    line.run()
    _sweep(now)
    return world


def _sweep(at: datetime) -> None:
    """Write down what has ended, as the worker does. What is dead stays for now: the trail shows the rows behind it."""
    sweeps_of_consent.end_consents(now=at)
    sweeps_of_consent.close_requests(now=at)
    sweeps_of_agents.retire_ended_agents(now=at)
    sweeps_of_agents.end_credentials(now=at)
    sweeps_of_agents.end_links(now=at)
    sweeps_of_agents.close_refusal_minutes(now=at)
    forget_unused_clients(now=at)
    warn_of_agents(now=at)
    warn_of_credentials(now=at)
    sweeps_of_consent.warn_of_consents(now=at)
    signals.deliver(at)
    note_sweep(at)
