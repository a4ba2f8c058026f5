"""What the how-tos for each kind of client and server say to paste works as they say, as a newcomer would try it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.models import DataClass, Scope
from agents.models.agent import Kind as AgentKind
from agents.trail.kinds import Kind
from consent.models import Consent
from console.serving import answers
from tests import builders, grants
from tests.clients.mcp_client import McpProgram
from tests.clients.pasting import running
from tests.clients.person import person_decides
from tests.clients.records import records_api
from tests.consent.asking import ticked
from tests.grants import REDIRECT
from tests.services.mandate import BASE_DIR
from tests.services.node import node_program
from tests.services.processes import until
from tests.services.run import free_port
from tests.ward import Ward

# Some need `make npm`: part of `make test-all`.
pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
HOW_TO = BASE_DIR / "docs" / "how-to"
PAGES = {
    "python": HOW_TO / "connect-from-python.md",
    "ts": HOW_TO / "connect-from-typescript.md",
    "client": HOW_TO / "connect-an-mcp-client.md",
    "server": HOW_TO / "protect-an-mcp-server.md",
    "api": HOW_TO / "protect-an-api.md",
}
BLOCK = re.compile(r"<!-- tested: (\w+) -->\n```(sh|python|ts)\n(.*?)```", re.DOTALL)


def pasted(page: str, name: str, language: str) -> list[str]:
    """The command that runs this block of a page."""
    found = {(name, language): code for name, language, code in BLOCK.findall(PAGES[page].read_text("utf-8"))}
    code = found[name, language]
    if language == "ts":
        return [str(node_program()), "--input-type=module-typescript", "-e", code]
    return ["bash", "-euc", code] if language == "sh" else [sys.executable, "-c", code]


def says(process: subprocess.Popen[str], *, told: str = "") -> str:
    """What the program says until its end, which is a good one."""
    said, complaint = process.communicate(told, timeout=60)
    assert process.returncode == 0, complaint
    return said


def address_of(process: subprocess.Popen[str]) -> str:
    """Where the program sends the person."""
    assert process.stdout is not None
    said = ""
    while not (found := re.search(r"http://localhost:\d+/oauth/authorize\?\S+", said)):
        line = process.stdout.readline()
        assert line, process.communicate()
        said += line
    return found.group()


# ------------------------------------------------------------------------------------------------ agents and an API


@pytest.fixture
def read(running_mandate, mara, weber, tmp_path: Path):
    """The records API of the examples, which runs, and its scope."""
    api, records = records_api(tmp_path, running_mandate, by=mara)
    read = builders.scope(records, "records:read", data_class=DataClass.PERSONAL)
    try:
        api.start()
        yield read
    finally:
        api.stop()


@pytest.fixture
def variables(running_mandate, read: Scope, ada, mara) -> Callable[[str], dict[str, str]]:
    """What a person exports for an agent of this kind."""

    def of(kind: str) -> dict[str, str]:
        client = builders.client(builders.agent("Letter Writer", owner=ada, kind=kind, scopes=[read]))
        if kind == AgentKind.AUTONOMOUS:
            grants.consent(client, scopes=[read], user=None, by=mara, purpose="File claims")
        return {
            "ISSUER": running_mandate.url,
            "CLIENT_ID": client.client_id,
            "MANDATE_KEY": builders.key(client).key,
            "RESOURCE": read.resource.uri,
            "REDIRECT_URI": REDIRECT,
        }

    return of


@pytest.mark.parametrize("language", ["python", "ts"])
@pytest.mark.parametrize("block", ["alone", "dpop"])
def test_an_agent_that_acts_by_itself(variables, language, block):
    with running(pasted(language, block, language), **variables(AgentKind.AUTONOMOUS)) as process:
        said = says(process)
    assert "Rosa Lindner" in said
    assert ("dpop" in said.lower()) is (block == "dpop")


@pytest.mark.parametrize("language", ["python", "ts"])
def test_an_assistant_that_acts_for_somebody(variables, weber, read: Scope, language):
    with running(pasted(language, "person", language), **variables(AgentKind.ASSISTANT)) as process:
        back = person_decides(address_of(process), weber, changing=lambda form: {**form, "scope": ticked(read)})
        said = says(process, told=back + "\n")
    assert "Allowed: records:read" in said
    assert "Rosa Lindner" in said
    assert "Renewed: records:read" in said
    purpose = (
        "Draft the discharge letters of ward 3B" if language == "ts" else "Draft discharge letters for the ward doctor"
    )
    assert Consent.objects.get().purpose == purpose


def test_an_api_asks_about_a_token_and_reports_what_was_done(running_mandate, discharge, weber_allows, records_api):
    pkce = grants.Pkce()
    token = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()["access_token"]
    given = {
        "ISSUER": running_mandate.url,
        "RECORDS_IDENTIFIER": records_api.resource.identifier,
        "RECORDS_KEY": records_api.key,
    }
    with running(pasted("api", "introspect", "sh"), **given, TOKEN=token) as process:
        told = json.loads(says(process))
    assert (told["active"], told["consent"]) == (True, str(weber_allows.pk))
    with running(pasted("api", "receipt", "sh"), **given, JTI=told["jti"]) as process:
        says(process)
    (event,) = builders.events(Kind.RECEIPT_REPORTED)
    assert (event.consent_id, event.detail["operation"]) == (weber_allows.pk, "read")


# ------------------------------------------------------------------------------------------------------------- MCP


@pytest.mark.parametrize("language", ["python", "ts"])
def test_an_mcp_client_that_is_given_an_address(ward: Ward, weber, language):
    with running(pasted("client", "sdk", language), SERVER=ward.server.uri) as process:
        said = says(process, told=person_decides(address_of(process), weber) + "\n")
    assert "2" in said
    assert Consent.objects.get().agent.personal_of == weber


def test_fastmcp_in_four_lines(ward: Ward, weber, tmp_path: Path):
    """Its browser is a program that only writes the address down."""
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.part && mv {opened}.part {opened}\n')
    browser.chmod(0o755)
    with running(pasted("client", "fastmcp", "python"), SERVER=ward.server.uri, BROWSER=str(browser)) as process:
        until(opened.exists, because=lambda: str(process.poll()))
        import requests

        requests.get(person_decides(opened.read_text(), weber), timeout=20)
        assert "2" in says(process)


def test_the_least_mcp_server(running_mandate, mara, weber):
    port = free_port()
    server = f"http://localhost:{port}"
    tools = builders.resource("Ward tools", f"{server}/mcp", by=mara)
    builders.scope(tools, "beds:read", "See which beds are free")
    given = {
        "ISSUER": running_mandate.url,
        "PORT": str(port),
        "TOOLS_IDENTIFIER": tools.identifier,
        "TOOLS_KEY": builders.key(tools, by=mara).key,
    }
    with running(pasted("server", "server", "python"), **given) as process:
        until(lambda: answers("127.0.0.1", port), because=lambda: str(process.poll()))
        with running(pasted("server", "look", "sh"), SERVER=server) as look:
            said = says(look)
        assert (
            f'Bearer scope="beds:read", resource_metadata="{server}/.well-known/oauth-protected-resource/mcp"' in said
        )
        assert f'"resource":"{server}/mcp","authorization_servers":["{running_mandate.url}"]' in said
        program = McpProgram(
            f"{server}/mcp",
            lambda address: person_decides(address, weber),
            redirect_uri="http://127.0.0.1:4000/callback",
        )
        assert program.calls(("free_beds", {"ward": "3B"})) == [2]
        assert process.stdout is not None
        consent = Consent.objects.get()
        told = f"Asked by {consent.agent_id} for {weber.pk} under {consent.pk}\n"
        assert any(line == told for line in process.stdout)
    assert len(builders.events(Kind.TOKEN_ISSUED)) == 1
