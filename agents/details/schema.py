"""JSON Schemas of detail types: a small part of draft 2020-12 in which nothing is fetched and nothing takes long.

Left out on purpose: ``$ref`` (would be fetched, or loop), ``pattern`` and its kin (a catastrophic one ends a worker),
combinators (nobody could read on a screen what they allow). Objects are closed: a member that the schema does not name
is refused (RFC 9396 §5; security.md S43).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

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


def checked_schema(text: str) -> dict[str, Any]:
    """Return the schema that this JSON text spells. Raises InvalidInput with what to mend."""
    if len(text) > LONGEST_SCHEMA:
        raise InvalidInput("schema", _("Use at most %(longest)s characters.") % {"longest": LONGEST_SCHEMA})
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise InvalidInput("schema", _("This is not JSON: look for a missing comma or bracket.")) from problem
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
    if not isinstance(part, dict) or part.get("type") not in TYPES:
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
        for inner in part["properties"].values():
            _check_part(inner, depth=depth + 1)
    if part["type"] == "array":
        _check_part(part.get("items"), depth=depth + 1)
    if part["type"] == "string":
        part["maxLength"] = min(part.get("maxLength", LONGEST_TEXT), LONGEST_TEXT)


def part_at(schema: dict[str, Any], member: str) -> dict[str, Any] | None:
    """Return the schema of a member, with dots for members of members, or None."""
    part: Any = schema
    for name in member.split("."):
        part = part.get("properties", {}).get(name) if isinstance(part, dict) else None
    return part if isinstance(part, dict) else None


def problem_with(value: dict[str, Any], schema: dict[str, Any]) -> str:
    """Return why these members are not what the schema allows, in English for a developer. Empty: they are."""
    if any(not math.isfinite(number) for number in _numbers(value)):
        return "a number is not finite"
    errors = sorted(Draft202012Validator(schema).iter_errors(value), key=lambda error: list(map(str, error.path)))
    if not errors:
        return ""
    path = ".".join(str(step) for step in errors[0].path)
    return f"{path}: {errors[0].message[:200]}" if path else errors[0].message[:200]


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _numbers(inner)
    elif isinstance(value, float):
        yield value
