"""One run of the suite: its folder, its engine, its ports; decided once, and inherited by every test process."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path

FOLDER = "MANDATE_TEST_RUN"
ENGINE = "MANDATE_TEST_ENGINE"
ENGINES = ("sqlite", "postgresql")


def run_folder() -> Path:
    """Return the folder of this run. Made by its first process, under ``MANDATE_TEST_ROOT`` if that is set."""
    if FOLDER not in os.environ:
        folder = Path(tempfile.mkdtemp(prefix="mandate-test-", dir=os.environ.get("MANDATE_TEST_ROOT")))
        # PostgreSQL refuses to run as root: whoever it runs as has to pass through.
        folder.chmod(0o711)
        if root := os.environ.get("MANDATE_TEST_ROOT"):
            Path(root).chmod(0o711)
        os.environ[FOLDER] = str(folder)
    return Path(os.environ[FOLDER])


def forget_run_folder() -> None:
    """Delete the folder of this run."""
    shutil.rmtree(os.environ.pop(FOLDER), ignore_errors=True)


def engine() -> str:
    """Return the engine of this run: ``sqlite`` or ``postgresql`` (which brings Redis along).

    The option is read from the command line here, because Django's settings are loaded before pytest knows it.
    """
    if ENGINE not in os.environ:
        os.environ[ENGINE] = _from_command_line(sys.argv[1:]) or ("postgresql" if external_database() else "sqlite")
    if os.environ[ENGINE] not in ENGINES:
        raise SystemExit(f"--engine: say one of {', '.join(ENGINES)}, not {os.environ[ENGINE]!r}.")
    return os.environ[ENGINE]


def _from_command_line(arguments: list[str]) -> str:
    for position, argument in enumerate(arguments):
        if argument.startswith("--engine="):
            return argument.partition("=")[2]
        if argument == "--engine" and position + 1 < len(arguments):
            return arguments[position + 1]
    return ""


def external_database() -> str:
    """Return the address of a PostgreSQL to use instead of starting one, from ``MANDATE_TEST_DATABASE``."""
    return os.environ.get("MANDATE_TEST_DATABASE", "")


def worker() -> str:
    """Return the name of this test process: ``gw0``, ``gw1`` … under xdist, else ``main``."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


def worker_number() -> int:
    """Return a number of its own for each test process, from 1 to 15, as Redis numbers its databases."""
    name = worker().removeprefix("gw")
    return int(name) % 15 + 1 if name.isdigit() else 1


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_for(service: str) -> int:
    """Return the port of a service of this run, the same in every test process."""
    name = f"MANDATE_TEST_PORT_{service.upper()}"
    return int(os.environ.setdefault(name, str(free_port())))
