"""What a client's registration says, and the digest by which two of them are compared."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from agents.models import Client
from agents.trail.record import plain


def metadata_of(client: Client) -> dict[str, Any]:
    """Return the registration as evidence keeps it: what decides who can be this client and where people return to."""
    return {
        "client_id": client.client_id,
        "client_name": client.name,
        "token_endpoint_auth_method": str(client.auth_method),
        "grant_types": sorted(str(grant) for grant in client.grant_types),
        "redirect_uris": sorted(client.redirect_uris.split()),
        "registration_source": client.registration_source,
    }


def canonical(value: Any) -> bytes:
    """Return JSON in one form only: members sorted, no blanks, UTF-8. Digests are made of it."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_of_json(value: Any) -> str:
    """Return the SHA-256 of a value's canonical form, in hexadecimal. An empty value has none."""
    return hashlib.sha256(canonical(value)).hexdigest() if value else ""
