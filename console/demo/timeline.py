"""What happens when. Steps are told in any order and run in the order of their times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

Action = Callable[[datetime], object]


@dataclass
class Timeline:
    """The steps of a story. What lies after its end does not happen."""

    end: datetime
    steps: list[tuple[datetime, int, Action]] = field(default_factory=list)

    def at(self, moment: datetime, action: Action) -> None:
        """Let this happen then; ``action`` gets the time. Of two at the same time the one told first comes first."""
        if moment < self.end:
            self.steps.append((moment, len(self.steps), action))

    def run(self) -> int:
        """Let everything happen. Returns how many steps there were."""
        for moment, _, action in sorted(self.steps, key=lambda step: step[:2]):
            action(moment)
        return len(self.steps)
