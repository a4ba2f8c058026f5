"""The agent's own program: Authlib's client with code and PKCE, and a listener on loopback to which people come back."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from authlib.common.security import generate_token
from authlib.integrations.httpx_client import OAuth2Client

from tests.services.processes import until


class Listener:
    """Waits at a port of 127.0.0.1 for somebody to come back."""

    def __init__(self) -> None:
        self.received: list[str] = []
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.startswith("/callback"):
                    received.append(self.path)
                body = b"<!doctype html><title>Back</title><link rel=icon href=data:,><h1>Back at the agent</h1>"
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_words: Any) -> None:
                """Say nothing: the address holds a code."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def address(self) -> str:
        """The redirect URI."""
        return f"http://127.0.0.1:{self.server.server_port}/callback"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@dataclass
class AgentProgram:
    """A program that asks a person, waits for them, and gets tokens."""

    issuer: str
    listener: Listener
    client_id: str
    key: str
    scope: str
    resource: str | list[str]
    more: dict[str, str] = field(default_factory=dict)
    """More parameters of the request, such as ``purpose``."""

    def __post_init__(self) -> None:
        self.verifier = generate_token(64)
        self.client = OAuth2Client(
            self.client_id,
            self.key,
            scope=self.scope,
            redirect_uri=self.listener.address,
            code_challenge_method="S256",
        )
        self.address, self.state = self.client.create_authorization_url(
            f"{self.issuer}/oauth/authorize", code_verifier=self.verifier, resource=self.resource, **self.more
        )
        if {"purpose", "authorization_details"} & self.more.keys():  # they can name people, so they stand in no address
            self.push()

    def push(self) -> None:
        """Send the request to Mandate itself, and keep an address that says nothing of it (RFC 9126)."""
        pushed = httpx.post(
            f"{self.issuer}/oauth/par",
            data=dict(parse_qsl(urlsplit(self.address).query)),
            auth=(self.client_id, self.key),
            timeout=20,
        )
        reference = {"client_id": self.client_id, "request_uri": pushed.raise_for_status().json()["request_uri"]}
        self.address = f"{self.issuer}/oauth/authorize?{urlencode(reference)}"

    def heard(self) -> str:
        """Wait until somebody is back, and return what they brought."""
        until(lambda: self.listener.received, because="Nobody came back to the agent.")
        return self.listener.received[-1]

    def gets_token(self) -> dict[str, Any]:
        """Trade the code that was brought for a token at the resource, or the first of several."""
        return dict(
            self.client.fetch_token(
                f"{self.issuer}/oauth/token",
                authorization_response=self.heard(),
                state=self.state,
                code_verifier=self.verifier,
                resource=self.resource if isinstance(self.resource, str) else self.resource[0],
            )
        )
