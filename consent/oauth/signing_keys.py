"""Signing keys for access tokens: ES256 (RFC 7518 §3.4), published as a JWK Set (RFC 7517 §5).

Private halves are encrypted at rest. The first key is made when the first one is needed; how one follows another, and
how one is given up, stands in ``consent/key_rotation.py``. Each process reads the keys every few seconds, and changes to
the next one at its very hour; whether the key of an access token was given up is asked at each use (``worth.py``).
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography.fernet import InvalidToken
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from django.contrib.auth.decorators import login_not_required
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from agents.actors import Actor, facts_of
from agents.encryption import decrypt, encrypt
from agents.trail.kinds import Kind
from agents.trail.record import record
from consent.models import SigningKey

ALGORITHM = "ES256"
KEPT_FOR = timedelta(seconds=5)
"""For how long a process keeps the keys it read: so long at most one that was given up can still sign, for nobody."""
SET_KEPT_FOR = timedelta(minutes=5)
"""For how long whoever reads the key set may keep it (``Cache-Control``)."""
_ECDSA = ECDSA(SHA256())
_SIZE = 32
"""Bytes of each half of a signature (RFC 7518 §3.4)."""
_REGISTRY = jws.JWSRegistry(algorithms=[ALGORITHM])
_compact = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
LONGEST_TOKEN = 8_000
"""Characters. No longer one is issued (``access_token.py``)."""


@dataclass(slots=True)
class _Kept:
    signing: EllipticCurvePrivateKey
    kid: str
    published: KeySet
    known: frozenset[str]
    since: datetime
    until: datetime


class _Memory:
    """The keys that this process read last."""

    kept: _Kept | None = None


_memory = _Memory()


def make_key(
    *, now: datetime, signs_from: datetime | None = None, reason: str = "", by: Actor | None = None
) -> SigningKey:
    """Make and publish one key pair that signs from then on, or from now. Records ``signing_key.made``.

    It asks nobody and ends no other key: see ``consent.key_rotation.rotate``.
    """
    signs_from = signs_from or now
    pair = ECKey.generate_key("P-256", private=True)
    kid = pair.thumbprint()
    with transaction.atomic():
        key = SigningKey.objects.create(
            kid=kid,
            public_jwk={**pair.as_dict(private=False), "kid": kid, "use": "sig", "alg": ALGORITHM},
            private_jwk_encrypted=encrypt(json.dumps(pair.as_dict(private=True))),
            published_at=now,
            signs_from=signs_from,
        )
        made_by = by or Actor.system()
        record(Kind.SIGNING_KEY_MADE, by=made_by, now=now, kid=kid, signs_from=signs_from, reason=reason)
    return key


def _read(now: datetime) -> _Kept:
    published = list(SigningKey.objects.published(now).order_by("-signs_from"))
    signing = next((key for key in published if key.signs_from <= now), None)
    before = _memory.kept
    private = None
    if signing is not None:
        private = before.signing if before is not None and before.kid == signing.kid else _private_half(signing)
    made = signing is None or private is None
    if signing is None or private is None:
        # None yet, or one that another key-encryption secret closed: its tokens still count, and the next one signs.
        signing = make_key(now=now)
        private = _opened(signing)
        published.append(signing)
    next_one = min((key.signs_from for key in published if key.signs_from > now), default=now + KEPT_FOR)
    kept = _Kept(
        signing=private,
        kid=signing.kid,
        published=KeySet.import_key_set({"keys": [key.public_jwk for key in published]}),
        known=frozenset(key.kid for key in published),
        since=now,
        until=min(now + KEPT_FOR, next_one),
    )
    # A key made in a transaction goes with it when it rolls back, so it is not remembered before it can be read again.
    _memory.kept = None if made and connection.in_atomic_block else kept
    return kept


def _private_half(key: SigningKey) -> EllipticCurvePrivateKey | None:
    """Return the private half, or None where it cannot be read: the key-encryption secret is another one now."""
    try:
        return _opened(key)
    except InvalidToken:
        return None


def _opened(key: SigningKey) -> EllipticCurvePrivateKey:
    private = ECKey.import_key(json.loads(decrypt(key.private_jwk_encrypted))).private_key
    if private is None:
        raise InvalidToken
    return private


def _keys(now: datetime, *, kid: str = "") -> _Kept:
    """Return the keys of this moment. kid: one that must not be missed because another process made it just now.

    Without a lock: whoever waited for one inside a transaction could wait for somebody who waits for that transaction.
    """
    kept = _memory.kept
    fresh = kept is not None and kept.since <= now < kept.until
    if kept is None or not fresh or (kid and kid not in kept.known and _exists(kid, now)):
        kept = _read(now)
    return kept


def _exists(kid: str, now: datetime) -> bool:
    return "\0" not in kid and SigningKey.objects.published(now).filter(kid=kid).exists()


def forget_keys() -> None:
    """Read the keys again at the next use: after a rotation, and between tests."""
    _memory.kept = None


def sign(claims: dict[str, Any], *, typ: str, now: datetime) -> str:
    """Return the claims as a signed JWT with ``typ`` and ``kid`` in its header (RFC 7515 §7.1, RFC 7518 §3.4).

    Written out, since joserfc checks key and header anew for each token; what it makes of the result, a test asks it.
    """
    keys = _keys(now)
    payload = _compact(claims).encode()
    signed = b".".join((_header(typ, keys.kid), urlsafe_b64encode(payload).rstrip(b"=")))
    r, s = decode_dss_signature(keys.signing.sign(signed, _ECDSA))
    signature = r.to_bytes(_SIZE, "big") + s.to_bytes(_SIZE, "big")
    return b".".join((signed, urlsafe_b64encode(signature).rstrip(b"="))).decode()


@lru_cache(maxsize=16)
def _header(typ: str, kid: str) -> bytes:
    header = {"typ": typ, "alg": ALGORITHM, "kid": kid}
    return urlsafe_b64encode(_compact(header).encode()).rstrip(b"=")


def verified_claims(token: str, *, typ: str, now: datetime) -> dict[str, Any] | None:
    """Return the claims of a token that one of our keys signed as this type, or None. As ``verified`` does."""
    found = verified(token, typ=typ, now=now)
    return found.claims if found else None


@dataclass(frozen=True, slots=True)
class Verified:
    """What one of our keys signed, and which."""

    kid: str
    claims: dict[str, Any]


def verified(token: str, *, typ: str, now: datetime) -> Verified | None:
    """Return the claims of a token that one of our keys signed as this type, or None (RFC 8725 §3.1, §3.11).

    Only ES256 is accepted, and keys only from our own table: whatever the header names or carries is not asked. A key that
    was given up counts here for up to ``KEPT_FOR`` more; whoever answers for a token's worth asks the table (``worth.py``).
    """
    if len(token) > LONGEST_TOKEN or token.count(".") != 2:
        return None
    try:
        kid = jws.extract_compact(token.encode()).headers().get("kid")
        if not isinstance(kid, str):
            return None
        signed = jws.deserialize_compact(token, _keys(now, kid=kid).published, registry=_REGISTRY)
        claims = json.loads(signed.payload)
    except (JoseError, ValueError, KeyError, TypeError, RecursionError, AttributeError):
        return None
    if signed.headers().get("typ") != typ or not isinstance(claims, dict):
        return None
    return Verified(kid, claims)


@login_not_required
@require_safe
def jwks(request: HttpRequest) -> HttpResponse:
    """Publish the public halves (RFC 7517 §5). Resources that check offline keep the answer for a few minutes."""
    now = facts_of(request).now
    _keys(now)  # makes the first key, so that the set is never empty
    keys = SigningKey.objects.published(now).values_list("public_jwk", flat=True)
    response = JsonResponse({"keys": list(keys)}, content_type="application/jwk-set+json")
    response["Cache-Control"] = f"public, max-age={int(SET_KEPT_FOR.total_seconds())}"
    response["Access-Control-Allow-Origin"] = "*"
    return response
