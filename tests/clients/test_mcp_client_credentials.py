"""The MCP Python SDK's client-credentials provider: from a 401 to a tool's answer, by discovery alone (RFC 9728, RFC 8414)."""

from __future__ import annotations

import asyncio

import httpx2
import pytest
from django.utils import timezone
from mcp.client.auth import OAuthFlowError, OAuthTokenError
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client

from agents.models import AuthMethod, Event
from agents.models.agent import Kind as AgentKind
from consent import mandate
from tests import builders
from tests.clients.mcp_client import Storage, root_cause
from tests.clients.mcp_server import AsksMandate, mcp_server
from tests.services.run import free_port

pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ward(running_mandate, mara, ada):
    """An MCP server that Mandate protects, its address, and an autonomous agent that may read beds there."""
    port = free_port()
    address = f"http://127.0.0.1:{port}/mcp"
    tools = builders.resource("Ward tools", address)
    beds = builders.scope(tools, "beds:read", "See free beds")
    agent = builders.agent("Bed Finder", owner=ada, kind=AgentKind.AUTONOMOUS, scopes=[beds])
    verifier = AsksMandate(running_mandate.url, tools.identifier, builders.key(tools).key)
    with mcp_server(port, verifier, ["beds:read"]):
        yield address, agent


async def asks(address, provider):
    """Call the tool once. Returns what it said."""
    async with (
        httpx2.AsyncClient(auth=provider, timeout=20) as http,
        streamable_http_client(address, http_client=http) as (read, write, *_),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        answer = await session.call_tool("beds_free", {"ward": "3B"})
        return answer.content[0].text


@pytest.mark.parametrize("method", [AuthMethod.BASIC, AuthMethod.POST])
def test_an_agent_gets_through_and_a_revoked_one_does_not(ward, running_mandate, mara, method):
    address, agent = ward
    client = builders.client(agent, auth_method=method)
    given = builders.consent(None, client, by=mara)
    key = builders.key(client).key

    def provider(storage):
        return ClientCredentialsOAuthProvider(
            server_url=address,
            storage=storage,
            client_id=client.client_id,
            client_secret=key,
            token_endpoint_auth_method=method.value,
            scope="beds:read",
            issuer=running_mandate.url,
        )

    storage = Storage()
    assert asyncio.run(asks(address, provider(storage))) == "2"
    assert storage.tokens.scope == "beds:read"
    assert Event.objects.filter(kind="token.issued", client_id=client.pk).count() == 1

    mandate.revoke(given.pk, reason="Over.", by=builders.actor(mara), now=timezone.now())
    with pytest.raises(ExceptionGroup) as refused:
        asyncio.run(asks(address, provider(storage)))
    assert isinstance(root_cause(refused.value), (OAuthTokenError, OAuthFlowError)), refused.value
    assert Event.objects.filter(kind="token.refused", client_id=client.pk, reason_code="unauthorized_client").exists()
    assert Event.objects.filter(kind="introspection.inactive", client_id=client.pk).count() == 1
