"""What beat asks for, and how often. A message is only a nudge: the work stands in the database."""

from __future__ import annotations

from datetime import timedelta
from typing import TypedDict


class Options(TypedDict):
    """How a message is sent. ``expires``: seconds after which a worker throws it away unread."""

    expires: int


class Entry(TypedDict):
    """One line of the schedule: which task, how long between two runs, and how its messages are sent."""

    task: str
    schedule: timedelta
    options: Options


def every(task: str, **interval: int) -> Entry:
    """Ask for this task again and again. An old message is worth nothing once the next one is due.

    So a week without workers leaves no week of messages to be worked off.
    """
    schedule = timedelta(**interval)
    return Entry(task=task, schedule=schedule, options=Options(expires=int(schedule.total_seconds())))


SCHEDULE: dict[str, Entry] = {
    "end consents past their date": every("consent.end_consents", minutes=5),
    "pause consents that nobody answers for": every("consent.pause_consents", minutes=5),
    "close requests that nobody answered": every("consent.close_requests", minutes=5),
    "tell clients of decisions": every("consent.tell_clients", minutes=1),
    "retire agents past their date": every("agents.retire_ended_agents", minutes=5),
    "end credentials past their date": every("agents.end_credentials", minutes=5),
    "end one-time links past their date": every("agents.end_links", minutes=5),
    "close minutes of many refusals": every("agents.close_refusal_minutes", minutes=5),
    "delete dead tokens and codes": every("consent.delete_dead_tokens", minutes=10),
    "delete dead sessions": every("agents.delete_dead_sessions", hours=1),
    "warn owners of agents and credentials": every("agents.warn_owners", hours=1),
    "warn owners of consents": every("consent.warn_owners", hours=1),
    "send signals": every("consent.send_signals", seconds=20),
    "delete old signals": every("consent.sweep_signals", hours=1),
    "forget programs that nobody used": every("consent.forget_unused_clients", hours=1),
    "change signing keys": every("consent.rotate_keys", minutes=5),
    "send waiting mails": every("agents.deliver_waiting_mails", minutes=1),
}
