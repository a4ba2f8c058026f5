"""Identifiers: UUIDv7, which sort by time and need no coordination (RFC 9562 §5.7)."""

from __future__ import annotations

import secrets
import string
import uuid

from uuid_utils.compat import uuid7 as _uuid7

ALPHABET = string.digits + string.ascii_lowercase


def uuid7() -> uuid.UUID:
    """Return a new UUIDv7 as a standard library UUID."""
    return _uuid7()


def random_handle(length: int) -> str:
    """Return a random public handle of lower-case letters and digits. A name, never a secret."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
