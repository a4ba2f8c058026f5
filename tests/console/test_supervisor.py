"""The supervisor by itself, with small programs."""

from __future__ import annotations

import os
import sys
import time

import psutil
import pytest

from console import supervisor
from tests.services.mandate import BASE_DIR
from tests.services.processes import start, stop, until

DRIVER = """
import os, sys
from console.supervisor import Program, Supervisor
programs = [Program(name, [sys.executable, "-c", code], dict(os.environ)) for name, code in zip(sys.argv[1::2], sys.argv[2::2])]
say = lambda name, text: print(f"{name} | {text}", flush=True)
sys.exit(Supervisor(programs, say=say, is_up=lambda: True, once_up=lambda: say("mandate", "up")).run())
"""

STAYS = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); print('here'); signal.pause(); signal.pause()"
STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('no', flush=True)\nwhile True: signal.pause()"
)


@pytest.fixture
def supervise(tmp_path):
    started = []

    def _supervise(**programs: str):
        arguments = [part for name, code in programs.items() for part in (name, code)]
        log = tmp_path / "log.txt"
        environment = {**os.environ, "PYTHONPATH": str(BASE_DIR), "PYTHONUNBUFFERED": "1"}
        process = start([sys.executable, "-c", DRIVER, *arguments], log=log, environment=environment)
        started.append(process)
        return process, log.read_text

    yield _supervise
    for process in started:
        stop(process, within=30)


def test_each_line_says_who_speaks(supervise):
    process, log = supervise(one=STAYS, two=STAYS)

    until(lambda: "one | here" in log() and "two | here" in log(), because=log)
    process.terminate()

    assert process.wait(timeout=10) == 0
    assert log().endswith("mandate | Stopped.\n")


def test_a_program_that_never_stays_up_stops_all(supervise, monkeypatch):
    process, log = supervise(bad="print('cannot'); raise SystemExit(3)", good=STAYS)

    assert process.wait(timeout=60) == 1
    assert log().count("bad | cannot") == supervisor.GIVES_UP_AFTER
    assert "bad ended with exit code 3, 5 times in a row" in log()


def test_a_second_signal_ends_what_does_not_want_to_end(supervise):
    process, log = supervise(stubborn=STUBBORN)
    until(lambda: "stubborn | no" in log(), because=log)

    process.terminate()
    until(lambda: "Stopping." in log(), because=log)
    time_of_second = time.monotonic()
    process.terminate()

    assert process.wait(timeout=10) == 0
    assert time.monotonic() - time_of_second < supervisor.STOPS_WITHIN / 2


def test_what_a_program_leaves_behind_ends_with_it(supervise):
    code = f"import subprocess, sys; print('left', subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]).pid, flush=True); {STAYS}"
    process, log = supervise(parent=code)
    until(lambda: "parent | left" in log() and "parent | no" in log() and "parent | here" in log(), because=log)
    orphan = int(log().split("parent | left ")[1].split()[0])

    process.terminate()

    assert process.wait(timeout=10) == 0
    until(lambda: not psutil.pid_exists(orphan) or psutil.Process(orphan).status() == psutil.STATUS_ZOMBIE)


def test_a_last_line_without_an_end_is_not_lost(supervise):
    _, log = supervise(short="import sys; sys.stdout.write('half a line'); sys.stdout.flush(); raise SystemExit(1)")

    until(lambda: "short | half a line" in log(), because=log)
