"""Nudges: messages that let a worker look at once for what stands in the database. Beat asks again, so one may get lost.

A queue that hangs must not hold up the page on which somebody has just revoked: a nudge goes over a connection of its own,
which is given up soon.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from celery import current_app
from django.db import connection, transaction

PATIENCE = {
    "socket_connect_timeout": 0.3,
    "socket_timeout": 0.5,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "connect_retries_timeout": 0.5,
}
"""How long a nudge waits for Redis, in seconds. Other queues know nothing of these."""


def nudge_when_through(task: str) -> None:
    """Let a worker run this task once the caller's transaction is through. One nudge is enough for all that it wrote."""
    nudge = _nudge_for(task)
    if not any(entry[1] is nudge for entry in connection.run_on_commit):
        # robust: a queue that cannot be reached costs the nudge, not the change.
        transaction.on_commit(nudge, robust=True)


@cache
def _nudge_for(task: str) -> Callable[[], None]:
    def nudge() -> None:
        # By its name alone: in a command nobody has loaded the tasks, and some belong to a floor above.
        with current_app.connection_for_write(transport_options=PATIENCE) as queue:
            current_app.signature(task).apply_async(connection=queue, retry=False)

    return nudge  # a function, and no partial: Django says its name where it fails
