"""The sentence in which people read a detail: ``Transfer up to {amount} {currency} to {creditor.name}``.

A name in braces stands for what the request says there; nothing else means anything, so ``{{…}}``, ``{0.__class__}`` and
``%(x)s`` stay text (security.md S43). What the request says is set apart from the sentence around it, and cannot turn
its direction. Whatever the sentence does not name is listed beneath it: nothing is agreed to unread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.utils import formats
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from agents.details.schema import part_at
from agents.errors import InvalidInput
from agents.texts import one_line, without_hidden

LONGEST_WORDS = 300
PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)*)\}")
_APART = "\u2068{}\u2069"
"""First strong isolate and its end: a name in another script stays where it stands."""


def checked_words(words: str, schema: dict[str, Any]) -> str:
    """Return the sentence. Raises InvalidInput where it names what the schema does not have."""
    words = one_line("words", words, longest=LONGEST_WORDS)
    for member in PLACE.findall(words):
        if part_at(schema, member) is None:
            raise InvalidInput("words", _("The schema has no %(member)s.") % {"member": member})
    if not PLACE.search(words):
        raise InvalidInput("words", _("Name at least one member in braces: only so people see what is asked."))
    return words


def in_words(words: str, value: dict[str, Any]) -> str:
    """Return the sentence for one request, in the language of whoever reads."""

    def said(found: re.Match[str]) -> str:
        return _APART.format(say(_at(value, found[1])))

    return PLACE.sub(said, words)


def rest(words: str, value: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what the request says beside the sentence: pairs of member and text."""
    named = set(PLACE.findall(words))
    return [(member, say(inner)) for member, inner in _leaves(value) if not _is_named(member, named)]


def _is_named(member: str, named: set[str]) -> bool:
    steps = member.split(".")
    return any(".".join(steps[:length]) in named for length in range(1, len(steps) + 1))


def _leaves(value: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _leaves(inner, f"{before}{name}.")
        else:
            yield f"{before}{name}", inner


def _at(value: Any, member: str) -> Any:
    for name in member.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def say(value: Any) -> str:
    """Return a value as people read it, in the language of whoever reads."""
    if value is None:
        return _("(not said)")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int | float):
        return formats.number_format(value, use_l10n=True, force_grouping=True)
    if isinstance(value, list):
        return ", ".join(say(item) for item in value) or _("none")
    if isinstance(value, dict):
        return ", ".join(f"{name}: {say(inner)}" for name, inner in value.items())
    text = without_hidden(str(value))
    day = _day(text)
    return formats.date_format(day, "DATE_FORMAT") if day else text


def _day(text: str) -> date | None:
    try:
        return parse_date(text) if len(text) == 10 else None
    except ValueError:
        return None
