"""The MCP server of the examples, reached by the MCP Python SDK: what its README promises, it keeps."""

from __future__ import annotations

import httpx
import pytest
from django.utils import timezone

from agents.models import AuthMethod
from agents.trail.kinds import Kind
from consent import mandate as consents
from consent.models import Consent
from tests import builders
from tests.builders import actor
from tests.clients.mcp_client import McpProgram
from tests.services.processes import until
from tests.ward import BEDS, MEDICATION, RECENT, Ward

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def chat(ward: Ward, ada, allows_all):
    """Ada's chat program, registered by hand, at which Weber allows whatever it asks."""

    def program(name: str = "Ward Chat", method: str = AuthMethod.BASIC) -> McpProgram:
        agent = builders.agent(name, owner=ada, scopes=[ward.beds, ward.medication])
        client = builders.client(agent, auth_method=method)
        key = "" if method == AuthMethod.NONE else builders.key(client).key
        return McpProgram.registered(ward.server.uri, client, key, ward.mandate.url, allows_all)

    return program


@pytest.mark.parametrize("method", [AuthMethod.BASIC, AuthMethod.POST, AuthMethod.NONE])
def test_from_nothing_but_the_address_to_a_sensitive_tool(ward: Ward, chat, weber, method):
    program = chat(method=method)
    beds, medication, recent = program.calls(BEDS, MEDICATION, RECENT)
    assert beds == 2
    assert medication == ["Amoxicillin 1 g, three times a day"]
    assert recent == ["p-1002"]
    first, second = program.asked  # the ordinary scope at once, the sensitive one when a tool takes it
    assert "medication" not in first
    assert "medication" in second
    assert program.storage.tokens.scope.split() == ["beds:read", "medication:read"]
    until(lambda: len(builders.events(Kind.RECEIPT_REPORTED)) == 2, because=ward.server.log_file.read_text)
    told = {event.detail["operation"]: event for event in builders.events(Kind.RECEIPT_REPORTED)}
    assert told["read"].resource_id == ward.tools.pk
    assert told["read"].detail["records"][0]["type"] == "medication-list"
    assert "p-1002" not in str(told["read"].detail)
    assert Consent.objects.live(timezone.now()).get().user == weber


def test_an_ended_token_is_renewed_without_a_person(ward: Ward, chat):
    program = chat()
    assert program.calls(BEDS, program.its_token_ends, BEDS) == [2, 2]
    assert len(program.asked) == 1
    assert [event.detail["grant"] for event in builders.events(Kind.TOKEN_ISSUED)] == [
        "authorization_code",
        "refresh_token",
    ]


def test_a_revoked_consent_is_refused_at_the_next_call(ward: Ward, chat, weber):
    program = chat()
    program.calls(BEDS)
    given = Consent.objects.get()
    consents.revoke(given.pk, reason="Done.", by=actor(weber), now=timezone.now())
    refused = _calls(ward, "free_beds", program.storage.tokens.access_token)
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert program.calls(BEDS) == [2]  # by asking the person again
    assert len(program.asked) == 2


def test_what_the_server_says_to_whoever_has_no_token_or_too_little(ward: Ward, chat):
    refused = _calls(ward, "free_beds")
    assert refused.status_code == 401
    challenge = refused.headers["WWW-Authenticate"]
    assert 'scope="beds:read"' in challenge
    metadata = httpx.get(challenge.split('resource_metadata="')[1].split('"')[0]).json()
    assert metadata["resource"] == ward.tools.uri
    assert metadata["authorization_servers"] == [ward.mandate.url]
    assert metadata["scopes_supported"] == ["beds:read", "medication:read"]
    program = chat()
    program.calls(BEDS)
    short = _calls(ward, "medication_of", program.storage.tokens.access_token, patient="p-1002")
    assert short.status_code == 403
    assert (
        'error="insufficient_scope", scope="medication:read", resource_metadata=' in short.headers["WWW-Authenticate"]
    )


def test_a_person_without_that_ward_lends_it_to_no_agent(ward: Ward, chat):
    (said,) = chat().calls(("medication_of", {"patient": "p-2001"}))
    assert said == {"failed": "There is no such patient on your wards."}


def test_two_agents_of_one_person_do_not_meet(chat):
    first, second = chat("Ward Chat"), chat("Rota Chat")
    first.calls(MEDICATION)
    assert first.calls(RECENT) == [["p-1002"]]
    assert second.calls(BEDS, RECENT) == [2, []]


def test_while_mandate_cannot_be_asked_nobody_gets_in(ward: Ward, chat):
    program = chat()
    program.calls(BEDS)
    ward.mandate.stop()
    refused = _calls(ward, "free_beds", program.storage.tokens.access_token)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")


def _calls(ward: Ward, tool: str, token: str = "", **arguments: str) -> httpx.Response:
    """One call by hand."""
    headers = {"Accept": "application/json, text/event-stream"} | (
        {"Authorization": f"Bearer {token}"} if token else {}
    )
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    return httpx.post(ward.server.uri, json=call, headers=headers, timeout=20)
