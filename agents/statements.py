"""Running the few hand-written statements of the token path, where ORM compilation is what costs.

On PostgreSQL they are prepared: planning five joins anew for each token would take longer than running them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper


def hot_cursor() -> CursorWrapper:
    """Return a cursor for a statement that runs again and again. Errors and query counts are Django's as ever.

    psycopg prepares a statement on the server after it ran ``prepare_threshold`` times (``console/engines.py``), but
    only with parameters bound there; Django's usual cursor binds them here.
    """
    if connection.vendor != "postgresql":
        return connection.cursor()
    from django.db.backends.postgresql.base import ServerBindingCursor

    connection.ensure_connection()
    cursor: Any = ServerBindingCursor(connection.connection)  # type: ignore[call-arg]  # stubs know psycopg2 only
    return connection.make_debug_cursor(cursor) if connection.queries_logged else connection.make_cursor(cursor)


def adapted(values: Iterable[Any]) -> list[Any]:
    """Turn values into what the engine's driver takes: SQLite keeps ids as 32 hexadecimal digits, times without zone."""
    if connection.vendor != "sqlite":
        return list(values)
    return [_for_sqlite(value) for value in values]


def _for_sqlite(value: Any) -> Any:
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, datetime):
        return str(value.astimezone(UTC).replace(tzinfo=None))
    return value
