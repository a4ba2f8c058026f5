"""From a registered agent to its first token: one key in one variable, and five lines of code at most."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from agents.models import AuthMethod
from agents.models.agent import Kind as AgentKind
from agents.trail.kinds import Kind
from tests import builders
from tests.clients.mcp_server import AsksMandate, mcp_server
from tests.services.mandate import BASE_DIR
from tests.services.run import free_port

pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True)]
HOW_TO = BASE_DIR / "docs" / "how-to" / "connect-an-agent.md"
EXAMPLES = BASE_DIR / "docs" / "examples" / "one_key"
ISSUER, RESOURCE = "https://mandate.example.org", "https://records.example.org"
MOST_LINES = 5
COMMAND = {"python": [sys.executable, "-"], "sh": ["bash", "-eu"]}


@pytest.fixture
def registered(running_mandate, mara, ada):
    """A running Mandate with a resource that asks it, and the key of an agent that was registered and allowed."""
    port = free_port()
    tools = builders.resource("Ward tools", f"http://127.0.0.1:{port}/mcp", by=mara)
    scope = builders.scope(tools, "beds:read", "See free beds")
    agent = builders.agent("Bed Finder", owner=ada, kind=AgentKind.AUTONOMOUS, scopes=[scope])
    client = builders.client(agent, auth_method=AuthMethod.BASIC)
    builders.consent(None, client, by=mara)
    verifier = AsksMandate(running_mandate.url, tools.identifier, builders.key(tools, by=mara).key)
    with mcp_server(port, verifier, ["beds:read"]):
        yield running_mandate.url, tools.uri, builders.key(client).key


def first_token(language: str) -> str:
    """The code of the how-to page by which an agent gets its first token."""
    found = re.search(
        rf"<!-- tested: first-token {language} -->\n```{language}\n(.*?)```", HOW_TO.read_text(), re.DOTALL
    )
    assert found
    return found[1]


def run(language: str, code: str, registered: tuple[str, str, str]) -> str:
    """Run the agent as a process that has the key in its environment and nothing else, and return what it prints."""
    issuer, resource, key = registered
    code = code.replace(ISSUER, issuer).replace(RESOURCE, resource)
    environment = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "MANDATE_KEY": key}
    done = subprocess.run(
        COMMAND[language], input=code, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("language", COMMAND)
def test_the_first_token_takes_five_lines_at_most(registered, language):
    code = first_token(language)
    assert len([line for line in code.splitlines() if line.strip()]) <= MOST_LINES
    said = run(language, code, registered)
    (issued,) = builders.events(Kind.TOKEN_ISSUED)
    assert issued.detail["life"] == 300
    # The resource takes the token: what it has to say about a plain GET is not about who asks.
    assert "access_token" in said if language == "sh" else "Response [4" in said and "401" not in said


@pytest.mark.parametrize(("file", "language"), [("agent.py", "python"), ("agent.sh", "sh")])
def test_the_examples_renew_a_token_before_it_is_over_and_not_earlier(registered, file, language):
    code = (EXAMPLES / file).read_text()
    again = {
        "python": "token(); kept['until'] = 0.0; token(); token()\n",
        "sh": 'call "$resource"; until=0; call "$resource"; call "$resource"\n',
    }[language]
    said = run(language, code + "\n" + again, registered)
    assert "invalid_token" not in said
    assert len(builders.events(Kind.TOKEN_ISSUED)) == 2


@pytest.mark.parametrize(("file", "language"), [("agent.py", "python"), ("agent.sh", "sh")])
def test_the_examples_say_why_there_is_no_token(registered, file, language):
    issuer, resource, key = registered
    code = (EXAMPLES / file).read_text().replace(ISSUER, issuer).replace(RESOURCE, resource)
    done = subprocess.run(
        COMMAND[language],
        input=code,
        env={"PATH": os.environ["PATH"], "MANDATE_KEY": key[:-1]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "no whole key" in done.stderr
    assert key[:-1] not in done.stderr + done.stdout
