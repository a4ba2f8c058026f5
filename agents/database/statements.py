"""Running the few hand-written statements of the token path, where ORM compilation is what costs.

On PostgreSQL they are prepared: planning five joins anew for each token would take longer than running them.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.utils import CursorWrapper


@lru_cache(maxsize=1)
def on_postgresql() -> bool:
    """Whether the database is PostgreSQL. To ask the connection, which is this thread's own, takes longer each time."""
    return bool(connection.vendor == "postgresql")


def hot_cursor() -> CursorWrapper:
    """Return a cursor for a statement that runs again and again. Errors and query counts are Django's as ever.

    It binds parameters on the server, as ``prepared.py`` does; Django's usual cursor binds them here.
    """
    if not on_postgresql():
        return connection.cursor()
    from django.db.backends.postgresql.base import ServerBindingCursor

    connection.ensure_connection()
    cursor: Any = ServerBindingCursor(connection.connection)  # type: ignore[call-arg]  # stubs know psycopg2 only
    return connection.make_debug_cursor(cursor) if connection.queries_logged else connection.make_cursor(cursor)


def rows_of(statement: str, values: Iterable[Any], *, as_django: bool = False) -> list[tuple[Any, ...]]:
    """Return the rows of one statement that runs again and again. Raises Django's errors.

    as_django: each value as Django's cursor would return it, for Django to make a model's of.
    """
    return _run(statement, values, as_django=as_django)[0]


def changed_by(statement: str, values: Iterable[Any]) -> int:
    """Run one statement that changes rows, and return how many it changed. Raises Django's errors."""
    return _run(statement, values)[1]


def _run(statement: str, values: Iterable[Any], *, as_django: bool = False) -> tuple[list[tuple[Any, ...]], int]:
    here: Any = connections[DEFAULT_DB_ALIAS]  # once: the proxy looks for it at each attribute
    is_watched = here.queries_logged or here.execute_wrappers
    if not on_postgresql() or is_watched or not here.settings_dict["OPTIONS"].get("prepare_threshold"):
        with hot_cursor() as cursor:
            cursor.execute(statement, adapted(values))
            return (cursor.fetchall() if cursor.description else []), cursor.rowcount
    from agents.database.prepared import prepared_on  # where there is no PostgreSQL, nobody needs its library

    here.ensure_connection()
    here.validate_no_broken_transaction()
    with here.wrap_database_errors:
        return prepared_on(here.connection).run(statement, list(values), as_django=as_django)


@contextmanager
def turn_to_write() -> Iterator[None]:
    """Wait in a queue for the one writer that SQLite allows, where nothing of ours is being written yet.

    SQLite itself waits by asking again after 1, 2, 5, 10 … milliseconds: with two web processes that issue tokens, most
    of their time. The kernel wakes the next one at once. Nothing depends on the lock being held: it saves waiting only,
    and a process that dies gives it back. Inside a transaction we hold SQLite's own lock already, and taking this one
    then could wait for somebody who waits for us.
    """
    if on_postgresql() or connection.in_atomic_block:
        yield
        return
    queue = _queue(str(connection.settings_dict["NAME"]))
    fcntl.flock(queue, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(queue, fcntl.LOCK_UN)


@lru_cache(maxsize=4)
def _queue(database: str) -> int:
    """Return the descriptor of the file that writers of this database queue at, one for each process."""
    return os.open(f"{database}-queue", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def adapted(values: Iterable[Any]) -> list[Any]:
    """Turn values into what the engine's driver takes: SQLite keeps ids as 32 hexadecimal digits, times without zone."""
    if on_postgresql():
        return list(values)
    return [_for_sqlite(value) for value in values]


def _for_sqlite(value: Any) -> Any:
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, datetime):
        return str(value.astimezone(UTC).replace(tzinfo=None))
    return value
