"""Less than what was asked: a lower amount, fewer items of a list. And whether one detail is within another.

Only members for which the type says so may differ; everything else must be the same, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _

from agents.details.schema import part_at, problem_with
from agents.errors import InvalidInput


class Narrowing(StrEnum):
    """How a member may be made less."""

    AT_MOST = "at_most"
    SUBSET = "subset"


_FITS = {Narrowing.AT_MOST: {"number", "integer"}, Narrowing.SUBSET: {"array"}}


def checked_narrowing(rules: Mapping[str, Any], schema: dict[str, Any]) -> dict[str, str]:
    """Return the rules, member to how. Raises InvalidInput for members that cannot be made less so."""
    checked = {}
    for member, how in rules.items():
        part = part_at(schema, member)
        if part is None:
            raise InvalidInput("narrowing", _("The schema has no %(member)s.") % {"member": member})
        if how not in {each.value for each in Narrowing} or part["type"] not in _FITS[Narrowing(how)]:
            raise InvalidInput(
                "narrowing",
                _("%(member)s cannot be made less so: at_most is for numbers, subset for lists.") % {"member": member},
            )
        checked[member] = Narrowing(how).value
    return checked


def is_within(value: Mapping[str, Any], granted: Mapping[str, Any], rules: Mapping[str, str]) -> bool:
    """Whether these members ask for no more than what was granted (RFC 9396 §6)."""
    mine, theirs = deepcopy(dict(value)), deepcopy(dict(granted))
    for member, how in rules.items():
        asked, most = take(mine, member), take(theirs, member)
        if asked is _MISSING or most is _MISSING:
            if asked is not most:
                return False
        elif not _IS_LESS[Narrowing(how)](asked, most):
            return False
    return _same(mine, theirs)


def narrowed(
    value: Mapping[str, Any], choice: Mapping[str, Any], rules: Mapping[str, str], schema: dict[str, Any]
) -> dict[str, Any]:
    """Return the members made less as chosen, by member. Raises InvalidInput for more, nothing, or what cannot be."""
    result = deepcopy(dict(value))
    for member, chosen in choice.items():
        if member not in rules or value_at(value, member) is None:
            raise InvalidInput("scope", _("%(member)s cannot be changed.") % {"member": member})
        put(result, member, chosen)
    if not is_within(result, value, rules) or problem_with(result, schema):
        raise InvalidInput("scope", _("You can allow less than what is asked, not more, and not nothing."))
    return result


_MISSING: Any = object()


def take(value: dict[str, Any], member: str) -> Any:
    """Return a member and take it out, with dots for members of members."""
    *path, last = member.split(".")
    for name in path:
        inner = value.get(name)
        if not isinstance(inner, dict):
            return _MISSING
        value = inner
    return value.pop(last, _MISSING)


def put(value: dict[str, Any], member: str, chosen: Any) -> None:
    """Set a member that is there."""
    *path, last = member.split(".")
    for name in path:
        value = value[name]
    value[last] = chosen


def value_at(value: Mapping[str, Any], member: str) -> Any:
    """Return a member, or None."""
    found: Any = value
    for name in member.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def _is_at_most(asked: Any, most: Any) -> bool:
    """Below nothing is not less: a negative amount may be the other way round."""
    return _is_number(asked) and _is_number(most) and bool(min(0, most) <= asked <= most)


def _is_subset(asked: Any, most: Any) -> bool:
    return _are_lists(asked, most) and bool(asked) and _are_among(asked, most)


_IS_LESS = {Narrowing.AT_MOST: _is_at_most, Narrowing.SUBSET: _is_subset}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_lists(*values: Iterable[Any]) -> bool:
    return all(isinstance(value, list) for value in values)


def _are_among(items: list[Any], most: list[Any]) -> bool:
    """Whether each item has one of its own among these: twice the same is more than once."""
    left = list(most)
    for item in items:
        place = next((number for number, other in enumerate(left) if _same(item, other)), None)
        if place is None:
            return False
        del left[place]
    return True


def _same(mine: Any, theirs: Any) -> bool:
    """Equal in JSON: 1 and true are not, although they are for Python."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return mine.keys() == theirs.keys() and all(_same(mine[name], theirs[name]) for name in mine)
    if isinstance(mine, list) and isinstance(theirs, list):
        return len(mine) == len(theirs) and all(map(_same, mine, theirs))
    return isinstance(mine, bool) == isinstance(theirs, bool) and bool(mine == theirs)
