"""``manage.py up``, and the supervisor under it: real processes, stopped by their own ids."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys

import psutil
import pytest
import requests

from console.management.commands.up import announcement
from console.serving import answers, is_loopback
from tests.services.mandate import BASE_DIR, RunningMandate
from tests.services.processes import start, stop, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class Up:
    """One ``manage.py up`` with a data folder of its own."""

    def __init__(self, mandate: RunningMandate) -> None:
        self.mandate = mandate
        self.log_file = mandate.data_dir.with_suffix(".up.txt")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **variables: str) -> Up:
        self.log_file.unlink(missing_ok=True)
        self.process = start(
            [sys.executable, str(BASE_DIR / "manage.py"), "up"],
            log=self.log_file,
            environment={**self.mandate.environment(), **variables},
            folder=BASE_DIR,
        )
        return self

    def log(self) -> str:
        return self.log_file.read_text("utf-8", "replace")

    def until_it_says(self, text: str) -> None:
        until(lambda: text in self.log() or self.process.poll() is not None, within=60, because=self.log)
        assert text in self.log(), self.log()

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, word: str) -> psutil.Process:
        return next(child for child in psutil.Process(self.process.pid).children() if word in child.cmdline())

    def setup_link(self) -> str:
        return re.findall(r"http://localhost:\d+/setup/\S+", self.log())[0]


@pytest.fixture
def up(new_mandate):
    """A Mandate that was migrated and not started."""
    one = Up(new_mandate(workers=1, settings={"MANDATE_WORKERS": "1"}))
    yield one
    if one.process is not None:
        stop(one.process)


def all_gone(processes: list[psutil.Process]) -> bool:
    return not [process for process in processes if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def test_it_starts_everything_says_where_and_how_to_become_administrator_and_leaves_nothing(up):
    up.start().until_it_says("Ctrl-C stops it")

    until(lambda: "worker  |" in up.log() and "beat    |" in up.log(), because=up.log)
    assert f"Mandate is running at {up.mandate.url}" in up.log()
    assert up.setup_link().startswith(up.mandate.url)
    assert requests.get(f"{up.mandate.url}/account/login/", timeout=10).status_code == 200
    children = up.children()
    assert len(children) >= 4  # the web server and its worker, the worker, the scheduler

    up.process.send_signal(signal.SIGINT)

    assert up.process.wait(timeout=30) == 0, up.log()
    assert all_gone(children)
    assert not answers("127.0.0.1", up.mandate.port)
    assert "Traceback" not in up.log()


def test_it_listens_on_this_machine_alone(up):
    up.start().until_it_says("Ctrl-C stops it")

    listening = {
        connection.laddr.ip
        for child in up.children()
        for connection in child.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    assert "WARNING" not in up.log()


def test_it_warns_loudly_when_others_can_reach_the_set_up_page():
    told = "\n".join(announcement("http://localhost:8000/setup/x", host="0.0.0.0"))
    assert "WARNING: HOST is 0.0.0.0" in told

    assert "WARNING" not in "\n".join(announcement("http://localhost:8000/setup/x", host="127.0.0.1"))
    assert "WARNING" not in "\n".join(announcement("", host="0.0.0.0"))


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_only_this_machine_reaches_a_loopback_address(host, loopback):
    assert is_loopback(host) is loopback


def test_the_logs_hide_the_set_up_link_and_codes(up):
    up.start().until_it_says("Ctrl-C stops it")
    secret = up.setup_link().rpartition("/")[2]
    told_once = up.log().count(secret)

    requests.get(f"{up.setup_link()}?code=c0de-in-a-query", timeout=10, allow_redirects=False)
    requests.get(f"{up.mandate.url}/nothing/here?code=c0de-in-a-query", timeout=10)
    up.until_it_says("/nothing/here")

    assert up.log().count(secret) == told_once == 1
    assert "c0de-in-a-query" not in up.log()


def test_a_busy_port_is_one_sentence(up):
    with socket.socket() as other:
        other.bind(("127.0.0.1", up.mandate.port))
        other.listen()

        up.start()

        assert up.process.wait(timeout=60) == 1
        assert f"Port {up.mandate.port} is busy" in up.log()
        assert "Traceback" not in up.log()
        assert up.log().count("\n") == 1


def test_one_data_folder_serves_one_mandate(up, tmp_path):
    up.start().until_it_says("Ctrl-C stops it")
    second = Up(RunningMandate(up.mandate.data_dir, database_url=up.mandate.database_url))
    second.log_file = tmp_path / "second.txt"

    second.start()

    assert second.process.wait(timeout=60) == 1
    assert f"(process {up.process.pid})" in second.log()


def test_starting_again_keeps_the_keys_and_makes_a_new_link(up):
    up.start().until_it_says("Ctrl-C stops it")
    first_link = up.setup_link()
    keys = {path.name: path.read_bytes() for path in (up.mandate.data_dir / "keys").iterdir()}
    up.process.terminate()
    assert up.process.wait(timeout=30) == 0

    up.start().until_it_says("Ctrl-C stops it")

    assert {path.name: path.read_bytes() for path in (up.mandate.data_dir / "keys").iterdir()} == keys
    assert up.setup_link() != first_link


@pytest.mark.parametrize("program", ["granian", "beat"])
def test_a_program_that_is_killed_starts_again(up, program):
    up.start().until_it_says("Ctrl-C stops it")
    victim = up.child(program)
    family = [victim, *victim.children(recursive=True)]

    victim.kill()

    name = "web" if program == "granian" else program
    up.until_it_says(f"{name} was ended by SIGKILL. It starts again")
    until(lambda: all_gone(family))
    until(
        lambda: any(program in child.cmdline() for child in psutil.Process(up.process.pid).children()), because=up.log
    )
    until(lambda: answers("127.0.0.1", up.mandate.port), because=up.log)


def test_what_it_started_ends_with_it_even_when_it_is_killed(up):
    up.start().until_it_says("Ctrl-C stops it")
    children = up.children()

    up.process.kill()

    until(lambda: all_gone(children), within=40)


def test_a_log_that_nobody_reads_stops_nothing(up):
    reader, writer = os.pipe()
    up.process = subprocess.Popen(
        [sys.executable, str(BASE_DIR / "manage.py"), "up"],
        stdout=writer,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env=up.mandate.environment(),
        cwd=BASE_DIR,
        start_new_session=True,
    )
    os.close(writer)
    until(lambda: answers("127.0.0.1", up.mandate.port), within=60)
    os.close(reader)

    for _ in range(5):
        assert requests.get(f"{up.mandate.url}/account/login/", timeout=10).status_code == 200
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(timeout=30) == 0
