"""The geometry of the two-week plot: numbers of each day in, bars of an SVG out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

WIDTH, HEIGHT = 720.0, 120.0
SMALLEST = 2.0
"""A day with one refusal among thousands of tokens still shows a line."""


class Day(Protocol):
    """What the plot needs to know of a day."""

    @property
    def date(self) -> date: ...
    @property
    def issued(self) -> int: ...
    @property
    def refused(self) -> int: ...


@dataclass(frozen=True)
class Bar:
    """One day as drawn: two stacked rectangles, and the figures that they stand for."""

    date: date
    issued: int
    refused: int
    x: str
    width: str
    issued_y: str
    issued_height: str
    refused_y: str
    refused_height: str


@dataclass(frozen=True)
class Plot:
    """The whole picture."""

    bars: tuple[Bar, ...]
    top: int
    half: int

    @property
    def is_empty(self) -> bool:
        return not any(bar.issued or bar.refused for bar in self.bars)


def bar_plot(days: Iterable[Day]) -> Plot:
    """Draw the days in the order given, on a scale that ends at a round number."""
    listed = list(days)
    top = _round_up(max((day.issued + day.refused for day in listed), default=0))
    slot = WIDTH / max(1, len(listed))
    bars = []
    for place, day in enumerate(listed):
        issued = _height(day.issued, top)
        refused = _height(day.refused, top)
        foot = max(HEIGHT - issued, refused)
        bars.append(
            Bar(
                date=day.date,
                issued=day.issued,
                refused=day.refused,
                x=f"{place * slot + slot * 0.12:.1f}",
                width=f"{slot * 0.76:.1f}",
                issued_y=f"{foot:.1f}",
                issued_height=f"{HEIGHT - foot:.1f}",
                refused_y=f"{foot - refused:.1f}",
                refused_height=f"{refused:.1f}",
            )
        )
    return Plot(tuple(bars), top, top // 2)


def _height(number: int, top: int) -> float:
    return max(SMALLEST, number / top * HEIGHT) if number else 0.0


def _round_up(number: int) -> int:
    """Return a round number not below this one, of which half is a whole number too: 2, 4, 6, 8, 10, 12, 16, 20, 30 … 120, 160 …"""
    if number <= 10:
        return max(2, number + number % 2)
    power = 10 ** (len(str(number)) - 2)
    return next(step * power for step in (10, 12, 16, 20, 30, 40, 60, 80, 100) if step * power >= number)
