"""The programs of a running Mandate, and whether its port is free."""

from __future__ import annotations

import errno
import fcntl
import ipaddress
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.environment import handed_on
from console.supervisor import Program


class CannotServe(Exception):
    """Mandate cannot start here; the sentence says why and what to do."""


THREADS = {"sqlite": 1, "postgresql": 4}
"""Blocking threads of each web worker. With SQLite more only wait for each other; with PostgreSQL one thread stands
still while the commit of its token is brought to the disk, and another can work meanwhile (about an eighth more)."""


def web_command(host: str, port: int, workers: int, *, engine: str) -> list[str]:
    """Return the command line of the web server. engine: ``sqlite`` or ``postgresql``.

    Its access log would print query strings, in which codes travel; ``console/request_log.py`` writes the lines instead.
    """
    return [
        *(sys.executable, "-m", "granian", "console.wsgi:application"),
        *("--interface", "wsgi", "--http", "1", "--no-ws"),
        *("--host", host, "--port", str(port)),
        *("--workers", str(workers), "--blocking-threads", str(THREADS[engine]), "--respawn-failed-workers"),
        *("--workers-kill-timeout", "10", "--http1-header-read-timeout", "10000"),
        *("--no-access-log", "--log-level", "warning"),
    ]


def worker_command() -> list[str]:
    """Return the command line of the worker: one task at a time, in one process. A production site runs its own."""
    return [
        *(
            sys.executable,
            "-m",
            "celery",
            "--app",
            "console",
            "--quiet",
            "worker",
            "--pool",
            "solo",
            "--loglevel",
            "INFO",
        ),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]


def beat_command() -> list[str]:
    """Return the command line of the scheduler."""
    return [sys.executable, "-m", "celery", "--app", "console", "--quiet", "beat", "--loglevel", "INFO", "--pidfile="]


def programs(host: str, port: int, workers: int, *, engine: str, base_dir: Path) -> list[Program]:
    """Return web, worker and beat, ready to be started from any folder."""
    environment = handed_on(PYTHONUNBUFFERED="1")
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(base_dir), environment.get("PYTHONPATH", "")]))
    web = web_command(host, port, workers, engine=engine)
    commands = {"web": web, "worker": worker_command(), "beat": beat_command()}
    return [Program(name, command, environment) for name, command in commands.items()]


def must_be_free(host: str, port: int) -> None:
    """Return when somebody could listen there; raise CannotServe with a sentence when not."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise CannotServe(f"HOST: {host!r} is no address of this machine. Leave it out for 127.0.0.1.") from error
    with socket.socket(family, kind, protocol) as probe:
        # A port whose last connection has just ended is free; one that somebody listens on is not.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise CannotServe(_why_not(host, port, error)) from error


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is busy: another program listens on it. Stop that one, or take another port: make run PORT={port + 1}"
    if error.errno == errno.EACCES:
        return f"Port {port} may only be used by root. Take one from 1024 up, such as: make run PORT=8000"
    return f"Nobody can listen on {host}, port {port}: {error.strerror}. Leave HOST out for 127.0.0.1."


def answers(host: str, port: int) -> bool:
    """Tell whether somebody accepts connections there."""
    target = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  (what was bound, asked from here)
    try:
        socket.create_connection((target, port), timeout=1).close()
    except OSError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Tell whether only programs of this machine can reach that address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold the data folder: two schedulers on one of them would ask for everything twice."""
    with (data_dir / "up.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise CannotServe(
                f"Mandate already runs with the data folder {data_dir} (process {holder}). Stop it, or give this one a "
                "folder of its own: make run DATA_DIR=… PORT=…"
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
