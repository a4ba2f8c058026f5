"""Passing work on: to which other agents an agent may hand over what a person allows it, and how many times.

The person unticks or leaves it on the consent screen and can take it back later (``limit_passing``). It stands with the
consent that the person gave; what was passed on stands under consents derived from that one (``consent/passing_on/derived.py``).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Passing:
    """to: the ids of the agents. deep: how many times it may be handed over, one agent after another."""

    to: frozenset[uuid.UUID] = frozenset()
    deep: int = 0

    def __bool__(self) -> bool:
        return bool(self.to) and self.deep > 0

    def allows(self, path: Sequence[uuid.UUID]) -> bool:
        """Whether work may have gone along these agents, one after another, from the agent that was allowed it.

        Each is named, none comes twice, and there are no more of them than the person allowed.
        """
        return len(path) <= self.deep and len(set(path)) == len(path) and self.to.issuperset(path)

    def is_narrower(self, than: Passing) -> bool:
        """Whether this allows less than that, and nothing that that does not."""
        return self != than and self.to <= than.to and self.deep <= than.deep

    def without(self, agents: Iterable[uuid.UUID]) -> Self:
        return replace(self, to=self.to - frozenset(agents))

    def as_kept(self) -> dict[str, Any] | None:
        """Return the JSON by which a consent keeps it; None for a consent that passes nothing on, as most do."""
        return {"to": sorted(map(str, self.to)), "deep": self.deep} if self else None


NOTHING = Passing()


def passing_from(kept: Mapping[str, Any] | None) -> Passing:
    """Return what a consent keeps. What cannot be read raises ValueError or KeyError: it must not count as permission."""
    if not kept:
        return NOTHING
    return Passing(frozenset(map(uuid.UUID, kept["to"])), int(kept["deep"]))
