"""What a person left of the details that they were asked for: some unticked, some made less."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import QueryDict
from django.utils.formats import sanitize_separators
from django.utils.translation import gettext as _

from agents.details.detail import Detail
from agents.errors import InvalidInput
from agents.models import Scope
from consent.detail_lines import DetailLine, NarrowField
from consent.offer import Offer

NARROW = re.compile(r"narrow-[0-9a-f-]{36}-\d{1,2}-\d{1,2}\Z")
"""A field by which something is made less (``consent.detail_lines.NarrowField``)."""


MOST_DIGITS = 20
"""Places before or after the point of a number that somebody types."""


THOUSANDS = re.compile(r"\d{1,3}(?:[.,]\d{3})+\Z")
"""What is a thousand to one reader and one to another."""


@dataclass(frozen=True, slots=True)
class DetailsAnswer:
    """ticked: the keys of the details left ticked, where there are several. sent: what was made less, by field."""

    ticked: frozenset[str] = frozenset()
    sent: Mapping[str, list[str]] = field(default_factory=dict)

    def granted(self, offer: Offer, ticked: Iterable[Scope]) -> dict[Scope, tuple[Detail, ...]]:
        """Return the details of each ticked scope that has a type. Raises InvalidInput for none, or for more than asked."""
        chosen = frozenset(ticked)
        return {
            line.scope: self.left(line.details, line.wording.title)
            for line in offer.lines
            if line.details and line.scope in chosen
        }

    def left(self, lines: Sequence[DetailLine], title: str) -> tuple[Detail, ...]:
        """Return what was left of the details of one permission. Raises InvalidInput for nothing, or for more than they were."""
        kept = [each for each in lines if len(lines) == 1 or each.key in self.ticked]
        if not kept:
            sentence = _("Tick at least one of what belongs to “%(title)s”, or leave it off.")
            raise InvalidInput("scope", sentence % {"title": title})
        return tuple(each.detail.narrowed(self._choice(each)) for each in kept)

    def _choice(self, line: DetailLine) -> dict[str, Any]:
        return {part.member: self._value(part) for part in line.narrow_fields}

    def _value(self, part: NarrowField) -> Any:
        sent = self.sent.get(part.field, [])
        if not part.is_number:
            if not sent:
                raise InvalidInput("scope", _("Leave at least one of %(what)s ticked.") % {"what": part.label})
            return [item for number, item in enumerate(part.most) if str(number) in sent]
        text = sent[0].strip() if sent else ""
        if not text:
            return part.most
        if THOUSANDS.match(text) and text != str(part.most):
            raise InvalidInput("scope", _("Write %(what)s without signs between the digits.") % {"what": part.label})
        try:
            number = Decimal(sanitize_separators(text))
        except InvalidOperation as problem:
            raise InvalidInput("scope", _("%(what)s is a number.") % {"what": part.label}) from problem
        # Not by much below either: Decimal takes 1e999999999, and no machine has room for its digits.
        if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS or number > Decimal(str(part.most)):
            raise InvalidInput(
                "scope", _("%(what)s can be at most %(most)s.") % {"what": part.label, "most": part.most}
            )
        if number == Decimal(str(part.most)):
            return part.most
        whole = number == number.to_integral_value()
        if part.whole and not whole:
            raise InvalidInput("scope", _("%(what)s is a whole number.") % {"what": part.label})
        return int(number) if whole else float(number)


def read_details(post: QueryDict, offer: Offer) -> DetailsAnswer:
    """Return which details were left ticked, and what was made less. Raises ValueError for fields that were not shown."""
    return read_lines(post, [line for each in offer.lines for line in each.details])


def read_lines(post: QueryDict, lines: Sequence[DetailLine]) -> DetailsAnswer:
    """Return the same for these details, however they came to be shown. Raises ValueError."""
    keys = [str(key) for key in post.getlist("detail")]
    if len(set(keys)) != len(keys) or not set(keys) <= {line.key for line in lines}:
        raise ValueError("detail")
    shown = {part.field: part for line in lines for part in line.narrow_fields}
    sent = {name: [str(value) for value in post.getlist(name)] for name in post if NARROW.match(name)}
    for name, values in sent.items():
        part = shown.get(name)
        if part is None or (part.is_number and len(values) > 1):
            raise ValueError("narrow")
        if not part.is_number and not set(values) <= {str(number) for number in range(len(part.choices))}:
            raise ValueError("narrow")
    return DetailsAnswer(frozenset(keys), sent)
