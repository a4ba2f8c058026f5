"""Enterprise-managed authorization: the MCP SDKs bring the word of a trusted issuer (ID-JAG), and no screen is needed."""

from __future__ import annotations

import asyncio

import httpx2
import pytest
from django.utils import timezone
from mcp.client.auth import OAuthTokenError
from mcp.client.auth.extensions.identity_assertion import IdentityAssertionOAuthProvider
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client

from agents.models import AuthMethod
from agents.trail.kinds import Kind
from consent import mandate
from consent.models import Consent, Origin
from tests import builders
from tests.builders import actor
from tests.clients.mcp_client import Storage, root_cause
from tests.grants import TokenClient
from tests.services.node import node
from tests.vouching import Idp
from tests.ward import BEDS, MEDICATION, Ward

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def idp() -> Idp:
    return Idp()


@pytest.fixture
def chat(ward: Ward, idp: Idp, ada, mara):
    """Ada's chat program, which Mara lets act for whom the issuer names, for free beds."""

    def registered(method: str) -> TokenClient:
        agent = builders.agent("Ward Chat", owner=ada, scopes=[ward.beds, ward.medication])
        client = builders.client(agent, auth_method=method)
        idp.trusted([client], [ward.beds], by=mara)
        return TokenClient(client, builders.key(client).key)

    return registered


def calls(ward: Ward, idp: Idp, chat: TokenClient, person, *wanted, storage=None):
    """What the tools say to the Python SDK, which brings an assertion where it is asked for a token."""
    asked = []

    async def assertion(audience: str, resource: str) -> str:
        asked.append((audience, resource))
        return idp.asserts(chat.client, person, aud=audience, resource=resource)

    async def run():
        provider = IdentityAssertionOAuthProvider(
            server_url=ward.server.uri,
            storage=storage or Storage(),
            client_id=chat.client.client_id,
            client_secret=chat.key,
            issuer=ward.mandate.url,
            assertion_provider=assertion,
            scope="beds:read",
            token_endpoint_auth_method=chat.client.auth_method,
        )
        async with (
            httpx2.AsyncClient(auth=provider, timeout=60) as http,
            streamable_http_client(ward.server.uri, http_client=http) as (read, write, *_),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return [(await session.call_tool(*one)).structured_content["result"] for one in wanted]

    return asyncio.run(run()), asked


@pytest.mark.parametrize("method", [AuthMethod.BASIC, AuthMethod.POST])
def test_the_python_sdk_acts_for_whom_the_issuer_names(ward: Ward, idp, chat, weber, mara, method):
    program = chat(method)
    said, asked = calls(ward, idp, program, weber, BEDS, BEDS)
    assert said == [2, 2]
    assert asked == [(ward.mandate.url, ward.server.uri)]
    consent = Consent.objects.get()
    assert (consent.user, consent.origin, consent.approved_by) == (weber, Origin.ISSUER, mara)
    assert [event.detail["grant"] for event in builders.events(Kind.TOKEN_ISSUED)] == ["id_jag"]


def test_what_the_person_took_back_no_issuer_gives_again(ward: Ward, idp, chat, weber):
    program = chat(AuthMethod.BASIC)
    calls(ward, idp, program, weber, BEDS)
    mandate.revoke(Consent.objects.get().pk, reason="Not for me.", by=actor(weber), now=timezone.now())
    with pytest.raises(ExceptionGroup) as refused:
        calls(ward, idp, program, weber, BEDS)
    assert isinstance(root_cause(refused.value), OAuthTokenError), refused.value
    assert "invalid_grant" in str(root_cause(refused.value))


def test_more_than_the_administrator_said_is_refused(ward: Ward, idp, chat, weber):
    program = chat(AuthMethod.BASIC)
    with pytest.raises(ExceptionGroup) as refused:
        calls(ward, idp, program, weber, BEDS, MEDICATION)
    assert "invalid_scope" in str(root_cause(refused.value)), refused.value


def test_the_typescript_sdk_acts_for_whom_the_issuer_names(ward: Ward, idp, chat, weber):
    """Version 2; version 1 does not speak it."""
    program = chat(AuthMethod.BASIC)
    given = {"client_id": program.client.client_id, "client_secret": program.key}
    about = {"version": 2, "server": ward.server.uri, "issuer": ward.mandate.url, "client": given}
    with node("mcp_sdk", "alone", **about, proof="assertion", calls=[BEDS]) as running:
        asked = running.says_well()
        assert asked["resource"] == ward.server.uri
        assertion = idp.asserts(
            program.client, weber, aud=ward.mandate.url, resource=ward.server.uri, scope="beds:read"
        )
        running.hears({"assertion": assertion})
        assert running.says_well() == {"answer": 2}
    assert Consent.objects.get().user == weber
