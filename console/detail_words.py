"""Values of an event's detail in words, whatever they are: one short line of text, a moment, a life in minutes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from console.templatetags.chosen_names import plain_text

LONGEST = 120
"""Characters shown of one value."""


def value_in_words(value: Any) -> str:
    """Return a value of an event's detail as one short line of text, whatever it is."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, dict):
        return short(", ".join(f"{key}: {value_in_words(item)}" for key, item in list(value.items())[:20]))
    if isinstance(value, (list, tuple)):
        return short(", ".join(value_in_words(item) for item in value[:20]))
    return short(str(value)[: LONGEST * 2])


def short(text: str) -> str:
    """Return a text as one line, cut with an ellipsis, with a stand-in for what cannot be seen."""
    line = plain_text(text)
    return line if len(line) <= LONGEST else line[:LONGEST].rstrip() + "…"


def moment_of(value: Any) -> datetime | None:
    """Return the moment that a detail spells in ISO 8601, or None."""
    if not isinstance(value, str):
        return None
    try:
        moment = parse_datetime(value)
    except ValueError:
        return None
    if moment is None:
        return None
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)


def life_in_words(seconds: Any) -> str:
    """Say how long a token lives, from seconds: 5 minutes. Nothing sensible in, a dash out."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < 10**9:
        return "–"
    whole = round(seconds)
    if whole < 120 and whole % 60:
        return ngettext("%(n)s second", "%(n)s seconds", whole) % {"n": whole}
    if whole < 7200 or whole % 3600:
        minutes = max(1, round(whole / 60))
        return ngettext("%(n)s minute", "%(n)s minutes", minutes) % {"n": minutes}
    hours = whole // 3600
    return ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": hours}
