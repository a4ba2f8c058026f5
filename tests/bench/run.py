"""Measure Mandate on SQLite and PostgreSQL beside a stock django-oauth-toolkit and node oidc-provider, print a table,
write results.json.

Real processes (granian, two workers), sixteen connections, everything on this machine. Absolute numbers belong to the
machine that gave them; what to compare is the column beside it, measured in the same run.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from tests.bench import beside, big, decisions, load, pages, polls, proving
from tests.bench.processor import Watch, descendants
from tests.bench.seed import AGENTS, CODES, EVENTS
from tests.services.mandate import RunningMandate
from tests.services.postgresql import PostgreSQL
from tests.services.processes import start, stop, until
from tests.services.run import free_port

BASE_DIR = Path(__file__).resolve().parents[2]
TOKENS_FOR_MEMORY = 100_000
COLD = 200
"""So many first codes and refresh tokens are not counted: each thread opens its connection and plans its statements then."""

Results = dict[str, dict[str, float | str]]


def main() -> None:
    """Measure everything and say it."""
    started = time.monotonic()
    results: Results = {}
    with tempfile.TemporaryDirectory(prefix="mandate-bench-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL runs as another user where the tests run as root
        measure_stock(Path(folder) / "stock", results)
        for name, measured in beside.measure(Path(folder)).items():
            note(results, name, measured)
        measure_mandate("sqlite", RunningMandate(Path(folder) / "sqlite", settings=_settings()), results)
        postgresql = PostgreSQL(
            Path(folder) / "postgresql", free_port(), settings=("shared_buffers=256MB", "max_wal_size=4GB")
        ).start()
        try:
            mandate = RunningMandate(
                Path(folder) / "mandate", database_url=postgresql.url("postgres"), settings=_settings()
            )
            measure_mandate("postgresql", mandate, results, database=postgresql)
        finally:
            postgresql.stop()
    results["bench.duration"] = {"value": round(time.monotonic() - started), "unit": "s"}
    show(results)
    target = Path(os.environ.get("DATA_DIR", BASE_DIR / "var")) / "bench" / "results.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(results, indent=2) + "\n")
    print(f"\nWritten to {target}")


def _settings() -> dict[str, str]:
    return {"DJANGO_SETTINGS_MODULE": "console.settings", "MANDATE_LOG_LEVEL": "WARNING", "MANDATE_WORKERS": "2"}


def measure_stock(folder: Path, results: Results) -> None:
    """Client credentials of a stock toolkit with a fast hasher, served the same way."""
    folder.mkdir()
    port = free_port()
    environment = {
        **os.environ,
        "DATA_DIR": str(folder),
        "PYTHONPATH": str(BASE_DIR),
        "DJANGO_SETTINGS_MODULE": "tests.bench.stock.settings",
    }
    header = _program("tests.bench.stock.seed", environment=environment).strip()
    from console.serving import answers, web_command

    command = [
        part.replace("console.wsgi", "tests.bench.stock.wsgi")
        for part in web_command("127.0.0.1", port, 2, engine="sqlite")
    ]
    web = start(command, log=folder / "log.txt", environment=environment, folder=BASE_DIR)
    try:
        until(lambda: answers("127.0.0.1", port))
        request = load.post("/o/token/", "grant_type=client_credentials", port, header)
        load.run(port, itertools.repeat(request), seconds=1)
        note(results, "stock_dot.client_credentials.fast_hasher", load.run(port, itertools.repeat(request), seconds=8))
    finally:
        stop(web)


def measure_mandate(
    engine: str, mandate: RunningMandate, results: Results, *, database: PostgreSQL | None = None
) -> None:
    """Every figure of one engine. database: its server, for PostgreSQL."""
    mandate.data_dir.mkdir(parents=True, exist_ok=True)
    mandate.manage("migrate", "--verbosity=0")
    seeded = _told(_program("tests.bench.seed", "seed", str(CODES), environment=mandate.environment()))
    mandate.start()
    try:
        port = mandate.port
        pairs = _codes(engine, port, seeded, results)
        _refresh(engine, port, seeded, pairs, results)
        watched = {"web": _pid_of(mandate)} | ({"database": database.pid} if database else {})
        _tokens(engine, port, seeded, results, watched)
        _introspection(engine, port, seeded, results, watched)
        note(results, f"consent.decision.{engine}", decisions.decisions(port, seeded))
        note(results, f"consent.narrow.{engine}", decisions.narrowings(port, seeded))
        asked = _told(_program("tests.bench.polls", environment=mandate.environment()))
        for way in polls.PARAMETER:
            note(results, f"token.{way}_poll.{engine}", polls.polls(port, asked, way))
        proven = _told(_program("tests.bench.proving", environment=mandate.environment())) | seeded
        for way in proving.WAYS:
            note(results, f"token.{way}.{engine}", proving.measure(port, proven, way))
        if database:
            _memory(engine, mandate, seeded, results)
        _program("tests.bench.seed", "fill", str(AGENTS), str(EVENTS), environment=mandate.environment())
        for name, shown in pages.measure(port, seeded).items():
            results[f"page.{name}.{engine}.p50"] = {"value": round(shown.percentile(0.5), 1), "unit": "ms"}
            results[f"page.{name}.{engine}.errors"] = {"value": shown.errors, "unit": "answers"}
        if database:
            _big(engine, mandate, seeded, results, watched)
    finally:
        mandate.stop()


def _pid_of(mandate: RunningMandate) -> int:
    assert mandate.web is not None
    return mandate.web.pid


def _big(
    engine: str, mandate: RunningMandate, seeded: dict[str, Any], results: Results, watched: dict[str, int]
) -> None:
    """The plain token and introspection once more, with tables as they are after years."""
    _program("tests.bench.big", str(big.TOKENS), str(big.EVENTS), environment=mandate.environment())
    port = mandate.port
    _tokens(f"big.{engine}", port, seeded, results, watched)
    _introspection(f"big.{engine}", port, seeded, results, watched)


def _codes(engine: str, port: int, seeded: dict[str, Any], results: Results) -> list[str]:
    """Redeem every code once. First of all, since a code lives for a minute. Returns the refresh tokens."""
    refresh: list[str] = []

    def good(answer: bytes) -> bool:
        if not answer.startswith(b"HTTP/1.1 200"):
            return False
        refresh.append(json.loads(answer.partition(b"\r\n\r\n")[2])["refresh_token"])
        return True

    form = {"grant_type": "authorization_code", "code_verifier": seeded["verifier"]}
    requests = (
        load.post("/oauth/token", urlencode({**form, "code": code}), port, seeded["assistant"])
        for code in seeded["codes"]
    )
    load.run(port, requests, at_most=COLD, good=good)
    note(results, f"token.authorization_code.{engine}", load.run(port, requests, seconds=30, good=good))
    return refresh


def _refresh(engine: str, port: int, seeded: dict[str, Any], tokens: list[str], results: Results) -> None:
    requests = (
        load.post(
            "/oauth/token",
            urlencode({"grant_type": "refresh_token", "refresh_token": token}),
            port,
            seeded["assistant"],
        )
        for token in tokens
    )
    load.run(port, requests, at_most=COLD)
    note(results, f"token.refresh_token.{engine}", load.run(port, requests, seconds=30))


def _client_credentials(port: int, seeded: dict[str, Any], resource: str) -> Iterator[bytes]:
    form = urlencode({"grant_type": "client_credentials", "resource": seeded[resource]})
    return itertools.repeat(load.post("/oauth/token", form, port, seeded["autonomous"]))


def _tokens(engine: str, port: int, seeded: dict[str, Any], results: Results, watched: dict[str, int]) -> None:
    """The middle one of three rounds: the database tidies up by itself, and one round meets it by chance."""
    load.run(port, _client_credentials(port, seeded, "offline"), seconds=2)
    rounds: dict[str, list[load.Measured]] = {"offline": [], "asking": []}
    watches = {resource: Watch(**watched) for resource in rounds}
    for _ in range(3):
        for resource, measured in rounds.items():
            requests = _client_credentials(port, seeded, resource)
            measured.append(watches[resource].during(partial(load.run, port, requests, seconds=4)))
    for name, resource in (("client_credentials", "offline"), ("client_credentials.opaque", "asking")):
        middle = sorted(rounds[resource], key=lambda measured: measured.rps)[1]
        middle.errors = sum(measured.errors for measured in rounds[resource])
        note(results, f"token.{name}.{engine}", middle)
        note_time(results, f"token.{name}.{engine}", watches[resource])


def _introspection(engine: str, port: int, seeded: dict[str, Any], results: Results, watched: dict[str, int]) -> None:
    tokens: list[str] = []

    def good(answer: bytes) -> bool:
        tokens.append(json.loads(answer.partition(b"\r\n\r\n")[2])["access_token"])
        return True

    load.run(port, _client_credentials(port, seeded, "asking"), at_most=200, good=good)
    requests = itertools.cycle(
        [load.post("/oauth/introspect", f"token={quote(token)}", port, seeded["resource"]) for token in tokens]
    )
    watch = Watch(**watched)
    asked = partial(load.run, port, requests, seconds=6, good=lambda answer: b'"active": true' in answer)
    note(results, f"introspection.{engine}", watch.during(asked))
    note_time(results, f"introspection.{engine}", watch)


def _memory(engine: str, mandate: RunningMandate, seeded: dict[str, Any], results: Results) -> None:
    """How large a web worker is after it has issued its share of a hundred thousand tokens."""
    load.run(mandate.port, _client_credentials(mandate.port, seeded, "offline"), seconds=150, at_most=TOKENS_FOR_MEMORY)
    largest = max(_resident(process) for process in descendants(_pid_of(mandate)))
    results[f"web_worker.{engine}.memory"] = {"value": round(largest / 1024, 1), "unit": "MB"}


def _resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def note(results: Results, name: str, measured: load.Measured) -> None:
    """Keep requests a second, the slowest of a hundred, and how many were refused."""
    results[f"{name}.rps"] = {"value": round(measured.rps), "unit": "requests/s"}
    results[f"{name}.p99"] = {"value": round(measured.percentile(0.99), 1), "unit": "ms"}
    results[f"{name}.errors"] = {"value": measured.errors, "unit": "answers"}


def note_time(results: Results, name: str, watch: Watch) -> None:
    """Keep the processor time of one answer: that of the web processes, of the database, of the load, and of all."""
    for whose, microseconds in watch.each().items():
        results[f"{name}.cpu.{whose}"] = {"value": round(microseconds), "unit": "µs/request"}


def show(results: Results) -> None:
    """Print the table."""
    width = max(len(name) for name in results)
    print(f"\n{'figure':{width}}  {'value':>10}  unit")
    for name, figure in results.items():
        print(f"{name:{width}}  {figure['value']:>10}  {figure['unit']}")


def _told(printed: str) -> dict[str, Any]:
    """Return what a program told as JSON in its last line. Before it may stand lines of a log."""
    told: dict[str, Any] = json.loads(printed.strip().splitlines()[-1])
    return told


def _program(module: str, *arguments: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=environment,
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    if done.returncode:
        raise SystemExit(f"{module}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
