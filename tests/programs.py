"""Programs that make themselves clients: by registering, or by a document that a host of this test serves."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse
from django.test import Client as Browser

from agents.models import Client, User
from tests import builders
from tests.consent.asking import CHALLENGE, DECIDE, VERIFIER, answer_of
from tests.forms import form_of
from tests.grants import post

REGISTER = "/oauth/register"
LOOPBACK = "http://127.0.0.1:4000/callback"


def registers(body: Any = None, *, token: str = "", path: str = REGISTER, **changed: Any) -> HttpResponse:
    """Register as MCP clients do, some members changed; None leaves one out. body: another body, as it is."""
    if body is None:
        said = {
            "client_name": "Note Helper",
            "redirect_uris": [LOOPBACK],
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
        } | changed
        body = json.dumps({name: value for name, value in said.items() if value is not None})
    headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"} if token else {}
    return Browser().post(path, body, content_type="application/json", **headers)


def registered(**changed: Any) -> Client:
    """A client that registered itself."""
    answer = registers(**changed)
    assert answer.status_code == 201, answer.content
    return Client.objects.get(client_id=json.loads(answer.content)["client_id"])


def request_of(client_id: str, *, redirect_uri: str = LOOPBACK, **changed: Any) -> dict[str, Any]:
    """The parameters by which a program sends people to Mandate."""
    sent = {
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "state": "a state",
    } | changed
    return {name: value for name, value in sent.items() if value is not None}


def opens(person: User | None, client_id: str, **changed: Any) -> Any:
    """What this person meets when the program sends them here."""
    return builders.browser(person).get("/oauth/authorize", request_of(client_id, **changed))


def allows(person: User, client_id: str, **changed: Any) -> str:
    """The person allows what the program asks. The code that it gets."""
    browser = builders.browser(person)
    page = browser.get("/oauth/authorize", request_of(client_id, **changed))
    assert page.status_code == 200, (page.status_code, page.content[:2000])
    return answer_of(browser.post(DECIDE, {**form_of(page), "decision": ["allow"]}))["code"]


def redeems(client_id: str, code: str, *, redirect_uri: str = LOOPBACK, **form: Any) -> Any:
    """The program redeems its code, as a public client."""
    return post(
        "/oauth/token",
        {
            "grant_type": "authorization_code",
            "client_id": client_id,
            "code": code,
            "code_verifier": VERIFIER,
            "redirect_uri": redirect_uri,
            **form,
        },
    )


@dataclass
class Host:
    """A host that serves documents, on a port of this machine, byte by byte if a test likes."""

    port: int
    answers: Callable[[str], Iterable[bytes]] = field(default=lambda _path: [b""])
    asked: list[str] = field(default_factory=list)

    def address(self, path: str = "/client.json") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def serves(self, document: dict[str, Any] | None = None, *, head: str = "", **changed: Any) -> str:
        """Serve a right document, some members changed. Returns its address."""
        address = self.address()
        said = document or {
            "client_id": address,
            "client_name": "Note Helper",
            "redirect_uris": [LOOPBACK],
            "grant_types": ["authorization_code", "refresh_token", "some:other:grant"],
            "token_endpoint_auth_method": "none",
        }
        said = {name: value for name, value in {**said, **changed}.items() if value is not None}
        self.sends(json.dumps(said).encode(), head=head)
        return address

    def sends(self, body: bytes, *, head: str = "", status: str = "200 OK", media: str = "application/json") -> None:
        """Answer everything with this body."""
        lines = f"HTTP/1.1 {status}\r\nContent-Type: {media}\r\n{head}\r\n".encode()
        self.answers = lambda _path: [lines + body]


@contextmanager
def host_on_this_machine() -> Iterator[Host]:
    """A host, while the block runs. Mandate calls it only where ``LOCAL_CALLS`` allows that."""
    listener = socket.create_server(("127.0.0.1", 0))
    host, stop = Host(listener.getsockname()[1]), threading.Event()

    def talk(connection: socket.socket) -> None:
        with connection:
            try:
                path = connection.recv(4_096).split(b" ")[1].decode()
                host.asked.append(path)
                for part in host.answers(path):
                    if stop.is_set():
                        return
                    connection.sendall(part)
            except (OSError, IndexError):
                return

    def run() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    try:
        yield host
    finally:
        stop.set()
        listener.close()
