"""Ends that people choose: for an agent, a key, a registration token."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from agents.errors import InvalidInput


def checked_end(ends_at: datetime | None, *, now: datetime) -> datetime | None:
    """Return the end that was chosen, or None where there is to be none. Raises InvalidInput for one in the past."""
    if ends_at is not None and ends_at <= now:
        raise InvalidInput("ends_at", _("The end lies in the past. Choose a later date, or none."))
    return ends_at
