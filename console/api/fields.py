"""Members of a body, taken as JSON has them: no number that looks like text, no text that looks like a number, nothing trimmed.

Each says in the OpenAPI document what it takes, so that the document and the answers agree; a test walks both.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction
from rest_framework import serializers

AS_IN = "2026-03-02T09:41:07+01:00"


class OnlyKnown(serializers.Serializer[Any]):
    """A serializer that refuses members it does not know: a value must not slip in under a name of its own."""

    def to_internal_value(self, data: Any) -> Any:
        """Read the members. Raises ValidationError for unknown ones."""
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            shown = {_printable(name): ["This member is not known here."] for name in unknown[:10]}
            raise serializers.ValidationError(shown)
        return super().to_internal_value(data)


class OnlyKnownInTheDocument(OpenApiSerializerExtension):
    """Say in the document that nothing beside the members is taken."""

    target_class = OnlyKnown
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> dict[str, Any]:
        # The way that the library's own documentation has for adding to what it makes of a serializer.
        made = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)  # noqa: SLF001
        return {**made, "additionalProperties": False}


class StrictInteger(serializers.IntegerField):
    """A JSON number without fraction (3 and 3.0 are one number); no text, no true."""

    def to_internal_value(self, data: Any) -> int:
        whole = int(data) if isinstance(data, float) and data.is_integer() else data
        if isinstance(whole, bool) or not isinstance(whole, int):
            self.fail("invalid")
        return super().to_internal_value(whole)


class StrictText(serializers.RegexField):
    """A JSON string that matches as it stands; no number that looks like one, no blanks taken off, no half of a character.

    Halves of surrogate pairs are refused here and not by the pattern: they are no Unicode text, so that patterns of other
    languages, by which readers of the document check, cannot name them.
    """

    def __init__(self, regex: str, **options: Any) -> None:
        super().__init__(regex, trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or any("\ud800" <= character <= "\udfff" for character in data):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictId(serializers.UUIDField):
    """A UUID as a JSON string; no number."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class Moment(serializers.DateTimeField):
    """A moment as RFC 3339 writes it, with its time zone: 09:41 alone is another moment in another place."""

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str):
            self.fail("invalid", format=AS_IN)
        return super().to_internal_value(value)

    def enforce_timezone(self, value: datetime) -> datetime:
        if timezone.is_naive(value):
            self.fail("invalid", format=AS_IN)
        return super().enforce_timezone(value)


def _printable(name: str) -> str:
    return name[:80].encode("ascii", "backslashreplace").decode()
