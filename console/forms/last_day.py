"""The last day of something that ends: chosen as a date, kept as the last moment of that day where the person is."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

LATEST = date(2999, 12, 31)
"""The last moments of the last year there is have no time in UTC for whoever lives west of it."""


class LastDayField(forms.DateField):
    """A day that may be left open."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def __init__(self, **facts: Any) -> None:
        super().__init__(
            **{"label": _("Last day"), "required": False, "validators": [MaxValueValidator(LATEST)], **facts}
        )


def end_of(day: date | None) -> datetime | None:
    """Return the last second of a day in the time zone of the page, or None for no day."""
    return timezone.make_aware(datetime.combine(day, time(23, 59, 59))) if day else None
