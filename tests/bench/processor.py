"""How much processor time a request takes, and whose: unlike requests a second, hardly changed by what else the machine does."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.bench.load import Measured

TICK = 1 / os.sysconf("SC_CLK_TCK")


class Watch:
    """Adds up what these processes, and all that they started, take while something is measured. Beside them the load itself."""

    def __init__(self, **processes: int) -> None:
        self.processes = {**processes, "load": os.getpid()}
        self.seconds = dict.fromkeys(self.processes, 0.0)
        self.answers = 0

    def during(self, run: Callable[[], Measured]) -> Measured:
        """Let it run, and add what it took."""
        before = self._spent()
        measured = run()
        for name, after in self._spent().items():
            self.seconds[name] += after - before[name]
        self.answers += len(measured.latencies) + measured.errors
        return measured

    def each(self) -> dict[str, float]:
        """Return the microseconds that one answer took, by name, and in all."""
        taken = {name: seconds / self.answers * 1e6 for name, seconds in self.seconds.items()}
        return {**taken, "all": sum(taken.values())}

    def _spent(self) -> dict[str, float]:
        return {
            name: sum(_seconds_of(each) for each in ([pid] if name == "load" else descendants(pid)))
            for name, pid in self.processes.items()
        }


def descendants(pid: int) -> list[int]:
    """Return a process and all that it started, as far as they still run."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    return [pid, *(each for child in children for each in descendants(int(child)))]


def _seconds_of(pid: int) -> float:
    try:
        # The name of the program, in brackets, may hold anything; user and system time are the 12th and 13th word after it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * TICK
