"""A form for one detail, made of its type's schema: plain fields for whoever asks on behalf of a program (RFC 9396).

A member of a member is a field of its own. What a form cannot ask for in plain fields, such as a list of objects, is
written as JSON. What comes back is held against the schema as a client's request is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from agents.details.schema import Misfit, misfit_of
from agents.details.strict_json import LARGEST, NotStrict, strictly
from agents.details.words import say
from agents.models import DetailVersion

PREFIX = "member"
MOST_DIGITS = 18
MOST_PLACES = 9
DEEPEST_JSON = 6


class DetailForm(forms.Form):
    """The members of one detail. value: what was filled in, once it is valid."""

    def __init__(
        self, version: DetailVersion, data: Mapping[str, Any] | None = None, *, value: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(data, prefix=PREFIX, initial=_as_initial(version.schema, value) if value else None)
        self.version = version
        self.value: dict[str, Any] = {}
        for member, part, required in _leaves(version.schema):
            self.fields[member] = _field(member, part, required=required)

    def clean(self) -> dict[str, Any]:
        """Put the members together and hold them against the schema."""
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        self.value = _assembled(self.version.schema, cleaned)
        if misfit := misfit_of(self.value, self.version.schema):
            self.add_error(self._field_of(misfit, cleaned), _in_words(misfit))
        return cleaned

    def _field_of(self, misfit: Misfit, cleaned: Mapping[str, Any]) -> str | None:
        """Return the field to mend. One that is missing is a member of the object that misses it."""
        if misfit.keyword != "required":
            return misfit.member if misfit.member in self.fields else None
        inside = f"{misfit.member}." if misfit.member else ""
        missing = (f"{inside}{name}" for name in misfit.expected)
        return next((name for name in missing if name in self.fields and not cleaned.get(name)), None)


# ----------------------------------------------------------------------------------------------------------- fields


def _leaves(schema: Mapping[str, Any], before: str = "", *, needed: bool = True) -> Iterator[tuple[str, Any, bool]]:
    """Give each member that is no object: its path, its schema, and whether it must be filled in."""
    for name, part in schema["properties"].items():
        required = needed and name in schema.get("required", ())
        if part["type"] == "object":
            yield from _leaves(part, f"{before}{name}.", needed=required)
        else:
            yield f"{before}{name}", part, required


def _field(member: str, part: Mapping[str, Any], *, required: bool) -> forms.Field:
    facts: dict[str, Any] = {
        "required": required,
        "label": str(part.get("title") or member.replace("_", " ").replace(".", " ")),
        "help_text": str(part.get("description", "")),
    }
    choices = _choices(part)
    if choices is not None:
        empty = [] if required else [("", _("(leave it out)"))]
        return forms.ChoiceField(choices=[*empty, *choices], **facts)
    if part["type"] == "array":
        return _list_field(part, facts)
    if part["type"] == "boolean":
        answers = [("true", _("yes")), ("false", _("no"))]
        return forms.ChoiceField(choices=answers if required else [("", _("(leave it out)")), *answers], **facts)
    limits = {"min_value": part.get("minimum"), "max_value": part.get("maximum")}
    if part["type"] == "integer":
        return forms.IntegerField(**facts, **{"min_value": -LARGEST, "max_value": LARGEST, **_given(limits)})
    if part["type"] == "number":
        return forms.DecimalField(
            max_digits=MOST_DIGITS + MOST_PLACES, decimal_places=MOST_PLACES, localize=True, **facts, **_given(limits)
        )
    if part.get("format") == "date":
        return forms.DateField(widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"), **facts)
    return forms.CharField(min_length=part.get("minLength"), max_length=part["maxLength"], strip=False, **facts)


def _given(limits: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: Decimal(str(limit)) if isinstance(limit, float) else limit
        for name, limit in limits.items()
        if limit is not None
    }


def _choices(part: Mapping[str, Any]) -> list[tuple[str, str]] | None:
    """Return what there is to choose from, by its place: the values themselves may be of any type."""
    values = part.get("enum", [part["const"]] if "const" in part else None)
    return None if values is None else [(str(place), say(value)) for place, value in enumerate(values)]


def _list_field(part: Mapping[str, Any], facts: Mapping[str, Any]) -> forms.Field:
    items = part["items"]
    choices = _choices(items)
    if choices is not None:
        return forms.MultipleChoiceField(choices=choices, widget=forms.CheckboxSelectMultiple, **facts)
    if items["type"] in {"string", "number", "integer"}:
        return LinesField(items, **{**facts, "help_text": facts["help_text"] or _("One on each line.")})
    return JsonField(**{**facts, "help_text": facts["help_text"] or _("As JSON.")})


class LinesField(forms.CharField):
    """A list, one item on each line."""

    def __init__(self, items: Mapping[str, Any], **facts: Any) -> None:
        super().__init__(widget=forms.Textarea({"rows": 3, "spellcheck": "false"}), max_length=10_000, **facts)
        self.items = items

    def clean(self, value: Any) -> list[Any]:
        lines = [line.strip() for line in str(super().clean(value)).splitlines() if line.strip()]
        if self.items["type"] == "string":
            return lines
        inner = _field("item", self.items, required=True)
        return [inner.clean(line) for line in lines]


class JsonField(forms.CharField):
    """A member that has no plainer form."""

    def __init__(self, **facts: Any) -> None:
        super().__init__(widget=forms.Textarea({"rows": 4, "spellcheck": "false"}), max_length=10_000, **facts)

    def clean(self, value: Any) -> Any:
        text = str(super().clean(value)).strip()
        try:
            return strictly(text, deepest=DEEPEST_JSON) if text else ""
        except NotStrict as problem:
            raise forms.ValidationError(
                _("This is not JSON that can be taken: %(why)s.") % {"why": problem}
            ) from problem


# --------------------------------------------------------------------------------------------------------- to and fro


def _assembled(schema: Mapping[str, Any], cleaned: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return the members. What was left empty is left out, and an object of which nothing is filled in with it."""
    found: dict[str, Any] = {}
    for name, part in schema["properties"].items():
        member = f"{before}{name}"
        if part["type"] == "object":
            inner = _assembled(part, cleaned, f"{member}.")
            if inner or name in schema.get("required", ()):
                found[name] = inner
        elif (given := cleaned.get(member)) not in ("", None, []):
            found[name] = _as_json(part, given)
    return found


def _as_json(part: Mapping[str, Any], given: Any) -> Any:
    if "enum" in part or "const" in part:
        return part.get("enum", [part.get("const")])[int(given)]
    if part["type"] == "array" and ("enum" in part["items"] or "const" in part["items"]):
        return [_as_json(part["items"], place) for place in given]
    if part["type"] == "array" and part["items"]["type"] in {"number", "integer"}:
        return [_as_json(part["items"], item) for item in given]
    if part["type"] == "boolean":
        return given == "true"
    if isinstance(given, Decimal):
        return int(given) if given == given.to_integral_value() else float(given)
    return given.isoformat() if part.get("format") == "date" else given


def _as_initial(schema: Mapping[str, Any], value: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Return what the form shows of a detail that was filled in before."""
    found: dict[str, Any] = {}
    for name, part in schema["properties"].items():
        if name not in value:
            continue
        if part["type"] == "object":
            found |= _as_initial(part, value[name], f"{before}{name}.")
        else:
            found[f"{before}{name}"] = _as_text(part, value[name])
    return found


def _as_text(part: Mapping[str, Any], value: Any) -> Any:
    if "enum" in part:
        return str(part["enum"].index(value)) if value in part["enum"] else ""
    if part["type"] == "array" and "enum" in part["items"]:
        return [_as_text(part["items"], item) for item in value]
    if part["type"] == "array" and part["items"]["type"] in {"string", "number", "integer"}:
        return "\n".join(str(item) for item in value)
    if part["type"] == "boolean":
        return "true" if value else "false"
    return Decimal(str(value)) if part["type"] == "number" else value


def _in_words(misfit: Misfit) -> str:
    """Say what does not fit the schema, to somebody at a form."""
    said = {
        "required": _("Fill this in."),
        "exclusiveMinimum": _("Give more than %(limit)s."),
        "exclusiveMaximum": _("Give less than %(limit)s."),
        "minimum": _("Give at least %(limit)s."),
        "maximum": _("Give at most %(limit)s."),
        "multipleOf": _("Give a multiple of %(limit)s."),
        "minItems": _("Name at least %(limit)s."),
        "maxItems": _("Name at most %(limit)s."),
        "uniqueItems": _("Name each only once."),
    }.get(misfit.keyword, _("This is not what the type allows: %(why)s."))
    return said % {"limit": say(misfit.expected), "why": misfit.said}
