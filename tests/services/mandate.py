"""Mandate itself, as the web server and workers that a site runs: for browsers, other people's clients, and races over processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from console.serving import answers, web_command, worker_command
from tests.services.processes import start, stop, until
from tests.services.run import free_port

BASE_DIR = Path(__file__).resolve().parents[2]


@dataclass
class RunningMandate:
    """One Mandate on a port of its own. Start it with ``start``; the fixture that made it stops it.

    database_url, redis_url: empty for SQLite and files in the data folder.
    """

    data_dir: Path
    database_url: str = ""
    redis_url: str = ""
    workers: int = 2
    port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)
    """More environment variables."""
    log_name: str = "log.txt"
    web: subprocess.Popen[bytes] | None = None
    workers_of_the_queue: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its issuer and its address."""
        return f"http://localhost:{self.port}"

    @property
    def log_file(self) -> Path:
        """Where its processes write their lines."""
        return self.data_dir / self.log_name

    def log(self) -> str:
        """Everything that its processes have said so far."""
        return self.log_file.read_text("utf-8", "replace") if self.log_file.is_file() else ""

    def environment(self) -> dict[str, str]:
        """The variables its processes get: what a site would set, and nothing of this test process."""
        ours = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MANDATE_", "DJANGO_"))
            and name not in ("DATABASE_URL", "REDIS_URL", "EMAIL_URL", "HOST")
        }
        wanted = {
            "DATA_DIR": str(self.data_dir),
            "PORT": str(self.port),
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "DJANGO_SETTINGS_MODULE": "tests.server_settings",
            "PYTHONPATH": str(BASE_DIR),
            "PYTHONUNBUFFERED": "1",
        }
        return ours | {name: value for name, value in wanted.items() if value} | self.settings

    def start(self) -> RunningMandate:
        """Return once it answers."""
        engine = "postgresql" if self.database_url.startswith("postgres") else "sqlite"
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.web = self._process(web_command("127.0.0.1", self.port, self.workers, engine=engine))
        until(self._answers, because=self.log)
        return self

    def start_worker(self) -> None:
        """Start one more worker of the queue. The test sends the tasks itself: there is no scheduler."""
        self.workers_of_the_queue.append(self._process(worker_command()))

    def manage(self, *arguments: str, within: float = 110) -> str:
        """Run one of its management commands and return what it printed. Fails when the command fails."""
        done = subprocess.run(
            [sys.executable, str(BASE_DIR / "manage.py"), *arguments],
            env=self.environment(),
            cwd=BASE_DIR,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=within,
        )
        assert done.returncode == 0, f"manage.py {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def stop(self, *, by: signal.Signals = signal.SIGTERM) -> None:
        """End its processes, each by its own id, and what is left of their groups."""
        for process in [*self.workers_of_the_queue, *([self.web] if self.web else [])]:
            stop(process, by=by)
        self.workers_of_the_queue.clear()
        self.web = None

    def _process(self, command: list[str]) -> subprocess.Popen[bytes]:
        return start(command, log=self.log_file, environment=self.environment(), folder=BASE_DIR)

    def _answers(self) -> bool:
        if self.web is not None and self.web.poll() is not None:
            raise AssertionError(f"The web server did not start:\n{self.log()}")
        return answers("127.0.0.1", self.port)
