"""A backup holds everything but the keys, and comes back only where it fits."""

from __future__ import annotations

import base64
import io
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.services.mandate import BASE_DIR, RunningMandate
from tests.services.postgresql import program

pytestmark = [pytest.mark.engine, pytest.mark.timeout(180)]

WRITE_ROWS = "CREATE TABLE kept (n INTEGER, text TEXT); INSERT INTO kept VALUES (1, 'first')"


@pytest.fixture
def clinic(new_mandate) -> RunningMandate:
    """A Mandate with one thing in it that has to come back."""
    mandate = with_programs(new_mandate())
    for statement in WRITE_ROWS.split(";"):
        sql(mandate, statement)
    return mandate


def with_programs(mandate: RunningMandate) -> RunningMandate:
    """Let it find pg_dump of the server's own version."""
    mandate.settings["PATH"] = f"{program('pg_dump').parent}{os.pathsep}{os.environ['PATH']}"
    return mandate


def sql(mandate: RunningMandate, statement: str) -> list[tuple[Any, ...]]:
    if mandate.database_url:
        with psycopg.connect(mandate.database_url) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []
    with sqlite3.connect(mandate.data_dir / "mandate.sqlite3", timeout=10) as connection:
        return connection.execute(statement).fetchall()


def tried(mandate: RunningMandate, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=mandate.environment(),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def elsewhere(new_mandate, clinic: RunningMandate, *, keys: bool = True) -> RunningMandate:
    """An empty place to restore into, with or without the keys that were kept apart."""
    other = with_programs(new_mandate())
    shutil.rmtree(other.data_dir)
    other.data_dir.mkdir(mode=0o700)
    if other.database_url:
        with psycopg.connect(other.database_url) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
    if keys:
        shutil.copytree(clinic.data_dir / "keys", other.data_dir / "keys")
    return other


def test_what_was_backed_up_comes_back(clinic, new_mandate, tmp_path):
    archive = tmp_path / "backup.tar.gz"
    clinic.manage("backup", str(archive))
    other = elsewhere(new_mandate, clinic)

    other.manage("restore", str(archive))

    assert sql(other, "SELECT n, text FROM kept") == [(1, "first")]
    assert "[ ]" not in other.manage("showmigrations")
    if not other.database_url:
        assert (other.data_dir / "mandate.sqlite3").stat().st_mode & 0o077 == 0


@pytest.fixture
def another_disk(tmp_path):
    """A folder on another disk than the data folder, where this machine has one at hand."""
    memory = Path("/dev/shm")  # noqa: S108  (the test makes a folder of its own in it)
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        yield Path(folder)


def test_a_database_that_lies_on_another_disk_than_the_data_folder_comes_back(new_mandate, another_disk, tmp_path):
    mandate, file = new_mandate(), another_disk / "mandate.sqlite3"
    mandate.settings["DATABASE_URL"] = f"sqlite:///{file}"
    with sqlite3.connect(file) as connection:
        connection.executescript(WRITE_ROWS)
    mandate.manage("backup", str(tmp_path / "backup.tar.gz"))
    with sqlite3.connect(file) as connection:
        connection.execute("DELETE FROM kept")

    mandate.manage("restore", str(tmp_path / "backup.tar.gz"), "--force")

    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT n, text FROM kept").fetchall() == [(1, "first")]


def test_the_archive_is_for_its_owner_and_has_no_key_in_it(clinic, tmp_path):
    archive = tmp_path / "backup.tar.gz"
    told = clinic.manage("backup", str(archive))

    assert archive.stat().st_mode & 0o077 == 0
    with tarfile.open(archive) as tar:
        assert len(tar.getnames()) == 2
        content = b"".join(tar.extractfile(name).read() for name in tar.getnames())
    for key in (clinic.data_dir / "keys").iterdir():
        assert str(key) in told  # it says what to keep apart
        value = key.read_text().strip()
        assert value.encode() not in content
        if key.name == "encryption-key":
            assert base64.urlsafe_b64decode(value) not in content


def test_other_keys_are_refused_before_anything_changes(clinic, new_mandate, tmp_path):
    archive = tmp_path / "backup.tar.gz"
    clinic.manage("backup", str(archive))
    other = elsewhere(new_mandate, clinic, keys=False)

    refused = tried(other, "restore", str(archive))

    assert refused.returncode == 1
    assert "written under other keys (encryption, secret, trail)" in refused.stderr
    assert "Traceback" not in refused.stderr
    other.manage("restore", str(archive), "--with-other-keys")
    assert sql(other, "SELECT n FROM kept") == [(1,)]


def test_data_is_not_replaced_unless_one_insists(clinic, tmp_path):
    archive = tmp_path / "backup.tar.gz"
    clinic.manage("backup", str(archive))
    sql(clinic, "INSERT INTO kept VALUES (2, 'later')")

    refused = tried(clinic, "restore", str(archive))

    assert refused.returncode == 1
    assert "There is data already" in refused.stderr
    assert sql(clinic, "SELECT COUNT(*) FROM kept") == [(2,)]
    clinic.manage("restore", str(archive), "--force")
    assert sql(clinic, "SELECT COUNT(*) FROM kept") == [(1,)]
    if not clinic.database_url:
        kept = next(clinic.data_dir.glob("mandate.sqlite3.before-restore-*[0-9]"))
        with sqlite3.connect(kept) as before:
            assert before.execute("SELECT COUNT(*) FROM kept").fetchone() == (2,)


def test_a_backup_replaces_no_file(clinic, tmp_path):
    archive = tmp_path / "backup.tar.gz"
    archive.write_text("another")

    refused = tried(clinic, "backup", str(archive))

    assert refused.returncode == 1
    assert "is there already" in refused.stderr
    assert archive.read_text() == "another"


def test_a_backup_taken_while_others_write_is_whole(clinic, new_mandate, tmp_path):
    done = threading.Event()

    def write() -> None:
        number = 2
        while not done.is_set():
            # Two rows in one statement: a backup has both or none.
            sql(clinic, f"INSERT INTO kept VALUES ({number}, 'a'), ({number}, 'b')")
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        clinic.manage("backup", str(tmp_path / "backup.tar.gz"))
    finally:
        done.set()
        writer.join()
    other = elsewhere(new_mandate, clinic)
    other.manage("restore", str(tmp_path / "backup.tar.gz"))

    assert sql(other, "SELECT n FROM kept WHERE n > 1 GROUP BY n HAVING COUNT(*) <> 2") == []


def test_nothing_is_restored_under_a_running_mandate(clinic, tmp_path):
    archive = tmp_path / "backup.tar.gz"
    clinic.manage("backup", str(archive))
    import fcntl

    with (clinic.data_dir / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = tried(clinic, "restore", str(archive), "--force")

    assert refused.returncode == 1
    assert "already runs" in refused.stderr


@pytest.fixture
def archive(clinic, tmp_path):
    path = tmp_path / "backup.tar.gz"
    clinic.manage("backup", str(path))
    return path


def repacked(archive, *, copy: bytes | None = None, **changes: object):
    """Write the archive again with something changed in it."""
    with tarfile.open(archive) as tar:
        manifest = json.loads(tar.extractfile("manifest.json").read())
        data = copy if copy is not None else tar.extractfile(manifest["copy"]).read()
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in (
            ("manifest.json", json.dumps({**manifest, **changes}).encode()),
            (manifest["copy"], data),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"copy": secrets.token_bytes(5000)}, "is damaged"),
        ({"format": 99}, "not a backup of Mandate"),
        ({"migrations": ["agents"]}, "not a backup of Mandate"),
        ({"copy": None, "engine": "oracle"}, "is of oracle"),
        ({"copy": None, "migrations": {"agents": ["9999_from_the_future"]}}, "another version"),
    ],
    ids=["copy", "format", "shape", "engine", "version"],
)
def test_what_is_not_whole_or_does_not_fit_is_refused_and_nothing_changes(clinic, archive, change, sentence):
    refused = tried(clinic, "restore", str(repacked(archive, **change)), "--force")

    assert refused.returncode == 1
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr
    assert sql(clinic, "SELECT n, text FROM kept") == [(1, "first")]


@pytest.mark.parametrize("content", [b"", b"not a tar", b"\x1f\x8b\x08\x00"])
def test_another_file_is_refused(clinic, tmp_path, content):
    (tmp_path / "other").write_bytes(content)

    refused = tried(clinic, "restore", str(tmp_path / "other"), "--force")

    assert refused.returncode == 1
    assert "not a backup of Mandate" in refused.stderr
