"""The lines of an offer: one permission each, under the resource where it counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from agents.details.detail import Detail
from agents.models import Resource, Scope, ScopeWording
from agents.rules import Rule
from consent.detail_lines import DetailLine


@dataclass(frozen=True, slots=True)
class Line:
    """One permission as it is offered.

    locked: needed for the task, cannot be unticked. new: not held yet, where something else is. reworded: held, but
    people agreed to other words. at_most: its longest life in words, where that is shorter than the rest's.
    """

    scope: Scope
    wording: ScopeWording
    locked: bool
    confirmed_by: str
    new: bool
    reworded: bool
    ticked: bool
    rule: Rule
    at_most: str = ""
    details: tuple[DetailLine, ...] = ()

    @property
    def key(self) -> str:
        """The value by which a form names it."""
        return str(self.scope.pk)

    @property
    def sensitive(self) -> bool:
        return self.scope.is_sensitive

    @property
    def longest_life(self) -> timedelta:
        """For how long a consent may hold it, by itself and by its rule."""
        return min(self.scope.longest_life, self.rule.longest_life)

    def details_as_shown(self, granted: tuple[Detail, ...] | None) -> dict[str, Any]:
        """What the screen says of the details, and for what the scope was allowed. Nothing where it has no type."""
        if not self.details:
            return {}
        shown: dict[str, Any] = {"details": [line.as_shown() for line in self.details]}
        return shown | ({"granted": [detail.sentence for detail in granted]} if granted is not None else {})

    def weight(self) -> dict[str, Any]:
        """How much it lets an agent do, apart from its words. A consent is remembered only while this is as it was."""
        return {
            "access": self.scope.access,
            "data_class": self.scope.data_class,
            "sensitive": self.sensitive,
            "longest_life": self.longest_life.total_seconds(),
            **({"takes": demands} if (demands := self.rule.demands()) else {}),
        }


@dataclass(frozen=True, slots=True)
class Section:
    """The permissions at one resource, and when a change counts there."""

    resource: Resource
    promise: str
    new: bool
    lines: tuple[Line, ...]
