"""What a stream holds, as it may be kept: the address, the header sealed, the types of signals, a description.

``streams.py`` changes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from agents.actors import Actor, ActorKind
from agents.encryption import encrypt
from agents.errors import InvalidInput
from agents.models import Resource
from agents.outgoing import BadAddress, check_url
from agents.texts import one_line
from consent.errors import ForeignHost
from consent.models import Stream
from consent.signals.events import SUPPORTED

MOST_TYPES = 50
LONGEST_TYPE = 200
LONGEST_HEADER = 2_000
_HEADER = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\Z")


def check_address(url: str, resource: Resource, by: Actor) -> None:
    """Raise InvalidInput for an address that may not be called, ForeignHost for one that a key may not give."""
    try:
        parts = check_url(url)
    except BadAddress as problem:
        raise InvalidInput("endpoint_url", str(problem)) from problem
    if by.kind == ActorKind.RESOURCE and parts.hostname != urlsplit(resource.uri).hostname:
        raise ForeignHost(parts.hostname or "")


def types_of(asked: Iterable[str]) -> list[str]:
    """Return the types as they are kept: each once, in the order asked. Raises InvalidInput for too many."""
    types = list(dict.fromkeys(asked))
    if len(types) > MOST_TYPES or any(not 0 < len(type_) <= LONGEST_TYPE for type_ in types):
        raise InvalidInput("events_requested", _("Name at most %(most)s types of signals.") % {"most": MOST_TYPES})
    return types


def delivered(stream: Stream) -> list[str]:
    """Return the types of which it is told, by their short names: what a receiver asks for else is its own writing."""
    return [type_.rpartition("/")[2] for type_ in SUPPORTED if type_ in stream.events_requested]


def sealed(authorization: str) -> str:
    """Return the header encrypted, or nothing for none. Raises InvalidInput unless it is one header line."""
    if not authorization:
        return ""
    if len(authorization) > LONGEST_HEADER or not _HEADER.match(authorization):
        raise InvalidInput("authorization", _("Give the value of one header line, such as Bearer and a secret."))
    return encrypt(authorization)


def description_of(text: str) -> str:
    """Return the description as one line, or nothing for none. Raises InvalidInput."""
    return one_line("description", text, longest=200) if text.strip() else ""


def origin_of(url: str) -> tuple[str, str]:
    """Return scheme, host and port: to whom a secret goes that is sent to this address."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def as_told(stream: Stream) -> dict[str, object]:
    """Return what an event tells of a stream: of the header only whether there is one."""
    return {
        "host": stream.host,
        "signals": delivered(stream),
        "has_header": bool(stream.authorization_sealed),
    }
