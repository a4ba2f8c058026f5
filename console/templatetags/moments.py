"""Times in words: relative within a day, otherwise a date, and always the exact time with its zone beside it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

DAY = timedelta(days=1)


def exact(moment: datetime) -> str:
    """Say the moment to the second, with its zone: 21 November 2026, 10:42:07 UTC."""
    local = timezone.localtime(moment)
    said = date_format(local, _("j F Y, H:i:s"))
    return f"{said} {local.tzname()}"


def machine(moment: date | datetime) -> str:
    """Say the moment for the ``datetime`` attribute: UTC to the second, or a plain date."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return moment.isoformat()


def in_words(moment: datetime, now: datetime) -> str:
    """Say how far away the moment is when that is less than a day, otherwise its date."""
    away = moment - now
    distance = abs(away)
    if distance >= DAY:
        return day(moment, now)
    seconds = int(distance.total_seconds())
    if seconds < 45:
        return _("just now") if away <= timedelta() else _("in a moment")
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        said = ngettext("%(n)s min", "%(n)s min", minutes) % {"n": minutes}
    else:
        hours = max(1, round(minutes / 60))
        said = ngettext("%(n)s h", "%(n)s h", hours) % {"n": hours}
    return _("in %(time)s") % {"time": said} if away > timedelta() else _("%(time)s ago") % {"time": said}


def day(moment: date | datetime, now: datetime) -> str:
    """Say the date, with the year only when it is another one: 21 Nov, 21 Nov 2025."""
    local = timezone.localtime(moment) if isinstance(moment, datetime) else moment
    return date_format(local, _("j M") if local.year == timezone.localtime(now).year else _("j M Y"))


def clock(moment: datetime, now: datetime) -> str:
    """Say the time of day to the second on the day itself, otherwise the date with the time: 10:42:07, 21 Nov, 10:42."""
    local = timezone.localtime(moment)
    if local.date() == timezone.localtime(now).date():
        return date_format(local, "H:i:s")
    return f"{day(moment, now)}, {date_format(local, 'H:i')}"


def until(moment: datetime, now: datetime) -> str:
    """Say an end: today with the hour, otherwise the date: today, 18:00; 15 Dec."""
    local = timezone.localtime(moment)
    days = (local.date() - timezone.localtime(now).date()).days
    hour = date_format(local, "H:i")
    if days == 0:
        return _("today, %(time)s") % {"time": hour}
    if days == 1:
        return _("tomorrow, %(time)s") % {"time": hour}
    return day(moment, now)
