"""MCP clients that nobody registered, at the MCP server of the examples: by registration (RFC 7591) and by a document (CIMD)."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
import requests
from django.utils import timezone
from fastmcp import Client as FastMcpClient
from fastmcp.client.auth import OAuth
from mcp import MCPError

from agents.models import Agent, Client
from consent import mandate as consents
from consent.models import Consent
from tests import builders
from tests.builders import actor
from tests.clients.mcp_client import McpProgram, root_cause
from tests.clients.person import TIMEOUT, person_decides
from tests.clients.test_mcp_typescript import hears_answers
from tests.forms import text_of
from tests.services.https_host import certificate, https_host
from tests.services.node import node
from tests.ward import BEDS, MEDICATION, Ward

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
LOOPBACK = "http://127.0.0.1:4000/callback"


@pytest.fixture
def document(ward: Ward, tmp_path: Path):
    """The address of a document of *Ward Chat*, which Mandate may read on this machine."""
    files = certificate(tmp_path)
    ward.mandate.stop()
    ward.mandate.settings |= {"MANDATE_LOCAL_CALLS": "yes", "SSL_CERT_FILE": str(files[0])}
    ward.mandate.start()
    documents: dict[str, dict[str, object]] = {}
    with https_host(files, documents) as host:
        documents["/ward-chat.json"] = {
            "client_id": f"{host}/ward-chat.json",
            "client_name": "Ward Chat",
            "redirect_uris": [LOOPBACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        }
        yield f"{host}/ward-chat.json"


def is_webers_own(weber) -> Client:
    """One personal agent of Weber's came of it, with one consent. The client behind it."""
    agent = Agent.objects.get()
    assert (agent.name, agent.personal_of, agent.owner) == ("Ward Chat", weber, weber)
    consent = Consent.objects.get()
    assert (consent.agent, consent.user) == (agent, weber)
    return consent.client


def test_the_python_sdk_registers_renews_and_comes_back(ward: Ward, weber):
    program = McpProgram(ward.server.uri, lambda address: person_decides(address, weber), redirect_uri=LOOPBACK)
    assert program.calls(BEDS, program.its_token_ends, BEDS) == [2, 2]
    assert len(program.asked) == 1
    assert is_webers_own(weber).client_id == program.storage.client_info.client_id
    consents.revoke(Consent.objects.get().pk, reason="Done.", by=actor(weber), now=timezone.now())
    assert program.calls(BEDS) == [2]  # the same registration, and the person again
    assert Client.objects.count() == 1


def test_the_python_sdk_is_known_by_its_document(ward: Ward, document, weber):
    program = McpProgram(
        ward.server.uri,
        lambda address: person_decides(address, weber),
        redirect_uri=LOOPBACK,
        metadata_url=document,
    )
    assert program.calls(BEDS, program.its_token_ends, BEDS) == [2, 2]
    assert is_webers_own(weber).client_id == document


@pytest.mark.parametrize("version", [1, 2])
def test_the_typescript_sdk_registers(ward: Ward, weber, version):
    about = {"version": version, "server": ward.server.uri, "redirect_uri": LOOPBACK}
    with node("mcp_sdk", "calls", **about, calls=[BEDS]) as program:
        _, (said,) = hears_answers(program, lambda address: person_decides(address, weber), 1)
    assert said["answer"] == 2
    assert is_webers_own(weber).client_id == said["client"]


@pytest.mark.parametrize("version", [1, 2])
def test_the_typescript_sdk_is_known_by_its_document(ward: Ward, document, weber, version):
    about = {"version": version, "server": ward.server.uri, "redirect_uri": LOOPBACK, "metadata_url": document}
    with node("mcp_sdk", "calls", **about, calls=[BEDS]) as program:
        _, (said,) = hears_answers(program, lambda address: person_decides(address, weber), 1)
    assert said["answer"] == 2
    assert is_webers_own(weber).client_id == said["client"] == document


def test_fastmcp_finds_its_way_and_looks_before_it_opens_a_browser(ward: Ward, weber, monkeypatch):
    opened = []

    def browser(address):
        """The person's browser, which leads them back to FastMCP's own listener."""
        opened.append(address)
        threading.Thread(
            target=lambda: requests.get(person_decides(address, weber), timeout=TIMEOUT), daemon=True
        ).start()

    monkeypatch.setattr("webbrowser.open", browser)

    async def beds():
        async with FastMcpClient(ward.server.uri, auth=OAuth(client_name="Ward Chat")) as client:
            assert {tool.name for tool in await client.list_tools()} == {"free_beds", "medication_of", "recently_asked"}
            return (await client.call_tool(*BEDS)).data

    assert asyncio.run(beds()) == 2
    assert len(opened) == 1
    is_webers_own(weber)


def test_something_sensitive_is_left_to_an_administrator(ward: Ward, weber):
    pages = []

    def decides(address):
        weber.refresh_from_db()  # who signed in meanwhile
        pages.append(text_of(builders.browser(weber).get(address.removeprefix(ward.mandate.url))))
        return person_decides(address, weber)

    program = McpProgram(ward.server.uri, decides, redirect_uri=LOOPBACK)
    with pytest.raises(ExceptionGroup) as refused:
        program.calls(BEDS, MEDICATION)
    assert isinstance(root_cause(refused.value), MCPError), refused.value  # the answer was 403, twice
    first, second = pages
    assert "Read what your patients take" not in first
    assert "a personal agent does not get" in second
    assert "Read what your patients take" in second
    assert program.storage.tokens.scope == "beds:read"
    assert program.calls(BEDS) == [2]
