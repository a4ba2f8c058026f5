"""Until when: the ends that a person can choose from, and the end that a choice stands for."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agents.errors import InvalidInput
from agents.models import Agent, DataClass, Scope
from agents.rules import Rules
from consent.approval import latest_end
from consent.conditions import known_zone

ONCE_LIFE = timedelta(hours=1)
"""How long "just once" waits for its one use."""
END_OF_WORK = 18
SHORTEST_TODAY = timedelta(minutes=30)
"""Below this an end today is no help: the choice is left out."""
LIVES = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "30d": timedelta(days=30)}
ONCE, TODAY, LONGEST, CUSTOM, SO_FAR = "once", "today", "longest", "custom", "so_far"


@dataclass(frozen=True, slots=True)
class EndChoice:
    """One end to choose. reason: why it cannot be chosen; empty when it can."""

    key: str
    label: str
    reason: str = ""
    chosen: bool = False

    @property
    def disabled(self) -> bool:
        return bool(self.reason)


@dataclass(frozen=True, slots=True)
class ChosenEnd:
    """What was chosen: the end, and whether it is for one use."""

    ends_at: datetime
    once: bool = False


def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """Return the time zone of this name, or UTC for a name that this machine does not know."""
    return known_zone(name) or zoneinfo.ZoneInfo("UTC")


def end_of_today(now: datetime, zone: zoneinfo.ZoneInfo) -> datetime | None:
    """Return today's end of work in this zone, or None when that is past or too near."""
    end = now.astimezone(zone).replace(hour=END_OF_WORK, minute=0, second=0, microsecond=0)
    return end.astimezone(UTC) if end - now >= SHORTEST_TODAY else None


def end_choices(
    scopes: Iterable[Scope],
    agent: Agent,
    *,
    now: datetime,
    zone: zoneinfo.ZoneInfo,
    rules: Rules,
    chosen: str = "",
    so_far: datetime | None = None,
) -> list[EndChoice]:
    """Return the ends to choose from. scopes: those that stand ticked, whose lives decide what is too long.

    so_far: the end of the consent that this one renews, chosen as long as it is allowed. Without it and ``chosen`` the
    shortest that covers the working day is chosen: today, otherwise an hour, otherwise the longest that there is.
    """
    limiting = sorted(scopes, key=rules.longest_life)
    latest = latest_end(limiting, agent, now, rules)
    ends: list[tuple[str, str, datetime]] = []
    if so_far is not None:
        ends.append((SO_FAR, _("as before: %(end)s") % {"end": _moment_in_words(so_far, now, zone)}, so_far))
        chosen = chosen or (SO_FAR if so_far <= latest else LONGEST)
    ends += [(ONCE, _("just once"), now), ("1h", _("1 hour"), now + LIVES["1h"])]
    today = end_of_today(now, zone)
    if today is not None:
        ends.append((TODAY, _("today, %(time)s") % {"time": f"{END_OF_WORK}:00"}, today))
    ends += [("1d", _("1 day"), now + LIVES["1d"]), ("30d", _("30 days"), now + LIVES["30d"])]
    if latest - now not in LIVES.values():
        ends.append((LONGEST, _("longest: %(end)s") % {"end": _in_words(latest, now, zone)}, latest))
    too_long = _why_too_long(limiting, agent, latest)
    choices = [EndChoice(key, label, too_long if end > latest else "") for key, label, end in ends]
    free = [choice.key for choice in choices if not choice.disabled]
    first = chosen if chosen in {*free, CUSTOM} else next(key for key in (TODAY, "1h", LONGEST, *free) if key in free)
    return [EndChoice(choice.key, choice.label, choice.reason, choice.key == first) for choice in choices]


def earlier_ends(now: datetime, zone: zoneinfo.ZoneInfo, *, before: datetime) -> list[EndChoice]:
    """Return the ends to choose from for something that ends later, in ``chosen_end``'s keys."""
    today = end_of_today(now, zone)
    ends = [("1h", _("in 1 hour"), now + LIVES["1h"])]
    if today is not None:
        ends.append((TODAY, _("today, %(time)s") % {"time": f"{END_OF_WORK}:00"}, today))
    ends += [("1d", _("in 1 day"), now + LIVES["1d"]), ("30d", _("in 30 days"), now + LIVES["30d"])]
    return [EndChoice(key, label) for key, label, end in ends if end < before]


def _why_too_long(limiting: list[Scope], agent: Agent, latest: datetime) -> str:
    if agent.ends_at is not None and latest == agent.ends_at:
        return _("the agent itself ends before")
    shortest = limiting[0] if limiting else None
    if shortest is not None and shortest.data_class == DataClass.HEALTH:
        return _("too long for health data")
    if shortest is not None and shortest.data_class == DataClass.FINANCIAL:
        return _("too long for financial data")
    return _("too long for what it asks")


def _in_words(end: datetime, now: datetime, zone: zoneinfo.ZoneInfo) -> str:
    if end - now >= timedelta(days=1):
        return date_format(end.astimezone(zone), _("j M Y"))
    return life_in_words(end - now)


def _moment_in_words(end: datetime, now: datetime, zone: zoneinfo.ZoneInfo) -> str:
    local, today = end.astimezone(zone), now.astimezone(zone).date()
    return date_format(local, "H:i" if local.date() == today else "j M Y, H:i")


def life_in_words(life: timedelta) -> str:
    """Say a life in whole days, hours or minutes, never longer than it is."""
    if life >= timedelta(days=1):
        days = life // timedelta(days=1)
        return ngettext("%(n)s day", "%(n)s days", days) % {"n": days}
    if life >= timedelta(hours=1):
        hours = life // timedelta(hours=1)
        return ngettext("%(n)s hour", "%(n)s hours", hours) % {"n": hours}
    minutes = max(1, life // timedelta(minutes=1))
    return ngettext("%(n)s minute", "%(n)s minutes", minutes) % {"n": minutes}


def chosen_end(
    key: str,
    custom: str,
    *,
    latest: datetime,
    shown_at: datetime,
    now: datetime,
    zone: zoneinfo.ZoneInfo,
    so_far: datetime | None = None,
) -> ChosenEnd:
    """Return the end that a choice stands for. Lives count from now; "today" is the day on which it was shown.

    custom: a date and time without a zone, in the person's own, for the key ``custom``. so_far: the end of the consent
    that this one renews. Raises InvalidInput.
    """
    if key == SO_FAR and so_far is not None:
        return ChosenEnd(so_far)
    if key == ONCE:
        return ChosenEnd(min(now + ONCE_LIFE, latest), once=True)
    if key == LONGEST:
        return ChosenEnd(latest)
    if key in LIVES:
        return ChosenEnd(now + LIVES[key])
    if key == TODAY and (today := end_of_today(shown_at, zone)) is not None:
        return ChosenEnd(today)
    if key == CUSTOM:
        return ChosenEnd(_read_custom(custom, zone))
    raise InvalidInput("until", _("Choose until when."))


def _read_custom(text: str, zone: zoneinfo.ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            raise ValueError("a zone of its own")
        return moment.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError) as problem:
        raise InvalidInput("until", _("Give the date and the time of the end.")) from problem
