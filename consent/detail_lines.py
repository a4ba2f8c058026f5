"""The details of one permission on a screen: what is asked for and what is held already, each ready to be made less."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agents.details.detail import Detail
from agents.details.narrowing import Narrowing, value_at
from agents.details.schema import part_at, problem_with
from agents.models import AgentScope, DetailVersion
from consent.models import ConsentScope


@dataclass(frozen=True, slots=True)
class NarrowField:
    """One member that a person may make less. choices: the items of a list, with their words; empty for a number."""

    member: str
    label: str
    field: str
    most: Any
    choices: tuple[str, ...] = ()
    whole: bool = False

    @property
    def is_number(self) -> bool:
        return not self.choices


@dataclass(frozen=True, slots=True)
class DetailLine:
    """One detail as it is offered. key: by which a form names it. new: nothing that is held covers it."""

    detail: Detail
    key: str
    new: bool

    @property
    def words(self) -> str:
        return self.detail.sentence

    @property
    def rest(self) -> list[tuple[str, str]]:
        return self.detail.rest

    @property
    def narrow_fields(self) -> list[NarrowField]:
        """What may be made less, in the order of their names. A list of one item has nothing to leave out."""
        found = []
        for number, (member, how) in enumerate(sorted(self.detail.version.narrowing.items())):
            most = value_at(self.detail.value, member)
            choices = tuple(str(item) for item in most) if how == Narrowing.SUBSET and isinstance(most, list) else ()
            if most is None or (how == Narrowing.SUBSET and len(choices) < 2):
                continue
            part = part_at(self.detail.version.schema, member) or {}
            label = str(part.get("title") or member.replace("_", " ").replace(".", " "))
            found.append(
                NarrowField(member, label, f"narrow-{self.key}-{number}", most, choices, part.get("type") == "integer")
            )
        return found

    def as_shown(self) -> dict[str, Any]:
        """What the screen says of it, word for word."""
        return {
            "type": self.detail.name,
            "version": self.detail.version.version,
            "words": self.words,
            "rest": [list(pair) for pair in self.rest],
            "value": self.detail.value,
            "new": self.new,
        }


KnownVersions = Mapping[uuid.UUID, DetailVersion | None]
"""What counts now of the types of scopes that were read already, by scope; None for a scope without a type."""


def kept_details(
    held: Iterable[ConsentScope],
    asked: Mapping[uuid.UUID, tuple[Detail, ...]],
    rows: Iterable[AgentScope],
    known: KnownVersions,
) -> dict[uuid.UUID, tuple[DetailLine, ...]]:
    """Return the lines by scope, for each of these scopes that can be offered. One query for what is not known yet.

    A scope without a type has none; one with a type is offered only for something. What is held stays offered, unless
    its type has come to say something else which it does not fit.
    """
    ids = [row.scope_id for row in rows]
    unknown = [scope_id for scope_id in ids if scope_id not in known]
    current = {**known, **(DetailVersion.objects.by_scope(unknown) if unknown else {})}
    by_scope = {row.scope_id: row for row in held}
    found: dict[uuid.UUID, tuple[DetailLine, ...]] = {}
    for scope_id in ids:
        version = current.get(scope_id)
        if version is None:
            found[scope_id] = ()
        elif lines := detail_lines(version, by_scope.get(scope_id), asked.get(scope_id, ())):
            found[scope_id] = lines
    return found


def detail_lines(
    version: DetailVersion, held: ConsentScope | None, asked: tuple[Detail, ...]
) -> tuple[DetailLine, ...]:
    """Return what is asked for, and beside it what is held and not asked for again."""
    kept = [Detail(version, each["value"]) for each in held.details] if held else []
    kept = [detail for detail in kept if not problem_with(detail.value, version.schema)]
    more = [detail for detail in kept if not any(detail.is_within(each) for each in asked)]
    return tuple(
        DetailLine(
            detail,
            f"{version.type.scope_id}-{number}",
            new=bool(held) and not any(detail.is_within(each) for each in kept),
        )
        for number, detail in enumerate([*asked, *more])
    )
