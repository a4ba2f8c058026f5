"""The MCP conformance suite: at Mandate as an authorization server, and at the MCP server of the examples, with a token.

Its scenarios for servers know no authorization, so a small proxy carries a token for them. Those that call tools of their
own invention do not fit a server that has others.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from agents.models import AuthMethod
from tests import builders
from tests.clients.mcp_client import McpProgram
from tests.clients.person import TIMEOUT, person_decides
from tests.services.node import FOLDER, environment, node_program
from tests.services.run import free_port
from tests.ward import BEDS, Ward

# It needs `make npm`: part of `make test-all`.
pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
SUITE = FOLDER / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
SCENARIOS = [
    "server-initialize",
    "server-stateless",
    "ping",
    "tools-list",
    "dns-rebinding-protection",
]
OF_ITS_OWN_TOOLS = {"sep-2575-server-rejects-undeclared-capability", "sep-2575-missing-capability-http-400"}
"""Checks within these that call a diagnostic tool which only the suite's own server has."""


def suite(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(node_program()), str(SUITE), *arguments],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def checks_in(folder: Path) -> dict[str, Any]:
    """Every check that the suite made, by its id, with what it said."""
    made = [check for file in folder.rglob("checks.json") for check in json.loads(file.read_text())]
    assert made, "the suite checked nothing"
    return {
        f"{check['id']} {check['name']}": (check["status"], check.get("errorMessage"))
        for check in made
        if check["id"] not in OF_ITS_OWN_TOOLS
    }


def test_mandate_is_the_authorization_server_that_mcp_asks_for(ward: Ward, ada, weber, tmp_path: Path):
    port, results = free_port(), tmp_path / "results"
    client = builders.client(
        builders.agent("Ward Chat", owner=ada, scopes=[ward.beds]),
        auth_method=AuthMethod.NONE,
        redirect_uris=["http://127.0.0.1/callback"],
    )
    running = suite(
        *("authorization", "--url", ward.mandate.url, "--client-id", client.client_id, "--resource", ward.server.uri),
        *("--port", str(port), "--output-dir", str(results), "--verbose"),
    )
    try:
        assert running.stdout is not None
        said = ""
        while not (found := re.search(r"http://localhost:\d+/oauth/authorize\?\S+", said)):
            line = running.stdout.readline()
            assert line, said
            said += line
        requests.get(person_decides(found.group(), weber), timeout=TIMEOUT)
        said += running.communicate(timeout=60)[0]
    finally:
        running.kill()
        running.wait(timeout=20)
    assert running.returncode == 0, said
    checks = checks_in(results)
    assert len(checks) >= 3, checks
    assert all(status == "SUCCESS" for status, _ in checks.values()), checks


@contextmanager
def with_token(server: str, token: str) -> Iterator[str]:
    """A proxy to the MCP server that carries this token. Returns its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            sent = {name: value for name, value in self.headers.items() if name.lower() not in {"connection", "host"}}
            if self.headers["Host"] != f"localhost:{self.server.server_port}":  # a scenario that tries another
                sent["Host"] = self.headers["Host"]
            sent["Authorization"] = f"Bearer {token}"
            answer = httpx.request(self.command, server, content=body, headers=sent, timeout=TIMEOUT)
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in {"content-length", "transfer-encoding", "content-encoding", "date", "server"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            with contextlib.suppress(BrokenPipeError):  # the suite had seen enough
                self.wfile.write(answer.content)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_words: Any) -> None:
            """Say nothing."""

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy.daemon_threads = True
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://localhost:{proxy.server_port}/mcp"
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()


def test_the_example_is_the_server_that_mcp_asks_for(ward: Ward, weber, tmp_path: Path):
    program = McpProgram(
        ward.server.uri, lambda address: person_decides(address, weber), redirect_uri="http://127.0.0.1:4000/callback"
    )
    program.calls(BEDS)
    failed: dict[str, str | None] = {}
    with with_token(ward.server.uri, program.storage.tokens.access_token) as address:
        for scenario in SCENARIOS:
            results = tmp_path / scenario
            running = suite("server", "--url", address, "--scenario", scenario, "--output-dir", str(results))
            running.communicate(timeout=90)
            checks = checks_in(results)
            assert any(status == "SUCCESS" for status, _ in checks.values()), scenario
            failed |= {name: why for name, (status, why) in checks.items() if status in {"FAILURE", "WARNING"}}
    assert not failed
