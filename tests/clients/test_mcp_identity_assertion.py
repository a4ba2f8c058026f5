"""The MCP Python SDK's identity assertion provider (enterprise-managed authorization): a trusted issuer's word, no screen."""

from __future__ import annotations

import asyncio

import pytest
from django.utils import timezone
from mcp.client.auth import OAuthTokenError
from mcp.client.auth.extensions.identity_assertion import IdentityAssertionOAuthProvider

from agents.models import AuthMethod
from consent import mandate
from consent.models import Consent
from tests import builders
from tests.clients.mcp_server import AsksMandate, mcp_server
from tests.clients.test_mcp_client_credentials import Storage, asks, root_cause
from tests.services.run import free_port
from tests.vouching import Idp

pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ward(running_mandate, mara, ada):
    """An MCP server that Mandate protects, and a client of an assistant that may act there on the word of an issuer."""
    port = free_port()
    address = f"http://127.0.0.1:{port}/mcp"
    tools = builders.resource("Ward tools", address)
    beds = builders.scope(tools, "beds:read", "See free beds")
    agent = builders.agent("Bed Helper", owner=ada, scopes=[beds])
    client = builders.client(agent, auth_method=AuthMethod.POST)
    idp = Idp()
    idp.trusted([client], [beds], by=mara)
    verifier = AsksMandate(running_mandate.url, tools.identifier, builders.key(tools).key)
    with mcp_server(port, verifier, ["beds:read"]):
        yield address, client, idp


def provider(ward, mandate_url, person):
    """The SDK's provider, with an identity provider that says that it is this person."""
    address, client, idp = ward

    async def fetch(audience, resource):
        return idp.asserts(client, person, aud=audience, resource=resource)

    key = builders.key(client).key
    return IdentityAssertionOAuthProvider(address, Storage(), client.client_id, key, mandate_url, fetch)


def test_an_agent_acts_for_whom_the_issuer_names_until_they_end_it(ward, running_mandate, weber):
    said = asyncio.run(asks(ward[0], provider(ward, running_mandate.url, weber)))
    assert said
    consent = Consent.objects.get()
    assert (consent.user, consent.origin) == (weber, "issuer")
    mandate.revoke(consent.pk, reason="Not like this.", by=builders.actor(weber), now=timezone.now())
    with pytest.raises((OAuthTokenError, BaseExceptionGroup)) as problem:
        asyncio.run(asks(ward[0], provider(ward, running_mandate.url, weber)))
    assert isinstance(root_cause(problem.value), OAuthTokenError)
    assert "revoked" in str(root_cause(problem.value))
