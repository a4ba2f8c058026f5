"""How a resource proves itself to introspection and receipts: HTTP Basic with its identifier and one of its keys.

RFC 7662 §2.1 leaves the way open; a client's credentials or a bearer token never count here.
Errors: invalid_client (401).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agents.credentials import digest_of_key, handle_of, proves
from agents.database.statements import rows_of
from consent.oauth.errors import OAuthRefusal, invalid_client
from consent.oauth.presented import read_basic
from consent.oauth.rows import as_time, known_id

NO_DIGEST = digest_of_key("no credential")
RESOURCE_WITH_CREDENTIAL = """
    SELECT r.id, r.uri, r.ended_at, k.id, k.digest, k.starts_at, k.ends_at, k.revoked_at
    FROM agents_resource r
    LEFT JOIN agents_credential k ON k.resource_id = r.id AND k.handle = %s
    WHERE r.identifier = %s
"""


@dataclass(frozen=True, slots=True)
class ProvenResource:
    """A resource that proved itself, and by which credential."""

    pk: uuid.UUID
    uri: str
    credential_id: uuid.UUID


def prove_resource(authorization: str, now: datetime) -> ProvenResource:
    """Return the resource that this header proves. One query. Raises OAuthRefusal 401, alike for all that is wrong."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise invalid_client("Resources prove themselves by HTTP Basic, with their identifier and one of their keys.")
    identifier, key = read_basic(value)
    if len(identifier) > 64:
        raise refused()
    found = rows_of(RESOURCE_WITH_CREDENTIAL, [handle_of(key) or "", identifier])
    row = found[0] if found else None
    right = proves(key, (row[4] if row else None) or NO_DIGEST)
    if row is None or not right or not _may_speak(row, now):
        raise refused()
    return ProvenResource(known_id(row[0]), row[1], known_id(row[3]))


def refused() -> OAuthRefusal:
    return invalid_client("The resource is unknown, or it did not prove itself.")


def _may_speak(row: tuple[Any, ...], now: datetime) -> bool:
    _, _, resource_ended, key_id, _, starts_at, ends_at, revoked_at = row
    if resource_ended is not None or key_id is None or revoked_at is not None:
        return False
    starts, ends = as_time(starts_at), as_time(ends_at)
    return starts is not None and starts <= now and (ends is None or ends > now)
