"""A closed loop of HTTP/1.1 connections: each sends its next request when the last answer has come.

One thread and plain sockets, because the generator shares two cores with what it measures.
"""

from __future__ import annotations

import re
import select
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass
class Measured:
    """What one run has seen. Latencies in seconds."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    errors: int = 0

    @property
    def rps(self) -> float:
        """Good answers for each second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        """The latency in milliseconds within which this share of the answers came."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else 0.0


def post(path: str, body: str, port: int, authorization: str = "", *, cookie: str = "", proof: str = "") -> bytes:
    """Return one form POST, ready to be sent: of a client with its authorization, or of a person with their cookies."""
    headers = {"Authorization": authorization, "Cookie": cookie, "DPoP": proof}
    return _request("POST", path, port, body, {name: value for name, value in headers.items() if value})


def get(path: str, port: int, cookie: str = "") -> bytes:
    """Return one GET, ready to be sent."""
    return _request("GET", path, port, "", {"Cookie": cookie} if cookie else {})


def _request(method: str, path: str, port: int, body: str, headers: dict[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: localhost:{port}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


class _Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.buffer = b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def answer(self) -> bytes | None:
        """Read what has come; return the whole answer once it is there."""
        received = self.socket.recv(65536)
        if not received:
            raise ConnectionError("the server closed the connection")
        self.buffer += received
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return None
        length = _LENGTH.search(self.buffer, 0, head)
        return self.buffer if len(self.buffer) >= head + 4 + int(length[1] if length else 0) else None


def run(
    port: int,
    requests: Iterator[bytes],
    *,
    connections: int = 16,
    seconds: float = 10,
    at_most: int | None = None,
    good: Callable[[bytes], bool] = lambda answer: answer.startswith(b"HTTP/1.1 200"),
) -> Measured:
    """Send these requests over that many connections until the time, the number or the requests are over."""
    measured = Measured()
    ready = select.epoll()
    open_ones: dict[int, _Connection] = {}
    started = time.perf_counter()
    sent = 0
    for _ in range(connections):
        request = next(requests, None)
        if request is None:
            break
        connection = _Connection(port)
        open_ones[connection.socket.fileno()] = connection
        ready.register(connection.socket, select.EPOLLIN)
        connection.send(request)
        sent += 1
    while open_ones:
        for number, _ in ready.poll(timeout=15):
            connection = open_ones[number]
            answer = connection.answer()
            if answer is None:
                continue
            now = time.perf_counter()
            if good(answer):
                measured.latencies.append(now - connection.sent_at)
            else:
                measured.errors += 1
            over = now - started >= seconds or (at_most is not None and sent >= at_most)
            request = None if over else next(requests, None)
            if request is None:
                del open_ones[number]
                connection.socket.close()
            else:
                connection.send(request)
                sent += 1
    measured.seconds = time.perf_counter() - started
    ready.close()
    return measured
