"""F16: an upgrade that is killed half-way goes on where it was, as often as that happens, and the tables are the same at the end."""

from __future__ import annotations

import sys

import pytest
import requests

from tests.console.test_backup import sql
from tests.services.mandate import BASE_DIR, RunningMandate
from tests.services.processes import start, stop, until
from tests.services.seeded import seeded

pytestmark = [pytest.mark.faults, pytest.mark.engine, pytest.mark.timeout(400)]
TRIES_AT_MOST = 30
STEPS_OF_A_TRY = 13
"""How many migrations each try begins before it is killed."""
TABLES = {
    "sqlite": "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name",
    "postgresql": (
        "SELECT 'column', table_name || '.' || column_name, data_type || is_nullable FROM information_schema.columns"
        " WHERE table_schema = 'public'"
        " UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
        " UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)"
        " FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
        " UNION ALL SELECT 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid)"
        " FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2"
    ),
}
"""What a database says of its tables, and of all that guards them."""


def emptied(mandate: RunningMandate) -> RunningMandate:
    """The same, before its first migration."""
    if mandate.database_url:
        sql(mandate, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    else:
        (mandate.data_dir / "mandate.sqlite3").unlink()
    return mandate


def migrates_until_killed(mandate: RunningMandate) -> bool:
    """Start ``migrate`` and kill it after some steps. Returns whether it was done before that."""
    log = mandate.data_dir / "migrate.txt"
    log.unlink(missing_ok=True)
    command = [sys.executable, str(BASE_DIR / "manage.py"), "migrate", "--no-color"]
    process = start(command, log=log, environment=mandate.environment(), folder=BASE_DIR)
    until(
        lambda: process.poll() is not None or log.read_text().count("Applying ") >= STEPS_OF_A_TRY,
        within=120,
        because=log.read_text,
    )
    if process.poll() is None:
        process.kill()
        stop(process)
        return False
    assert process.returncode == 0, log.read_text()
    return True


def test_f16_migrations_killed_again_and_again_end_in_the_same_tables(new_mandate, engine):
    unbroken = sql(new_mandate(), TABLES[engine])
    mandate = emptied(new_mandate())
    kills = 0
    while not migrates_until_killed(mandate):
        kills += 1
        assert kills < TRIES_AT_MOST, "it does not come forward"
    assert kills >= 2
    assert sql(mandate, TABLES[engine]) == unbroken
    facts = seeded(mandate, codes=0)
    mandate.start()
    form = {"grant_type": "client_credentials", "resource": facts["asking"]}
    headers = {"Authorization": facts["autonomous"]}
    answer = requests.post(f"{mandate.url}/oauth/token", data=form, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
