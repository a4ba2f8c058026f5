"""The MCP TypeScript SDK, versions 1 and 2, at the MCP server of the examples: from its address to a tool's answer."""

from __future__ import annotations

import pytest

from agents.models import AuthMethod
from agents.models.agent import Kind as AgentKind
from agents.trail.kinds import Kind
from tests import builders
from tests.grants import REDIRECT
from tests.services.node import Program, node
from tests.signing import gives_key, pair
from tests.ward import BEDS, MEDICATION, RECENT, Ward

# They need `make npm`: part of `make test-all`.
pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def registered(ward: Ward, ada):
    """A client registered by hand: what its program is given."""

    def give(method: str):
        client = builders.client(
            builders.agent("Ward Chat", owner=ada, scopes=[ward.beds, ward.medication]), auth_method=method
        )
        given = {
            "client_id": client.client_id,
            "token_endpoint_auth_method": method,
            "issuer": ward.mandate.url,
        }
        return given if method == AuthMethod.NONE else {**given, "client_secret": builders.key(client).key}

    return give


def hears_answers(program: Program, decides, many: int):
    """Answer what the program asks, until it has called its tools. Returns where it sent people, and what it said."""
    asked, said = [], []
    while len(said) < many:
        heard = program.says_well()
        if "open" in heard:
            asked.append(heard["open"])
            program.hears(decides(heard["open"]))
        else:
            said.append(heard)
            program.hears(True)
    return asked, said


@pytest.mark.parametrize("method", [AuthMethod.BASIC, AuthMethod.POST, AuthMethod.NONE])
def test_version_2_steps_up_by_itself(ward: Ward, registered, allows_all, method):
    about = {"version": 2, "server": ward.server.uri, "redirect_uri": REDIRECT, "client": registered(method)}
    with node("mcp_sdk", "calls", **about, calls=[BEDS, MEDICATION, RECENT]) as program:
        asked, said = hears_answers(program, allows_all, 3)
        assert program.says_well() == {"done": True}
    assert [one["answer"] for one in said] == [2, ["Amoxicillin 1 g, three times a day"], ["p-1002"]]
    assert ["medication" in address for address in asked] == [False, True]
    assert all("resource=" in address for address in asked)
    assert said[-1]["scope"].split() == ["beds:read", "medication:read"]


def test_version_1_reaches_the_ordinary_tool_and_renews_where_it_should_ask(ward: Ward, registered, allows_all):
    """It answers insufficient_scope with a refresh, which can bring no more, and gives up: docs/how-to tell what to do."""
    given = registered(AuthMethod.NONE)
    about = {"version": 1, "server": ward.server.uri, "redirect_uri": REDIRECT, "client": given}
    with node("mcp_sdk", "calls", **about, calls=[BEDS, MEDICATION]) as program:
        asked, said = hears_answers(program, allows_all, 1)
        assert "after trying upscoping" in program.says()["words"]
    assert said[0]["answer"] == 2
    assert len(asked) == 1
    grants = [event.detail["grant"] for event in builders.events(Kind.TOKEN_ISSUED)]
    assert grants == ["authorization_code", "refresh_token"]


def test_version_1_asks_its_person_once_it_is_told_to(ward: Ward, registered, allows_all):
    about = {"version": 1, "server": ward.server.uri, "redirect_uri": REDIRECT, "client": registered(AuthMethod.NONE)}
    with node("mcp_sdk", "calls", **about, careful=True, calls=[BEDS, MEDICATION, BEDS]) as program:
        asked, said = hears_answers(program, allows_all, 3)
    assert [one["answer"] for one in said] == [2, ["Amoxicillin 1 g, three times a day"], 2]
    assert ["medication" in address for address in asked] == [False, True]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("proof", ["secret", "key"])
def test_an_agent_without_a_person(ward: Ward, ada, mara, version, proof):
    agent = builders.agent("Bed Finder", owner=ada, kind=AgentKind.AUTONOMOUS, scopes=[ward.beds])
    method = AuthMethod.PRIVATE_KEY_JWT if proof == "key" else AuthMethod.BASIC
    client = builders.client(agent, auth_method=method)
    builders.consent(None, client, by=mara)
    given = {"client_id": client.client_id}
    if proof == "key":
        own = pair()
        gives_key(client, own)
        given["pem"] = own.as_pem(private=True).decode()
    else:
        given["client_secret"] = builders.key(client).key
    about = {"version": version, "server": ward.server.uri, "issuer": ward.mandate.url, "scope": "beds:read"}
    with node("mcp_sdk", "alone", **about, client=given, proof=proof, calls=[BEDS]) as program:
        assert program.says_well() == {"answer": 2}
    assert [event.detail["grant"] for event in builders.events(Kind.TOKEN_ISSUED)] == ["client_credentials"]
