"""Tasks of this floor: doors for the queue. Each takes the time, calls one function of the domain and says how much it did.

A message is only a nudge, may come twice and may get lost: what is to be done stands in the database.
"""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from agents import sweeps, warnings
from agents.heartbeat import note_sweep
from agents.mail import deliver_waiting_mails
from agents.sweeps import Sweep

__all__ = [
    "close_refusal_minutes",
    "delete_dead_sessions",
    "deliver_waiting_mails",
    "end_credentials",
    "end_links",
    "retire_ended_agents",
    "sweep_now",
    "warn_owners",
]


def sweep_now(*parts: Sweep) -> int:
    """Run sweeps one after the other at one time, and note that they came to their end. Returns how much they did."""
    now = timezone.now()
    done = sum(part(now=now) for part in parts)
    note_sweep(now)
    return done


@shared_task(name="agents.retire_ended_agents")
def retire_ended_agents() -> int:
    return sweep_now(sweeps.retire_ended_agents)


@shared_task(name="agents.end_credentials")
def end_credentials() -> int:
    return sweep_now(sweeps.end_credentials)


@shared_task(name="agents.end_links")
def end_links() -> int:
    return sweep_now(sweeps.end_links)


@shared_task(name="agents.close_refusal_minutes")
def close_refusal_minutes() -> int:
    return sweep_now(sweeps.close_refusal_minutes)


@shared_task(name="agents.delete_dead_sessions")
def delete_dead_sessions() -> int:
    return sweep_now(sweeps.delete_dead_sessions, sweeps.delete_old_warnings)


@shared_task(name="agents.warn_owners")
def warn_owners() -> int:
    return sweep_now(warnings.warn_of_agents, warnings.warn_of_credentials)
