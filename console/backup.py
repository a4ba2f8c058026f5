"""Copy the database into one archive while everything runs, and bring it back."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from django.db.migrations.loader import MigrationLoader

from console.archive import BadArchive, Manifest, digest_of, pack, read_manifest, unpack
from console.environment import handed_on

LIBPQ_NAMES = {"host", "port", "user", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout"}


class CannotBackUp(Exception):
    """No archive was written, or nothing was restored; the sentence says why and what to do."""


def back_up(target: Path, *, now: datetime) -> Manifest:
    """Write an archive of the database as it is at one moment. Others go on reading and writing meanwhile.

    Raises CannotBackUp.
    """
    if target.exists():
        raise CannotBackUp(f"{target} is there already, and a backup replaces nothing. Name another file.")
    if not target.parent.is_dir():
        raise CannotBackUp(f"There is no folder {target.parent}.")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".mandate-backup-") as folder:
        copy = Path(folder) / ("mandate.sqlite3" if connection.vendor == "sqlite" else "mandate.dump")
        if connection.vendor == "sqlite":
            _copy_sqlite(Path(settings.DATABASES["default"]["NAME"]), copy)
        else:
            _run_postgresql(
                "pg_dump",
                "--format=custom",
                "--no-owner",
                "--no-privileges",
                f"--file={copy}",
                f"--dbname={_address()}",
            )
        manifest = Manifest(
            engine=connection.vendor,
            made_at=now.isoformat(),
            copy=copy.name,
            digest=digest_of(copy),
            migrations=_applied_migrations(),
            fingerprints=settings.ENVIRONMENT.keys.fingerprints(),
        )
        try:
            pack(target, copy, manifest, now=now)
        except FileExistsError as error:
            raise CannotBackUp(
                f"{target} is there already, and a backup replaces nothing. Name another file."
            ) from error
        except OSError as error:
            raise CannotBackUp(f"{target} cannot be written ({error.strerror}).") from error
    return manifest


def restore(archive: Path, *, over_data: bool, with_other_keys: bool, now: datetime) -> Path | None:
    """Put the database of an archive in place of the present one, and bring its tables up to this version.

    over_data: go on although there is data; a SQLite file is then kept under another name, which is returned.
    with_other_keys: go on although the archive was written under other keys, so that signing keys and second factors
    in it cannot be read.
    Raises CannotBackUp, and changes nothing then.
    """
    try:
        manifest = read_manifest(archive)
    except BadArchive as error:
        raise CannotBackUp(str(error)) from error
    _must_fit(manifest, with_other_keys=with_other_keys)
    if _has_data() and not over_data:
        raise CannotBackUp(
            f"There is data already in {_place()}. Restore into an empty place, or say --force to put the archive in its stead."
        )
    connections.close_all()
    # Beside a SQLite file that it replaces: from another disk it could not be put in place in one step.
    beside = Path(settings.DATABASES["default"]["NAME"]).parent if manifest.engine == "sqlite" else settings.DATA_DIR
    with tempfile.TemporaryDirectory(dir=beside, prefix=".restore-") as folder:
        copy = Path(folder) / "copy"
        try:
            unpack(archive, manifest, copy)
        except BadArchive as error:
            raise CannotBackUp(str(error)) from error
        if manifest.engine == "sqlite":
            _must_be_whole(copy)
            kept = _replace_sqlite(Path(settings.DATABASES["default"]["NAME"]), copy, now)
        else:
            kept = None
            _run_postgresql(
                "pg_restore",
                *("--clean", "--if-exists", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"),
                f"--dbname={_address()}",
                str(copy),
            )
    call_command("migrate", interactive=False, verbosity=0)
    return kept


def _must_fit(manifest: Manifest, *, with_other_keys: bool) -> None:
    if manifest.engine != connection.vendor:
        raise CannotBackUp(
            f"The archive is of {manifest.engine}, and DATABASE_URL names {connection.vendor}. Set DATABASE_URL for the same engine."
        )
    known = MigrationLoader(None).disk_migrations or {}
    newer = [
        f"{app}.{name}" for app, names in manifest.migrations.items() for name in names if (app, name) not in known
    ]
    if newer:
        raise CannotBackUp(
            f"The archive is of another version of Mandate: this one does not know {newer[0]}. Restore with the version that wrote it."
        )
    ours = settings.ENVIRONMENT.keys.fingerprints()
    different = sorted(name for name, fingerprint in manifest.fingerprints.items() if ours.get(name) != fingerprint)
    if different and not with_other_keys:
        raise CannotBackUp(
            f"The archive was written under other keys ({', '.join(different)}). Put back the files that were kept apart, into "
            f"{settings.DATA_DIR / 'keys'} or the environment, and try again. If they are lost for good, say "
            "--with-other-keys: everybody signs in anew, second factors are set up again, and tokens are signed with new keys."
        )


def _place() -> str:
    configured = settings.DATABASES["default"]
    return str(configured["NAME"]) if connection.vendor == "sqlite" else f"the database {configured['NAME']}"


def _has_data() -> bool:
    with connection.cursor() as cursor:
        return bool(connection.introspection.table_names(cursor))


def _applied_migrations() -> dict[str, list[str]]:
    applied: dict[str, list[str]] = {}
    for app, name in sorted(MigrationLoader(connection).applied_migrations):
        applied.setdefault(app, []).append(name)
    return applied


# ------------------------------------------------------------------------------------------------------------- SQLite


def _copy_sqlite(database: Path, copy: Path) -> None:
    """Copy a database in use, as it is at one moment, through SQLite itself: a copied file could be half-way."""
    try:
        with (
            closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
    except sqlite3.Error as error:
        raise CannotBackUp(f"The database {database} cannot be copied ({error}).") from error
    _must_be_whole(copy)


def _must_be_whole(copy: Path) -> None:
    try:
        with closing(sqlite3.connect(copy)) as database:
            told = [row[0] for row in database.execute("PRAGMA integrity_check(5)")]
            loose = database.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as error:
        raise CannotBackUp(f"The copy of the database is damaged ({error}).") from error
    if told != ["ok"] or loose:
        raise CannotBackUp(
            f"The copy of the database is damaged: {'; '.join(told)}{' (a row that points nowhere)' if loose else ''}"
        )


def _replace_sqlite(database: Path, copy: Path, now: datetime) -> Path | None:
    """Put the copy in place. What was there before keeps its log, under another name."""
    kept = database.with_name(f"{database.name}.before-restore-{now:%Y%m%d-%H%M%S}")
    had_data = database.exists() and database.stat().st_size > 0
    for ending in ("-wal", "-shm", ""):
        file = database.with_name(database.name + ending)
        if file.exists() and had_data:
            file.rename(kept.with_name(kept.name + ending))
        else:
            file.unlink(missing_ok=True)
    copy.chmod(0o600)
    copy.rename(database)
    return kept if had_data else None


# --------------------------------------------------------------------------------------------------------- PostgreSQL


def _address() -> str:
    """Return what pg_dump connects to. The password goes through the environment: everybody sees command lines."""
    from psycopg.conninfo import make_conninfo

    parameters = connection.get_connection_params()
    return make_conninfo(**{name: value for name, value in parameters.items() if name in LIBPQ_NAMES})


def _run_postgresql(program: str, *arguments: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise CannotBackUp(
            f"{program} is not on this machine. Install PostgreSQL's client programs, of the server's version or newer."
        )
    password: Any = connection.get_connection_params().get("password")
    environment = handed_on(**({"PGPASSWORD": str(password)} if password else {}))
    done = subprocess.run([found, *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotBackUp(f"{program} failed: {done.stderr.strip()}")
