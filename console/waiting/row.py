"""One thing that waits for a person, as a row of the overview, and how many of a sort are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from console.templatetags.mandate import when

MOST = 5
"""Of one sort; the rest is told as a number that leads to its list."""
MOST_LOOKED_AT = 50
"""Where each row is held against a rule before it is shown."""
SOON = timedelta(days=14)
"""How long before its end a thing is told of."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing, as a row of ``components/event_row.html``: the time it counts by, a sentence, and a button."""

    when: SafeString
    icon: str
    sentence: SafeString
    action_url: str
    action: str
    refused: bool = False
    chips: list[str] = field(default_factory=list)


def rest(listed: int, words: str, url: str) -> list[Waiting]:
    """Return the row that leads to the list, where more wait than are told one by one."""
    if listed <= MOST:
        return []
    return [Waiting(SafeString(), "ellipsis", format_html("{}", words), url, _("See all"))]


def ago(moment: datetime | None, now: datetime) -> SafeString:
    """Return the time as the first column shows it."""
    return when({"now": now}, moment, "words")
