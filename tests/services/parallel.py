"""Many at once: what a race test needs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from django.db import connections


@dataclass
class Outcome:
    """What came of many tries: what those returned that came through, and what the others raised."""

    returned: list[Any] = field(default_factory=list)
    raised: list[Exception] = field(default_factory=list)

    def raised_only(self, *kinds: type[Exception]) -> bool:
        """Tell whether everybody who failed did so with one of these errors."""
        return all(isinstance(error, kinds) for error in self.raised)


def at_once(count: int, action: Callable[[int], Any]) -> Outcome:
    """Call ``action(0) … action(count - 1)`` from threads that all start at the same moment, and close their connections.

    For tests with ``django_db(transaction=True)``: a thread sees only what is committed.
    """
    gate = threading.Barrier(count)
    outcome = Outcome()

    def one(number: int) -> None:
        try:
            gate.wait(timeout=30)
            result = action(number)
        except Exception as error:  # noqa: BLE001  (the test asks what it was)
            outcome.raised.append(error)
        else:
            outcome.returned.append(result)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=count) as pool:
        list(pool.map(one, range(count)))
    return outcome
