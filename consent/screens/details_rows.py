"""How ``components/details.html`` draws the details of one permission: first shown, or as they were left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from consent.detail_lines import DetailLine, NarrowField
from consent.offer_lines import Line
from consent.screens.details_answer import DetailsAnswer


@dataclass(frozen=True, slots=True)
class Choice:
    """One item of a list."""

    label: str
    checked: bool


@dataclass(frozen=True, slots=True)
class PartRow:
    """One member that may be made less."""

    name: str
    label: str
    value: str
    choices: list[Choice] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DetailRow:
    """One detail. key: empty where it is the only one, so that the permission's own box is enough."""

    words: str
    rest: list[tuple[str, str]]
    new: bool
    key: str
    checked: bool
    parts: list[PartRow]


def detail_rows(line: Line, answer: DetailsAnswer | None, *, ticked: bool) -> list[DetailRow]:
    """Return the rows of a permission. answer: what was left the last time. ticked: the permission itself, at first."""
    return rows_of(line.details, answer, ticked=ticked)


def rows_of(lines: Sequence[DetailLine], answer: DetailsAnswer | None, *, ticked: bool) -> list[DetailRow]:
    """Return the same for these details, however they came to be shown."""
    several = len(lines) > 1
    return [
        DetailRow(
            each.words,
            each.rest,
            each.new,
            key=each.key if several else "",
            checked=each.key in answer.ticked if answer else ticked,
            parts=[_part(part, answer) for part in each.narrow_fields],
        )
        for each in lines
    ]


def _part(part: NarrowField, answer: DetailsAnswer | None) -> PartRow:
    sent = answer.sent.get(part.field, []) if answer else None
    if part.is_number:
        return PartRow(part.field, part.label, sent[0] if sent else str(part.most))
    choices = [Choice(label, sent is None or str(number) in sent) for number, label in enumerate(part.choices)]
    return PartRow(part.field, part.label, "", choices)
