"""Many at once: what a race test needs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, connections, transaction


@dataclass
class Outcome:
    """What came of many tries: what those returned that came through, and what the others raised."""

    returned: list[Any] = field(default_factory=list)
    raised: list[BaseException] = field(default_factory=list)

    def raised_only(self, *kinds: type[Exception]) -> bool:
        """Tell whether everybody who failed did so with one of these errors."""
        return all(isinstance(error, kinds) for error in self.raised)


def at_once(count: int, action: Callable[[int], Any]) -> Outcome:
    """Call ``action(0) … action(count - 1)`` from threads that all start at the same moment, and close their connections.

    For tests with ``django_db(transaction=True)``: a thread sees only what is committed.
    """
    gate = threading.Barrier(count)

    def one(number: int) -> Any:
        try:
            gate.wait(timeout=30)
            return action(number)
        finally:
            connections.close_all()

    outcome = Outcome()
    with ThreadPoolExecutor(max_workers=count) as pool:
        for tried in [pool.submit(one, number) for number in range(count)]:
            error = tried.exception()
            if error is None:
                outcome.returned.append(tried.result())
            else:
                outcome.raised.append(error)
    return outcome


def one_then_the_other(first: Callable[[], Any], second: Callable[[], Any]) -> BaseException | None:
    """Do the second while the first is done and not committed: it waits. Returns what the second raised, if it did."""
    done, over = threading.Event(), threading.Event()

    def run_first() -> None:
        try:
            with transaction.atomic():
                first()
                done.set()
                for _ in range(100):
                    if over.wait(timeout=0.05) or _somebody_waits():
                        break
        finally:
            connections.close_all()

    def run_second() -> None:
        try:
            done.wait(timeout=30)
            second()
        finally:
            over.set()
            connections.close_all()

    with ThreadPoolExecutor(max_workers=2) as pool:
        before, after = pool.submit(run_first), pool.submit(run_second)
        before.result()
        return after.exception()


def _somebody_waits() -> bool:
    """Whether somebody waits for a lock of this transaction. SQLite lets nobody come so far while another one writes."""
    if connection.vendor != "postgresql":
        return True
    waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    with connection.cursor() as cursor:
        cursor.execute(waits)
        return cursor.fetchone() is not None
