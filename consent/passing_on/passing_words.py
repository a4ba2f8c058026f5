"""Passing work on, in plain words: on the consent screen, on My agents, in evidence."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _

from agents.models import Agent
from consent.passing_on.passing import Passing


def how_far(deep: int) -> str:
    """Say whether those to whom work was passed on may do the same."""
    if deep <= 1:
        return _("They pass it on no further.")
    if deep == 2:
        return _("They may pass it on once more, among these.")
    return _("They may pass it on twice more, among these.")


def names_of(passing: Passing) -> list[str]:
    """Return the names of the agents to which work may be passed on, in their order. One query, if there are any."""
    if not passing:
        return []
    return list(Agent.objects.filter(pk__in=passing.to).order_by("name", "pk").values_list("name", flat=True))


def passes_in_words(names: Iterable[str], deep: int) -> str:
    """Say to whom and how far, in one line. Nothing where work is passed on to nobody."""
    listed = ", ".join(names)
    return f"{listed}. {how_far(deep)}" if listed else ""
