"""Statements prepared on PostgreSQL and run without a cursor, for the token path.

A cursor of psycopg is made for everything: it parses the statement again, asks how it was prepared, and keeps what comes
for whoever reads it later, which for these few statements costs more than the database does. What turns values into
PostgreSQL's form and back is psycopg's own here too, and so are its errors and its waiting (with the deadline of
``console/bounded_postgresql``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from weakref import WeakKeyDictionary

from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Loader, PyFormat, Transformer
from psycopg.errors import DuplicatePreparedStatement, InvalidSqlStatementName, error_from_result
from psycopg.generators import execute
from psycopg.pq import ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

MOST = 200
"""Statements that one connection keeps, each for the types of its values. Then it begins anew."""
_GOOD = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


class _AsText(Loader):
    """JSON as its text: most of what comes is empty, and who needs it reads it (``consent/oauth/rows.py``)."""

    format = Format.BINARY

    def load(self, data: Buffer) -> str:
        """Return the text behind the number of its version."""
        return bytes(data)[1:].decode()


@dataclass(frozen=True)
class _Context:
    """What psycopg asks of whoever adapts values."""

    adapters: AdaptersMap
    connection: Connection[Any]


class PreparedStatements:
    """What one connection has prepared. Belongs to the thread of its connection."""

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection_of = connection
        adapters = AdaptersMap(connection.adapters)
        adapters.register_loader("jsonb", _AsText)
        self.transformer = Transformer(_Context(adapters, connection))
        self.names: dict[tuple[str, tuple[int, ...]], bytes] = {}

    def run(self, statement: str, values: Sequence[Any], *, as_django: bool) -> tuple[list[tuple[Any, ...]], int]:
        """Run one statement with ``%s`` marks; return its rows, and how many it returned or changed.

        as_django: each value as a cursor of Django's would return it. Otherwise in binary, where psycopg reads times itself.
        Begins a transaction where Django has asked for one. Raises psycopg's errors.
        """
        form = Format.TEXT if as_django else Format.BINARY
        server = self.connection_of.pgconn
        if not self.connection_of.autocommit and server.transaction_status == TransactionStatus.IDLE:
            server.send_query(b"BEGIN")
            self._answer()
        dumped = self.transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
        types, formats = self.transformer.types or (), self.transformer.formats
        name = self.names.get((statement, types)) or self._prepare(statement, types)
        server.send_query_prepared(name, dumped, formats, form)
        try:
            result = self._answer()
        except InvalidSqlStatementName:
            # Somebody has thrown away what was prepared here (DEALLOCATE ALL). Nothing was done; begin anew.
            self.names.clear()
            if server.transaction_status != TransactionStatus.IDLE:
                raise
            return self.run(statement, values, as_django=as_django)
        if not result.ntuples:
            return [], result.command_tuples or 0
        self.transformer.set_pgresult(result, format=form)
        return self.transformer.load_rows(0, result.ntuples, tuple), result.ntuples

    def _prepare(self, statement: str, types: tuple[int, ...]) -> bytes:
        if len(self.names) >= MOST:
            for name in self.names.values():
                self.connection_of.pgconn.send_query(b"DEALLOCATE " + name)
                self._answer()
            self.names.clear()
        first, *others = statement.split("%s")
        numbered = first + "".join(f"${number}{part}" for number, part in enumerate(others, start=1))
        # Named by what it says: where a pooler lets two of us share a connection, neither runs the other's statement.
        name = b"mandate_" + blake2b(f"{numbered}{types}".encode(), digest_size=16).hexdigest().encode()
        self.connection_of.pgconn.send_prepare(name, numbered.encode(), types)
        try:
            self._answer()
        except DuplicatePreparedStatement:
            if self.connection_of.pgconn.transaction_status != TransactionStatus.IDLE:
                raise
        self.names[statement, types] = name
        return name

    def _answer(self) -> PGresult:
        """Wait for what was sent, no longer than the connection waits, and return it. Raises psycopg's errors."""
        (result,) = self.connection_of.wait(execute(self.connection_of.pgconn))
        if result.status not in _GOOD:
            raise error_from_result(result, encoding=self.connection_of.info.encoding)
        return result


_of: WeakKeyDictionary[Connection[Any], PreparedStatements] = WeakKeyDictionary()


def prepared_on(connection: Connection[Any]) -> PreparedStatements:
    """Return what is prepared on this connection, for as long as it lives."""
    found = _of.get(connection)
    if found is None:
        found = _of[connection] = PreparedStatements(connection)
    return found
