"""Calls that Mandate makes to addresses that others chose: only to public machines, and nothing is followed.

An address in a registration must not make Mandate knock at doors inside (server-side request forgery). The name is
resolved once, every address behind it must be public, and the connection goes to the very address that was checked, so
that a second look-up cannot lead elsewhere. One deadline holds for all of it, and of an answer only so much is read.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from agents.public_addresses import LOCAL_NAMES, address_of, is_host_name, public_addresses

Read = TypeVar("Read")
LONGEST_URL = 500
LONGEST_STATUS_LINE = 8_000
_PLAIN = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+\Z")
_HEADER = re.compile(r"[\x20-\x7e]*\Z")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")


class BadAddress(ValueError):
    """Mandate does not call this address. The message says why in a sentence for people."""


class NotReached(Exception):
    """The other side did not answer in time, or not in HTTP."""


def check_url(url: str) -> SplitResult:
    """Return the parts of an address that may be registered: https to a host by name. Raises BadAddress.

    Plain http and this machine itself only where ``settings.LOCAL_CALLS`` allows it, for tests and trials.
    """
    if len(url) > LONGEST_URL or not _PLAIN.match(url):
        raise BadAddress(_("Give a whole address of at most %(longest)s plain characters.") % {"longest": LONGEST_URL})
    try:
        parts = urlsplit(url)
        if parts.port == 0:  # reading it raises for one that is no number
            raise ValueError("nobody listens there")
    except ValueError as problem:
        raise BadAddress(_("Give a whole address, such as https://agent.example.org/decided.")) from problem
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment:
        raise BadAddress(_("Give a whole address, such as https://agent.example.org/decided."))
    if parts.username is not None or parts.password is not None:
        raise BadAddress(_("The address must not contain a user name."))
    local = parts.hostname in LOCAL_NAMES
    if local and not settings.LOCAL_CALLS:
        raise BadAddress(_("Mandate does not call itself. Give an address that the internet can reach."))
    if parts.scheme != "https" and not local:
        raise BadAddress(_("The address must begin with https://."))
    if not local and address_of(parts.hostname) is not None:
        raise BadAddress(_("Give the host by its name, not by a number."))
    if not local and not is_host_name(parts.hostname):
        raise BadAddress(_("Give the whole name of one host, such as app.example.org."))
    return parts


def post(url: str, *, body: bytes, headers: Mapping[str, str], within: float) -> int:
    """Send a POST and return the status of the answer, whatever it is. Nothing is followed.

    within: seconds for all of it. Raises BadAddress (not public) and NotReached. Never call it inside a transaction.
    """
    return _called("POST", url, body=body, headers=headers, within=within, read=_status)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: its status, when to ask again (``Retry-After``, as it was sent), and how its body begins."""

    status: int
    retry_after: str = ""
    body: bytes = b""


def post_for_answer(url: str, *, body: bytes, headers: Mapping[str, str], within: float, most: int) -> Answer:
    """Send a POST and return what was answered, whatever it is. Nothing is followed.

    within: seconds for all of it. most: bytes that are read of the answer; what is longer is cut off, and of one that
    does not end in time what is there by then. Raises BadAddress (not public) and NotReached. Never call it inside a
    transaction.
    """
    return _called("POST", url, body=body, headers=headers, within=within, read=partial(_beginning, most=most))


@dataclass(frozen=True, slots=True)
class Document:
    """A document that was fetched. media_type: in small letters, without parameters."""

    body: bytes
    media_type: str
    cache_control: str


def get(url: str, *, within: float, most: int) -> bytes:
    """Fetch a document and return its body (``fetch``)."""
    return fetch(url, within=within, most=most).body


def fetch(url: str, *, within: float, most: int) -> Document:
    """Fetch a document that was answered with 200. Nothing is followed.

    within: seconds for all of it. most: bytes of the whole answer. Raises BadAddress (not public) and NotReached, for
    another status, a longer answer and a slower one too. Never call it inside a transaction.
    """
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    return _called("GET", url, body=b"", headers=headers, within=within, read=partial(_document, most=most))


def _called(
    method: str,
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    within: float,
    read: Callable[[socket.socket, bytes, float], Read],
) -> Read:
    parts = check_url(url)
    ends = time.monotonic() + within
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = public_addresses(parts.hostname or "", port, within=within)
    if addresses is None:
        raise NotReached("name")
    if not addresses:
        raise BadAddress("The name leads to a machine that is not public.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {path} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close"]
    if method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    for name, value in headers.items():
        if not _HEADER.match(value):
            raise BadAddress("A header holds what may not stand in one.")
        lines.append(f"{name}: {value}")
    message = ("\r\n".join(lines) + "\r\n\r\n").encode("ascii") + body
    last: Exception | None = None
    for address in addresses:
        try:
            return _ask(parts, address, port, message, ends, read)
        except (OSError, ValueError) as problem:
            last = problem
    raise NotReached(type(last).__name__) from last


def _ask(
    parts: SplitResult,
    address: str,
    port: int,
    message: bytes,
    ends: float,
    read: Callable[[socket.socket, bytes, float], Read],
) -> Read:
    with socket.create_connection((address, port), timeout=_left(ends)) as plain:
        if parts.scheme == "https":
            plain.settimeout(_left(ends))
            context = ssl.create_default_context()
            with context.wrap_socket(plain, server_hostname=parts.hostname) as wrapped:
                return read(wrapped, message, ends)
        return read(plain, message, ends)


def _status(connection: socket.socket, message: bytes, ends: float) -> int:
    connection.settimeout(_left(ends))
    connection.sendall(message)
    head = b""
    while b"\r\n" not in head:
        connection.settimeout(_left(ends))
        more = connection.recv(1_024)
        head += more
        if not more or len(head) > LONGEST_STATUS_LINE:
            break
    found = _STATUS.match(head)
    if found is None:
        raise ValueError("no HTTP")
    return int(found[1])


_RETRY_AFTER = re.compile(rb"\r\nretry-after:[ \t]*([\x20-\x7e]{1,100})", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r", re.IGNORECASE)
_END_OF_HEAD = b"\r\n\r\n"


def _beginning(connection: socket.socket, message: bytes, ends: float, *, most: int) -> Answer:
    """Read the head of an answer and, of a refusal, what there is of its body, up to the limit and the deadline."""
    connection.settimeout(_left(ends))
    connection.sendall(message)
    answer = b""
    while len(answer) < most and not _is_read(answer):
        try:
            connection.settimeout(_left(ends))
            more = connection.recv(min(16_384, most - len(answer)))
        except TimeoutError:
            if _END_OF_HEAD in answer:
                break
            raise
        if not more:
            break
        answer += more
    head, end, body = answer.partition(_END_OF_HEAD)
    status = _STATUS.match(answer)
    if status is None or not end:
        raise ValueError("no HTTP")
    retry_after = _RETRY_AFTER.search(head)
    return Answer(int(status[1]), retry_after[1].decode().strip() if retry_after else "", body)


def _is_read(answer: bytes) -> bool:
    """Whether all is here that will be looked at: nobody asks for the body of an answer that refuses nothing."""
    head, end, body = answer.partition(_END_OF_HEAD)
    if not end:
        return False
    status, length = _STATUS.match(answer), _LENGTH.search(head + b"\r")
    refused = status is not None and int(status[1]) >= HTTPStatus.BAD_REQUEST
    return not refused or (length is not None and len(body) >= int(length[1]))


class _Whole:
    """An answer that was read to its end, in the shape that ``http.client`` takes apart."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self.answer)


def _document(connection: socket.socket, message: bytes, ends: float, *, most: int) -> Document:
    """Read all of the answer before any of it is understood, so that the deadline and the limit hold for each byte."""
    connection.settimeout(_left(ends))
    connection.sendall(message)
    answer = b""
    while True:
        connection.settimeout(_left(ends))
        more = connection.recv(min(16_384, most + 1 - len(answer)))
        answer += more
        if not more:
            break
        if len(answer) > most:
            raise ValueError("too long")
    response = http.client.HTTPResponse(_Whole(answer))  # type: ignore[arg-type]  # it asks for makefile alone
    try:
        response.begin()
        body = response.read()  # of what is here: a shorter one than was announced is no whole answer
    except http.client.HTTPException as problem:
        raise ValueError("no HTTP") from problem
    if response.status != HTTPStatus.OK:
        raise ValueError(f"status {response.status}")
    media_type = (response.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    return Document(body, media_type, response.headers.get("Cache-Control") or "")


def _left(ends: float) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError("the time is over")
    return left
