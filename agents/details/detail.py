"""One detail that is asked for or granted: its type's version and what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from agents.details.narrowing import is_within, narrowed
from agents.details.words import in_words, rest
from agents.models import DetailVersion


@dataclass(frozen=True, slots=True)
class Detail:
    """value: the members beside ``type``."""

    version: DetailVersion
    value: dict[str, Any]

    @property
    def sentence(self) -> str:
        """What it says, in the words of its type."""
        return in_words(self.version.words, self.value)

    @property
    def rest(self) -> list[tuple[str, str]]:
        """What it says beside the sentence: pairs of member and text."""
        return rest(self.version.words, self.value)

    @property
    def name(self) -> str:
        """The type, as clients and resources call it."""
        return self.version.type.name

    def is_within(self, other: Detail) -> bool:
        """Whether it asks for no more than the other."""
        return self.name == other.name and is_within(self.value, other.value, self.version.narrowing)

    def narrowed(self, choice: Mapping[str, Any]) -> Detail:
        """Return it made less as chosen. Raises InvalidInput."""
        return replace(self, value=narrowed(self.value, choice, self.version.narrowing, self.version.schema))

    def kept(self) -> dict[str, Any]:
        """Return it as a consent keeps it, with all that a later question about it needs."""
        return {
            "type": self.name,
            "version": str(self.version.pk),
            "value": self.value,
            "words": self.sentence,
            "narrowing": self.version.narrowing,
        }


def as_granted(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return a kept detail as tokens and introspection say it (RFC 9396 §7, §9)."""
    return {"type": kept["type"], **kept["value"]}
