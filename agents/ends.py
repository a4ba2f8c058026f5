"""Ends that people choose: for an agent, a key, a registration token."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from agents.errors import InvalidInput

LONGEST = timedelta(days=36_525)
"""A hundred years. Near the last day that a calendar has, the same moment is no date any more in another time zone."""


def checked_end(ends_at: datetime | None, *, now: datetime) -> datetime | None:
    """Return the end that was chosen, or None where there is to be none. Raises InvalidInput."""
    if ends_at is not None and ends_at <= now:
        raise InvalidInput("ends_at", _("The end lies in the past. Choose a later date, or none."))
    if ends_at is not None and ends_at > now + LONGEST:
        raise InvalidInput("ends_at", _("Choose a day within the next hundred years, or none."))
    return ends_at
