"""Conditions in plain words: on pages, in mails, and in what a refused client's developers read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils import translation
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agents.models.agent import Environment
from consent.conditions import DAY, EVERY_DAY, Conditions, Hours, Unmet, known_zone
from consent.models import Consent

SHORTEST_RANGE = 3
"""So many days in a row are said as "Monday to Wednesday"; fewer are named singly."""


def in_words(conditions: Conditions, zone_name: str) -> list[str]:
    """Say each condition in a short phrase, in the reader's language. Nothing for what is not limited."""
    said = []
    if conditions.hours is not None:
        said.append(hours_in_words(conditions.hours, zone_name))
    if conditions.networks:
        said.append(_("only from %(networks)s") % {"networks": ", ".join(map(str, conditions.networks))})
    if conditions.uses is not None:
        said.append(uses_in_words(conditions.uses))
    if conditions.environment:
        said.append(
            _("only while it is registered for: %(environment)s")
            % {"environment": environment_in_words(conditions.environment)}
        )
    return said


def limits_in_words(consent: Consent) -> list[str]:
    """Say what a consent is limited to now, with how many of its uses are taken. "Just once" is said elsewhere."""
    limits = consent.limits
    said = in_words(limits.with_uses(None) if consent.once else limits, consent.time_zone)
    if limits.uses is not None and not consent.once:
        taken = ngettext("used %(n)s time", "used %(n)s times", consent.uses_taken) % {"n": consent.uses_taken}
        said = [f"{words} ({taken})" if words == uses_in_words(limits.uses) else words for words in said]
    return said


def uses_in_words(uses: int) -> str:
    return ngettext("at most %(n)s time", "at most %(n)s times", uses) % {"n": uses}


def environment_in_words(environment: str) -> str:
    """Return the label of an environment, in small letters as within a sentence."""
    return str(dict(Environment.choices).get(environment, environment)).lower()


def hours_in_words(hours: Hours, zone_name: str) -> str:
    """Say times of day: "only Monday to Friday, 08:00 to 18:00 (Europe/Berlin)"."""
    facts = {
        "days": days_in_words(hours.days),
        "start": clock_of(hours.start),
        "end": clock_of(hours.end),
        "zone": zone_name,
    }
    if hours.start == 0 and hours.end == DAY:
        return _("only %(days)s (%(zone)s)") % facts
    if hours.goes_over_midnight:
        return _("only %(days)s, %(start)s to %(end)s of the next day (%(zone)s)") % facts
    return _("only %(days)s, %(start)s to %(end)s (%(zone)s)") % facts


def days_in_words(days: Iterable[int]) -> str:
    """Say days of the week: a range where they follow each other."""
    listed = sorted(days)
    if frozenset(listed) == EVERY_DAY:
        return _("every day")
    names = [str(WEEKDAYS[day]) for day in listed]
    if len(listed) >= SHORTEST_RANGE and listed[-1] - listed[0] == len(listed) - 1:
        return _("%(first)s to %(last)s") % {"first": names[0], "last": names[-1]}
    return ", ".join(names)


def clock_of(minute: int) -> str:
    """Return a minute of the day as HH:MM, the day's end as 24:00."""
    return f"{minute // 60:02}:{minute % 60:02}"


def why_unmet(unmet: Unmet, conditions: Conditions, *, zone_name: str, now: datetime) -> str:
    """Say to a client's developers which condition is not met and what would meet it. Always in English."""
    with translation.override("en"):
        if unmet == Unmet.HOURS and conditions.hours is not None:
            zone = known_zone(zone_name)
            opens = conditions.hours.opens_at(now, zone) if zone else None
            again = f" It counts again from {opens:%Y-%m-%dT%H:%MZ}." if opens else ""
            return f"The consent counts {hours_in_words(conditions.hours, zone_name)}.{again}"
        if unmet == Unmet.NETWORK:
            return f"The consent counts only from {', '.join(map(str, conditions.networks))}."
        if unmet == Unmet.USES:
            if conditions.uses == 1:
                return "The consent was for one token, which was issued."
            return f"The consent was for {conditions.uses} tokens, which were issued."
        label = environment_in_words(conditions.environment)
        return f"The consent counts only while the agent is registered for: {label}. It no longer is."
