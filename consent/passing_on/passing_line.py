"""What the consent screen says of passing work on: to whom, how far, and whether it starts ticked."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any, Self

from agents.models import Agent, Recipient
from consent.models import Consent
from consent.passing_on.passing import Passing
from consent.passing_on.passing_words import how_far


@dataclass(frozen=True, slots=True)
class PassingLine:
    """The one sentence that a person can untick. to: ids and names of the agents, by name."""

    to: tuple[tuple[uuid.UUID, str], ...]
    deep: int
    ticked: bool

    @property
    def names(self) -> list[str]:
        return [name for _, name in self.to]

    @property
    def how_far(self) -> str:
        return how_far(self.deep)

    def passing(self) -> Passing:
        """Return what is allowed by leaving it ticked."""
        return Passing(frozenset(key for key, _ in self.to), self.deep)

    def at_most(self, held: Passing) -> Self | None:
        """Return it without what a consent does not hold: agreeing to a change never adds anything."""
        to = tuple(pair for pair in self.to if pair[0] in held.to)
        return replace(self, to=to, deep=min(self.deep, held.deep)) if to and held.deep else None

    def as_shown(self) -> dict[str, Any]:
        return {"to": [{"id": str(key), "name": name} for key, name in self.to], "deep": self.deep}


def passing_line(agent: Agent, held: Consent | None, *, sensitive: bool) -> PassingLine | None:
    """Return the sentence for what this agent is registered to ask, or None where it asks for nothing. One query.

    Beside something sensitive it starts unticked, unless the consent that this one takes the place of holds it.
    """
    rows = Recipient.objects.asked_by(agent)
    to = tuple((row.recipient_id, row.recipient.name) for row in rows)
    if not to:
        return None
    line = PassingLine(to, agent.passes_deep, ticked=not sensitive)
    return line if held is None else replace(line, ticked=_is_held(line.passing(), held.passes))


def _is_held(asked: Passing, held: Passing) -> bool:
    return asked == held or asked.is_narrower(held)


def answered(line: PassingLine | None, *, ticked: bool | None) -> dict[str, Any]:
    """Return what the screen said and what the person did, as it is kept with the consent."""
    if line is None:
        return {}
    return {"passes_on": line.ticked if ticked is None else ticked}
