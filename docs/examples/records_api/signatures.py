"""The ward directory: JWT access tokens are checked here, without asking (RFC 9068 §4). Only for what does no harm:
a token that was revoked meanwhile counts until it ends, five minutes at most."""

from __future__ import annotations

import time
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from records_api.caller import Caller
from records_api.mandate import Mandate, MandateUnreachable

ALGORITHM = "ES256"
KEYS_LIFE = 300.0
"""Seconds for which the keys are kept."""
LEAST_PAUSE = 10.0
"""Seconds between two looks for a key that we do not know: somebody who makes up names must not make us ask each time."""
TYPES = {"at+jwt", "application/at+jwt"}


class Keys:
    """Mandate's public keys, read again when they are old or when a token names one that we do not have."""

    def __init__(self, mandate: Mandate) -> None:
        self.mandate = mandate
        self._keys = KeySet([])
        self._names: set[str] = set()
        self._read_at = float("-inf")

    async def with_key(self, kid: str) -> KeySet:
        """Return the keys, which hold this one if Mandate publishes it."""
        age = time.monotonic() - self._read_at
        if age > KEYS_LIFE or (kid not in self._names and age > LEAST_PAUSE):
            document: Any = await self.mandate.call("GET", (await self.mandate.metadata())["jwks_uri"], auth=None)
            try:
                self._keys = KeySet.import_key_set(document)
                self._names = {str(key["kid"]) for key in document["keys"]}
            except (JoseError, KeyError, TypeError, ValueError) as problem:
                raise MandateUnreachable("the keys cannot be read") from problem
            self._read_at = time.monotonic()
        return self._keys


async def caller_by_signature(token: str, *, audience: str, keys: Keys) -> Caller | None:
    """Return the caller behind a JWT access token, or None for one that does not count here."""
    try:
        # The header only says which key to try. Whether the algorithm is right is decided here, never by the token.
        kid = str(_unchecked_header(token).get("kid"))
        decoded = jwt.decode(token, await keys.with_key(kid), algorithms=[ALGORITHM])
    except (JoseError, ValueError, KeyError, TypeError):
        return None
    claims = decoded.claims
    if str(decoded.header.get("typ", "")).lower() not in TYPES:
        return None  # an ID token, or anything else that the same keys sign, is no access token
    if claims.get("iss") != keys.mandate.settings.issuer or claims.get("aud") != audience:
        return None
    if not isinstance(claims.get("exp"), int | float) or claims["exp"] <= time.time():
        return None
    if not all(claims.get(name) for name in ("sub", "jti", "client_id", "consent")):
        return None
    return Caller.of(claims)


def _unchecked_header(token: str) -> dict[str, Any]:
    return dict(extract_compact(token.encode()).headers())
