"""What beat asks for, and how often. A message is only a nudge: the work stands in the database."""

from __future__ import annotations

from datetime import timedelta
from typing import TypedDict


class Entry(TypedDict):
    """One line of the schedule: which task, and how long between two runs."""

    task: str
    schedule: timedelta


SCHEDULE: dict[str, Entry] = {}
