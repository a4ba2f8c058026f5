"""The code that the Connect page offers, run as pasted against a running Mandate and a real MCP server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.db import transaction
from django.utils import timezone

from agents.actors import Actor
from agents.models import AuthMethod, Client, Resource, Scope, User
from agents.models.agent import Kind as AgentKind
from agents.trail.kinds import Kind
from consent import codes
from consent.models import PushedRequest
from consent.models.token import digest_of
from console.pages.snippets import connection, languages_of, snippet
from tests import builders
from tests.builders import browser
from tests.clients.mcp_server import AsksMandate, mcp_server
from tests.services.mandate import RunningMandate
from tests.services.node import FOLDER as NPM_FOLDER
from tests.services.node import node_program
from tests.services.run import free_port
from tests.signing import ed25519_pair, gives_key, pair, rsa_pair

pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True)]
ODD = "files:$HOME`it's`"
"""A scope with every character that a careless shell would act on."""


@dataclass
class Place:
    """A running Mandate, and an MCP server that it protects."""

    mandate: RunningMandate
    tools: Resource
    scopes: list[Scope]


@pytest.fixture
def place(running_mandate: RunningMandate, mara: User):
    port = free_port()
    tools = builders.resource("Ward tools", f"http://127.0.0.1:{port}/mcp", by=mara)
    scopes = [builders.scope(tools, "beds:read", "See free beds"), builders.scope(tools, ODD, "An odd one")]
    verifier = AsksMandate(running_mandate.url, tools.identifier, builders.key(tools, by=mara).key)
    with mcp_server(port, verifier, ["beds:read"]):
        yield Place(running_mandate, tools, scopes)


TYPESCRIPT = pytest.param("typescript", marks=pytest.mark.slow)
"""It needs `make npm`: part of `make test-all`."""


def _command(language: str, code: str) -> list[str]:
    if language == "curl":
        return [shutil.which("bash") or "bash", "-c", code]
    if language == "typescript":
        return [str(node_program()), "--input-type=module-typescript", "-e", code]
    return [sys.executable, "-c", code]


def _redirect_of(language: str) -> str:
    """With a query where the library can have one: openid-client leaves it out at the token endpoint."""
    return "http://127.0.0.1:8765/callback" + ("" if language == "typescript" else "?from=mandate")


def _folder(language: str) -> Path | None:
    """Where the code finds what has to be installed for it."""
    return NPM_FOLDER if language == "typescript" else None


def _environment(key: str) -> dict[str, str]:
    """What a person's shell has: the key, and nothing of this test's Django."""
    return {"PATH": os.environ["PATH"], "HOME": "/nowhere", "MANDATE_KEY": key}


def _code_of(language: str, place: Place, client: Client) -> str:
    return snippet(language, connection(place.mandate.url, client, place.tools, tuple(s.name for s in place.scopes)))


@pytest.mark.parametrize("auth_method", [AuthMethod.BASIC, AuthMethod.POST])
@pytest.mark.parametrize("language", ["key", "python", "curl", "mcp", TYPESCRIPT])
def test_an_agent_that_acts_by_itself_gets_its_first_token(place, mara, ada, language, auth_method):
    agent = builders.agent("Bed Finder", owner=ada, kind=AgentKind.AUTONOMOUS, scopes=place.scopes)
    client = builders.client(agent, auth_method=auth_method)
    builders.consent(None, client, by=mara)
    code = _code_of(language, place, client)
    ran = subprocess.run(
        _command(language, code),
        env=_environment(builders.key(client).key),
        cwd=_folder(language),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    if language != "key":  # which says what the resource answers, and nothing of the token
        assert ("beds_free" if language == "mcp" else "beds:read") in ran.stdout, ran.stdout
    issued = builders.events(Kind.TOKEN_ISSUED)
    assert [event.client_id for event in issued] == [client.pk]


@pytest.mark.parametrize("auth_method", [AuthMethod.BASIC, AuthMethod.POST, AuthMethod.NONE])
@pytest.mark.parametrize(
    ("language", "require_par"),
    [
        ("python", False),
        ("curl", False),
        ("mcp", False),
        ("python", True),
        ("curl", True),
        pytest.param("typescript", False, marks=pytest.mark.slow),
        pytest.param("typescript", True, marks=pytest.mark.slow),
    ],
)
def test_an_agent_that_acts_for_people_gets_a_token_after_they_came_back(
    place, ada, weber, language, auth_method, require_par
):
    agent = builders.agent("Bed Helper", owner=ada, scopes=place.scopes)
    client = builders.client(
        agent,
        auth_method=auth_method,
        redirect_uris=[_redirect_of(language)],
        require_par=require_par,
    )
    given = builders.consent(weber, client)
    key = "" if auth_method == AuthMethod.NONE else builders.key(client).key
    said = _run_until_it_asks(language, place, client, _environment(key), given, weber)
    assert ("beds_free" if language == "mcp" else "beds:read") in said, said
    assert len(builders.events(Kind.TOKEN_ISSUED)) == 1


@pytest.fixture
def signs(tmp_path):
    """Give a client a key pair of each kind, and put its private half where the program finds it."""

    def give(client: Client, kind: str) -> dict[str, str]:
        key = {"EC": pair, "OKP": ed25519_pair, "RSA": rsa_pair}[kind]()
        gives_key(client, key)
        path = tmp_path / "agent.key"
        path.write_bytes(key.as_pem(private=True))
        return {"PATH": os.environ["PATH"], "HOME": "/nowhere", "MANDATE_KEY_FILE": str(path)}

    return give


SIGNING = [
    ("python", "EC"),
    ("python", "RSA"),
    ("python", "OKP"),
    ("mcp", "EC"),
    pytest.param("typescript", "EC", marks=pytest.mark.slow),
    pytest.param("typescript", "RSA", marks=pytest.mark.slow),
    pytest.param("typescript", "OKP", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("language", "kind"), SIGNING)
def test_an_agent_that_signs_gets_its_first_token(place, mara, ada, signs, language, kind):
    agent = builders.agent("Bed Finder", owner=ada, kind=AgentKind.AUTONOMOUS, scopes=place.scopes)
    client = builders.client(agent, auth_method=AuthMethod.PRIVATE_KEY_JWT)
    builders.consent(None, client, by=mara)
    environment = signs(client, kind)
    ran = subprocess.run(
        _command(language, _code_of(language, place, client)),
        env=environment,
        cwd=_folder(language),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ("beds_free" if language == "mcp" else "beds:read") in ran.stdout, ran.stdout
    (issued,) = builders.events(Kind.TOKEN_ISSUED)
    assert issued.credential_id == client.credentials.get().pk


@pytest.mark.parametrize("require_par", [False, True])
@pytest.mark.parametrize("language", ["python", TYPESCRIPT])
def test_an_agent_that_signs_and_acts_for_people(place, ada, weber, signs, language, require_par):
    agent = builders.agent("Bed Helper", owner=ada, scopes=place.scopes)
    client = builders.client(
        agent,
        auth_method=AuthMethod.PRIVATE_KEY_JWT,
        redirect_uris=[_redirect_of(language)],
        require_par=require_par,
    )
    assert language in {one.name for one in languages_of(client)} == {"python", language}
    given = builders.consent(weber, client)
    environment = signs(client, "EC")
    said = _run_until_it_asks(language, place, client, environment, given, weber)
    assert "beds:read" in said, said


def _run_until_it_asks(language, place, client, environment, given, weber) -> str:
    """Run the code, go where it sends the person, paste what comes back, and return what it says then."""
    program = subprocess.Popen(
        _command(language, _code_of(language, place, client)),
        env=environment | {"PYTHONUNBUFFERED": "1"},
        cwd=_folder(language),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    asked = ""
    while not (found := re.search(r"http://localhost:\d+/oauth/authorize\?\S+", asked)):
        line = program.stdout.readline()
        assert line, program.communicate()
        asked += line
    said, complaint = program.communicate(_decide(found.group(), given, weber) + "\n", timeout=60)
    assert program.returncode == 0, complaint
    return said


def _decide(address: str, given, weber: User) -> str:
    """Open the address that the program printed, allow what it asks, and return where that leads.

    The screen itself has its own tests (``tests/consent``): here it must only be there for what was asked.
    """
    parts = urlsplit(address)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if "request_uri" in asked:
        pushed = PushedRequest.objects.get(digest=digest_of(asked["request_uri"])).sent
        asked = {name: values[0] for name, values in pushed.items()}
    page = browser(weber).get(f"{parts.path}?{parts.query}")
    assert page.status_code in {200, 302}, page.content
    now = timezone.now()
    with transaction.atomic():
        code = codes.issue(
            given,
            client=given.client,
            user=weber,
            redirect_uri=asked["redirect_uri"],
            code_challenge=asked["code_challenge"],
            requested=[(str(scope.resource_id), scope.name) for scope in given.scopes(now)],
            now=now,
            by=Actor.person(weber),
        )
    issuer = quote(f"{parts.scheme}://{parts.netloc}", safe="")
    joined = "&" if "?" in asked["redirect_uri"] else "?"
    return f"{asked['redirect_uri']}{joined}code={code}&state={quote(asked['state'], safe='')}&iss={issuer}"
