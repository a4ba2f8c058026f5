"""A PostgreSQL to harm, and Mandate on it. Faults of one engine alone are not collected on the other."""

from __future__ import annotations

import pytest

from tests.services import run
from tests.services.mandate import RunningMandate
from tests.services.postgresql import PostgreSQL
from tests.services.run import free_port

ONLY_SQLITE = ["test_f10_sqlite_locked.py", "test_f12_disk_full.py"]
collect_ignore = ONLY_SQLITE if run.engine() == "postgresql" else []


@pytest.fixture
def postgresql(tmp_path):
    tmp_path.chmod(0o711)  # PostgreSQL runs as another user where the tests run as root
    for folder in list(tmp_path.parents)[:2]:
        folder.chmod(folder.stat().st_mode | 0o011)
    server = PostgreSQL(tmp_path / "postgresql", free_port(), settings=()).start()
    yield server
    server.stop()


@pytest.fixture
def mandate(postgresql, tmp_path):
    running = RunningMandate(tmp_path / "mandate", database_url=postgresql.url())
    running.data_dir.mkdir(mode=0o700)
    running.manage("migrate", "--verbosity=0")
    yield running
    running.stop()
