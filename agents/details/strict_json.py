"""JSON from outside, read so that nothing in it can surprise whoever keeps, compares or shows it afterwards.

Refused beside what is no JSON: a member twice (two readers would take two values), NaN and Infinity, numbers that a
double cannot hold exactly or at all, NUL and half surrogates (PostgreSQL keeps neither), and deep nesting (RFC 8259 §4, §6,
§8.2, §9; RFC 7493).
"""

from __future__ import annotations

import json
import math
from typing import Any

LARGEST = 2**53 - 1
"""The largest whole number that every reader of JSON understands alike (RFC 7493 §2.2)."""


class NotStrict(ValueError):
    """The text is not JSON that is taken. The message says why, in English for a developer."""


def strictly(text: str, *, deepest: int) -> Any:
    """Return what this JSON says. deepest: how many objects and lists may stand in each other. Raises NotStrict."""
    try:
        value = json.loads(
            text, object_pairs_hook=_once_each, parse_constant=_no_constant, parse_int=_whole, parse_float=_finite
        )
    except NotStrict:
        raise
    except (ValueError, RecursionError) as problem:
        raise NotStrict("it is not JSON") from problem
    _check(value, deepest)
    return value


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise NotStrict("a member stands twice")
    return members


def _no_constant(name: str) -> Any:
    raise NotStrict(f"{name} is no JSON")


def _whole(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > LARGEST:
        raise NotStrict("a number is too large")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise NotStrict("a number is too large")
    return number


def _check(value: Any, deepest: int) -> None:
    """Look at each text and at how deep it stands. Level by level: nesting must not exhaust the stack that refuses it."""
    level = [value]
    for _depth in range(deepest + 1):
        inner: list[Any] = []
        for part in level:
            if isinstance(part, dict):
                inner.extend(part)
                inner.extend(part.values())
            elif isinstance(part, list):
                inner.extend(part)
            elif isinstance(part, str) and not _is_text(part):
                raise NotStrict("it holds characters that are no text")
        if not inner:
            return
        level = inner
    raise NotStrict("it is nested too deep")


def _is_text(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
