"""Tokens that somebody has forged or changed: what an attacker can make of a JWT without our key, and with a second form."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc.jwk import ECKey

from consent.oauth.access_token import TYP
from consent.oauth.signing_keys import sign

OWN_JWK = "OWN_JWK"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def encoded(part: bytes | dict[str, Any] | list[Any]) -> str:
    """One part of a JWT, base64url without padding."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def header_of(token: str) -> dict[str, Any]:
    return json.loads(decoded(token.split(".", maxsplit=1)[0]))


def claims_of(token: str) -> dict[str, Any]:
    """What a JWT says, believed by nobody."""
    return json.loads(decoded(token.split(".")[1]))


def second_form(token: str) -> str:
    """The same JWT with the other valid form of its ES256 signature: (r, n - s) for (r, s)."""
    head, payload, signature = token.split(".")
    raw = decoded(signature)
    r, s = raw[:32], int.from_bytes(raw[32:], "big")
    return f"{head}.{payload}.{encoded(r + (P256_ORDER - s).to_bytes(32, 'big'))}"


def unsigned(token: str, **header: Any) -> str:
    """The same claims under ``alg: none``, or another header, with an empty signature."""
    return f"{encoded({**header_of(token), 'alg': 'none', **header})}.{encoded(claims_of(token))}."


def by_hmac(token: str, secret: bytes) -> str:
    """The same claims, signed by HMAC with something that is public (RFC 8725 §2.1)."""
    text = f"{encoded({**header_of(token), 'alg': 'HS256'})}.{encoded(claims_of(token))}"
    return f"{text}.{encoded(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


def by_own_key(token: str, **header: Any) -> str:
    """The same claims, signed by a key of the attacker. ``OWN_JWK`` as a header value stands for its public half."""
    pair = ec.generate_private_key(ec.SECP256R1())
    public = ECKey.import_key(pair).as_dict(private=False)
    head = {name: public if value == OWN_JWK else value for name, value in {**header_of(token), **header}.items()}
    text = f"{encoded(head)}.{encoded(claims_of(token))}"
    r, s = decode_dss_signature(pair.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def by_our_key(claims: dict[str, Any], *, now: datetime, typ: str = TYP) -> str:
    """Claims that our own key signed although no token of the table stands behind them."""
    return sign(claims, typ=typ, now=now)


def with_changed_claims(token: str, **claims: Any) -> str:
    """The token with other claims under its old signature."""
    head, _, signature = token.split(".")
    return f"{head}.{encoded({**claims_of(token), **claims})}.{signature}"


def octets_of(jwk: dict[str, Any]) -> list[bytes]:
    """What HMAC confusion takes for a secret: the public JWK as text, and its coordinates."""
    key = ECKey.import_key(jwk)
    return [
        json.dumps(jwk).encode(),
        decoded(jwk["x"]),
        key.as_pem(private=False),
        key.as_der(private=False),
    ]
