"""F10: another process holds SQLite's write lock, or a snapshot: short waits succeed, longer ones are told, nothing is lost.

The lock is SQLite's own: ``conftest.py`` leaves this file out on PostgreSQL, which has F8 and F9.
"""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests
from django.db import connection

from agents.models import Event
from consent.models import AccessToken

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


@contextmanager
def write_lock():
    """Somebody else's process would hold the lock like this."""
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def ask(mandate, client):
    auth = (client.client.client_id, client.key)
    return requests.post(f"{mandate.url}/oauth/token", data={"grant_type": "client_credentials"}, auth=auth, timeout=30)


def test_f10_a_short_wait_succeeds_and_a_long_one_is_told(running_mandate, claims, clinic_allows, records_api):
    held = ask(running_mandate, claims).json()["access_token"]
    with ThreadPoolExecutor(1) as pool:
        with write_lock():
            waiting = pool.submit(ask, running_mandate, claims)
            time.sleep(1)
        assert waiting.result().status_code == 200
    tokens, events = AccessToken.objects.count(), Event.objects.filter(kind="token.issued").count()
    with write_lock():
        began = time.monotonic()
        refused = ask(running_mandate, claims)
        assert (refused.status_code, refused.json()["error"]) == (503, "server_error")
        assert refused.headers["Retry-After"]
        assert time.monotonic() - began < 10
        # Reading goes on: what was revoked stays refused and what is live is told, while nobody can write.
        seen = requests.post(
            f"{running_mandate.url}/oauth/introspect",
            data={"token": held},
            auth=(records_api.resource.identifier, records_api.key),
            timeout=20,
        )
        assert seen.json()["active"] is True
    assert (AccessToken.objects.count(), Event.objects.filter(kind="token.issued").count()) == (tokens, events)
    assert ask(running_mandate, claims).status_code == 200
    assert "database is locked" not in refused.text


def test_f10_a_reader_that_keeps_a_snapshot_stops_nobody_and_the_log_shrinks_again(
    running_mandate, claims, clinic_allows
):
    name = connection.settings_dict["NAME"]
    with closing(sqlite3.connect(name, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        (before,) = reader.execute("SELECT count(*) FROM consent_accesstoken").fetchone()
        for _ in range(200):
            assert ask(running_mandate, claims).status_code == 200
        assert reader.execute("SELECT count(*) FROM consent_accesstoken").fetchone() == (before,)
        reader.execute("ROLLBACK")
    ask(running_mandate, claims)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert Path(f"{name}-wal").stat().st_size < 2**20
