"""When a sweep last ran to its end: how health pages tell that the workers are gone.

Nothing depends on it: whatever is past its date is refused when it is used.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from agents.models import LastUse

SWEEPS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:mandate:sweeps")
"""The sweeps, as one more thing whose last use is noted."""


def note_sweep(now: datetime) -> None:
    """Note that a sweep has run to its end. An older time never takes the place of a newer one."""
    LastUse.objects.bulk_create([LastUse(subject_id=SWEEPS, used_at=now)], ignore_conflicts=True)
    LastUse.objects.filter(pk=SWEEPS, used_at__lt=now).update(used_at=now)


def last_sweep() -> datetime | None:
    """Return when a sweep last ran to its end, or None before the first."""
    return LastUse.objects.filter(pk=SWEEPS).values_list("used_at", flat=True).first()
