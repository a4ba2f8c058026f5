"""No wait for PostgreSQL is without end (security.md F9).

libpq has time-outs for connecting and for a peer that is gone, and the server ends a statement that takes too long; none of
them helps where the server hangs: its machine still acknowledges, and it ends nothing any more. So each wait for an answer
has a deadline here. Whoever meets it cannot know whether their statement counted; the connection is closed, and what was
asked gets the same 503 as after a crash (F8), safe to repeat.

Replaced: the class that ``Database.connect`` makes. Unnecessary once Django lets a setting name it.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, TypeVar

import psycopg
from django.db.backends.postgresql import base
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

ANSWER = TypeVar("ANSWER")
LOOKS_EVERY = 0.1
"""Seconds between two looks for Ctrl-C, as psycopg does it."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that waits so many seconds for each answer. None: as long as it takes."""

    read_within: float | None = None

    def wait(self, gen: PQGen[ANSWER], interval: float = LOOKS_EVERY, timeout: float | None = None) -> ANSWER:
        """Wait as psycopg does, but not without end. Raises psycopg.OperationalError."""
        try:
            return super().wait(gen, interval, self.read_within if timeout is None else timeout)
        except psycopg.OperationalError:
            # Without its answer nobody can tell what the connection would say next: it is of no use to anybody.
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()
            raise


_driver = ModuleType("psycopg")
vars(_driver).update({**vars(psycopg), "connect": BoundedConnection.connect})


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's own, over such connections. The option ``read_within`` says how many seconds."""

    Database = _driver

    def get_connection_params(self) -> dict[str, Any]:
        """Return what psycopg connects with: without our own option, which it does not know."""
        params: dict[str, Any] = super().get_connection_params()
        params.pop("read_within", None)
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a connection with the deadline."""
        connection = super().get_new_connection(conn_params)
        connection.read_within = self.settings_dict["OPTIONS"].get("read_within")
        # psycopg prepares nothing by itself: after a rollback it would throw away (DEALLOCATE ALL) what it has prepared, and
        # with it what agents/database/prepared.py has.
        connection.prepare_threshold = None
        return connection

    def take_your_time(self, *, unlimited: bool = True) -> None:
        """Lift the limits of this connection for work such as a migration, or set them again."""
        with self.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0" if unlimited else "RESET statement_timeout")
        self.connection.read_within = None if unlimited else self.settings_dict["OPTIONS"].get("read_within")
