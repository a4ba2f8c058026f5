"""JSON Schemas of detail types: a small part of draft 2020-12 in which nothing is fetched and nothing takes long.

Left out on purpose: ``$ref`` (would be fetched, or loop), ``pattern`` and its kin (a catastrophic one ends a worker),
combinators (nobody could read on a screen what they allow). Objects are closed: a member that the schema does not name
is refused (RFC 9396 §5; security.md S43).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend

from agents.details.strict_json import NotStrict, strictly
from agents.errors import InvalidInput

LONGEST_SCHEMA = 10_000
DEEPEST = 4
ALLOWED = frozenset(
    {
        "type", "properties", "required", "additionalProperties", "items", "enum", "const", "title", "description",
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength",
        "minItems", "maxItems", "uniqueItems", "format",
    }
)  # fmt: skip
"""The keywords that a schema may use."""
TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean"})
RESERVED = frozenset({"type", "locations"})
"""Members that the specification defines for every type (RFC 9396 §2, §2.2)."""
LONGEST_TEXT = 200
"""Characters of one text in a detail: people read it in a line."""
MOST_ITEMS = 100
"""Items of one list in a detail. More nobody reads, and comparing each with each takes long."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}\Z")
"""Without dots, which lead to members of members: a name with one would pass for such a member, and hide behind it."""


def checked_schema(text: str) -> dict[str, Any]:
    """Return the schema that this JSON text spells. Raises InvalidInput with what to mend."""
    if len(text) > LONGEST_SCHEMA:
        raise InvalidInput("schema", _("Use at most %(longest)s characters.") % {"longest": LONGEST_SCHEMA})
    try:
        schema = strictly(text, deepest=3 * DEEPEST)
    except NotStrict as problem:
        raise InvalidInput("schema", _("This is not JSON that can be taken: %(why)s.") % {"why": problem}) from problem
    if not isinstance(schema, dict) or schema.get("type") != "object" or not schema.get("properties"):
        raise InvalidInput("schema", _("Describe an object with properties: {“type”: “object”, “properties”: …}."))
    _check_part(schema, depth=1)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as problem:
        raise InvalidInput("schema", _("This is no JSON Schema: %(why)s") % {"why": problem.message[:200]}) from problem
    if taken := RESERVED & schema["properties"].keys():
        raise InvalidInput("schema", _("%(member)s is the same for every type: leave it out.") % {"member": min(taken)})
    return schema


def _check_part(part: Any, *, depth: int) -> None:
    if not isinstance(part, dict) or not isinstance(part.get("type"), str) or part["type"] not in TYPES:
        raise InvalidInput("schema", _("Give each part one type: object, array, string, number, integer or boolean."))
    if depth > DEEPEST:
        raise InvalidInput("schema", _("Nest at most %(deepest)s levels.") % {"deepest": DEEPEST})
    if unknown := part.keys() - ALLOWED:
        raise InvalidInput("schema", _("%(keyword)s is not taken here.") % {"keyword": min(unknown)})
    if part["type"] == "object":
        if not isinstance(part.get("properties"), dict):
            raise InvalidInput("schema", _("An object names its properties."))
        # What a schema does not name cannot be told to people, so it cannot be asked for.
        part["additionalProperties"] = False
        for name, inner in part["properties"].items():
            if not _NAME.match(name):
                raise InvalidInput("schema", _("%(name)s is no name: use letters, digits, _ and -.") % {"name": name})
            _check_part(inner, depth=depth + 1)
    if part["type"] == "array":
        _check_part(part.get("items"), depth=depth + 1)
        part["maxItems"] = _at_most(part.get("maxItems"), MOST_ITEMS)
    if part["type"] == "string":
        part["maxLength"] = _at_most(part.get("maxLength"), LONGEST_TEXT)


def _at_most(number: Any, most: int) -> Any:
    """Return the smaller one. What is no number at all is left for the check of the schema as a whole."""
    return number if number is not None and not (isinstance(number, int) and number > most) else most


def _multiple_of(_validator: Any, step: Any, number: Any, _schema: Any) -> Iterator[ValidationError]:
    """``multipleOf`` in decimal, as it is written: for binary fractions 19.99 is no multiple of 0.01."""
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    if is_number and _is_no_multiple(Decimal(str(number)), Decimal(str(step))):
        yield ValidationError(f"{number!r} is not a multiple of {step!r}")


def _is_no_multiple(number: Decimal, step: Decimal) -> bool:
    # More digits between the two than a decimal holds: no whole number of steps can be told from another.
    return number != 0 and (number.adjusted() - step.adjusted() > 20 or number % step != 0)


_Validator = extend(Draft202012Validator, {"multipleOf": _multiple_of})


def part_at(schema: dict[str, Any], member: str) -> dict[str, Any] | None:
    """Return the schema of a member, with dots for members of members, or None."""
    part: Any = schema
    for name in member.split("."):
        part = part.get("properties", {}).get(name) if isinstance(part, dict) else None
    return part if isinstance(part, dict) else None


@dataclass(frozen=True, slots=True)
class Misfit:
    """What does not fit a schema, and where. said: in English for a developer. keyword, expected: as the schema says it."""

    member: str
    said: str
    keyword: str = ""
    expected: Any = None


def problem_with(value: dict[str, Any], schema: dict[str, Any]) -> str:
    """Return why these members are not what the schema allows, in English for a developer. Empty: they are."""
    misfit = misfit_of(value, schema)
    if misfit is None:
        return ""
    return f"{misfit.member}: {misfit.said}" if misfit.member else misfit.said


def misfit_of(value: dict[str, Any], schema: dict[str, Any]) -> Misfit | None:
    """Return the first thing that is not what the schema allows. None: all of it is."""
    if any(not math.isfinite(number) for number in _numbers(value)):
        return Misfit("", "a number is not finite")
    if _longest_list(value) > MOST_ITEMS:  # before they are compared, each with each
        return Misfit("", f"a list has more than {MOST_ITEMS} items")
    errors = sorted(_Validator(schema).iter_errors(value), key=lambda error: list(map(str, error.path)))
    if not errors:
        return None
    first: Any = errors[0]
    return Misfit(".".join(map(str, first.path)), _said(first), str(first.validator), first.validator_value)


def _said(error: ValidationError) -> str:
    """Say what is wrong without saying the value: it can name people, and goes into addresses and into the trail."""
    keyword: Any = error.validator
    expected: Any = error.validator_value
    value: Any = error.instance
    within: Any = error.schema
    if keyword == "additionalProperties":
        unknown = sorted(name for name in value.keys() - within["properties"].keys() if _NAME.match(name))
        return f"it has no member {unknown[0] if unknown else 'of such a name'}"
    if keyword == "required":
        return f"it needs {', '.join(sorted(set(expected) - value.keys()))}"[:200]
    return f"it must have {keyword} {json.dumps(expected)}"[:200]


def _longest_list(value: Any) -> int:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    here = len(value) if isinstance(value, list) else 0
    return max([here, *map(_longest_list, inner)])


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _numbers(inner)
    elif isinstance(value, float):
        yield value
