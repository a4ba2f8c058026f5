"""A receiver of signals at a port of this machine, as good or as bad as a test says, and streams that lead to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from django.test import Client as Browser
from django.utils import timezone

from agents.models import Notice, Resource, User
from consent.models import Stream
from consent.signals import streams
from tests import builders

Answer = tuple[int, bytes, dict[str, str]]
TAKEN: Answer = (202, b"", {})


def refuses(error: str) -> Answer:
    """The answer of RFC 8935 §2.4 with this error."""
    return 400, json.dumps({"err": error, "description": "no"}).encode(), {"Content-Type": "application/json"}


class Receiver:
    """Takes signals over HTTP. ``answers``: what it says next, then ``TAKEN``; it may be a function of the signal."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.seen: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.answers: list[Answer] = []
        self.says: Callable[[dict[str, Any]], Answer | None] = lambda _claims: None
        self.most_at_once = self._now_here = 0
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status, answer, headers = outer.take(body, dict(self.headers))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_words: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def take(self, body: str, headers: dict[str, str]) -> Answer:
        """Note what came, and say what this receiver says to it."""
        with self._lock:
            self._now_here += 1
            self.most_at_once = max(self.most_at_once, self._now_here)
        claims = jwt.decode(body, options={"verify_signature": False})
        with self._lock:
            self.seen.append(body)
            self.headers.append(headers)
            answer = (self.answers.pop(0) if self.answers else None) or self.says(claims) or TAKEN
            if 200 <= answer[0] < 300:
                self.received.append(claims)
            self._now_here -= 1
        return answer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/signals"

    def types(self) -> list[str]:
        """The types of what it took, by their short names."""
        return [next(iter(claims["events"])).rpartition("/")[2] for claims in self.received]

    def subjects(self, member: str) -> list[str]:
        """This member of the subjects of what it took."""
        named = [claims["sub_id"].get(member) for claims in self.received]
        return [each.get("id") or each["sub"] for each in named if each]

    def stop(self) -> None:
        """Be away: nobody listens at the port any more."""
        self.server.shutdown()
        self.server.server_close()


def stream(at: Resource, receiver: Receiver | str, *, by: User | None = None, **facts: Any) -> Stream:
    """A stream of this resource, added by an administrator."""
    url = receiver if isinstance(receiver, str) else receiver.url
    who = builders.actor(by or builders.administrator())
    return streams.create(at, endpoint_url=url, by=who, now=timezone.now(), **facts)


def verified(token: str, audience: str) -> dict[str, Any]:
    """What a signal says, checked as a careful receiver does: by the published keys and nothing else."""
    keys = jwt.PyJWKSet.from_dict(Browser().get("/.well-known/jwks.json").json())
    header = jwt.get_unverified_header(token)
    assert header["typ"] == "secevent+jwt"
    return jwt.decode(
        token, keys[header["kid"]], algorithms=["ES256"], audience=audience, issuer="http://localhost:8000"
    )


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """A receiver, which the test switch lets Mandate call."""
    settings.LOCAL_CALLS = True
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture
def another(settings: Any) -> Iterator[Receiver]:
    """Another receiver."""
    settings.LOCAL_CALLS = True
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture
def nothing_noted(discharge_key: object, weber_allows: object, records_api: object, directory_api: object) -> None:
    """The cast is ready, and what was noted while it was made is forgotten."""
    Notice.objects.all().delete()
