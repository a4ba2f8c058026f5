"""Tables as they are after years: a million tokens that still lie there and ten million events, made by the database itself.

Run as a program of the measured installation: ``python -m tests.bench.big TOKENS EVENTS``. PostgreSQL alone: filling them
takes the index away first and builds it again afterwards, in about a minute and a half.
"""

from __future__ import annotations

import sys
from typing import Any

import django

TOKENS = 1_000_000
EVENTS = 9_000_000
"""Beside the million that the pages are measured with."""
TABLES = ("agents_event", "consent_accesstoken")
FILL = (
    """INSERT INTO consent_accesstoken (id, token_checksum, application_id, consent_id, audience_id, credential_id, scope,
                                        expires, created, jkt)
       SELECT gen_random_uuid(), 'of ' || n, t.application_id, t.consent_id, t.audience_id, t.credential_id, t.scope,
              t.expires - n * interval '1 second', t.created - n * interval '1 second', ''
       FROM (SELECT * FROM consent_accesstoken ORDER BY id LIMIT 1) AS t, generate_series(1, %s) AS numbers(n)""",
    """INSERT INTO agents_event (at, kind, outcome, reason_code, actor_kind, actor_id, agent_id, client_id, consent_id,
                                 token_id, resource_id, scopes, data_class, purpose_digest, reason_digest, address_digest,
                                 request_id, detail, transaction_id)
       SELECT e.at - n * interval '1 second', e.kind, e.outcome, '', e.actor_kind, e.actor_id, e.agent_id, e.client_id,
              e.consent_id, gen_random_uuid(), e.resource_id, e.scopes, e.data_class, e.purpose_digest, '', '',
              gen_random_uuid(), e.detail, 0
       FROM (SELECT * FROM agents_event WHERE kind = 'token.issued' AND token_id IS NOT NULL ORDER BY id LIMIT 1) AS e,
            generate_series(1, %s) AS numbers(n)""",
)


def fill(tokens: int, events: int) -> None:
    """Make both tables big."""
    from django.db import connection

    with connection.cursor() as cursor:
        connection.take_your_time()
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET maintenance_work_mem = '256MB'")
        indexes = [index for table in TABLES for index in _indexes(cursor, table)]
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        cursor.execute("SET session_replication_role = replica")  # foreign keys were proven by the row that is repeated
        for statement, count in zip(FILL, (tokens, events), strict=True):
            cursor.execute(statement, [count])
        for _, definition in indexes:
            cursor.execute(definition)
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")  # not in the middle of a measurement
            cursor.execute(f"ANALYZE {table}")
        cursor.execute("CHECKPOINT")


def _indexes(cursor: Any, table: str) -> list[tuple[str, str]]:
    """Return those that no constraint stands on, with the statements that make them."""
    cursor.execute(
        """SELECT i.indexname, i.indexdef FROM pg_indexes i
           WHERE i.tablename = %s AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)""",
        [table],
    )
    return list(cursor.fetchall())


if __name__ == "__main__":
    django.setup()
    fill(int(sys.argv[1]), int(sys.argv[2]))
