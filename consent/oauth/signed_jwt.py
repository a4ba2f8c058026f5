"""JWTs that clients and issuers sign: taken apart before anything they say is believed, and proven by a key of their holder.

RFC 7515 §7.1 one signed JWT        taken_apart          RFC 8725 §3.1 algorithm and key, never from the JWT      is_signed_by
RFC 7519 §2 NumericDate             number_of_seconds    RFC 7517 §4.5 which key, and one that changed            keys_to_try

Assertions of clients (``private_key_jwt.py``) and of issuers (``identity_assertion.py``), and DPoP proofs (``dpop.py``), which
bring their key. What Mandate signs itself is read in ``signing_keys.py``.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any, TypeVar

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from agents.public_keys import Key

ALGORITHMS = ("ES256", "EdDSA", "Ed25519", "PS256")
OLDER_ALGORITHMS = (*ALGORITHMS, "RS256")
HEADER = frozenset({"alg", "typ", "kid", "x5t", "x5t#S256"})
"""What may stand in a header. ``jku``, ``x5u``, ``jwk``, ``crit`` and ``b64`` are refused before anything is worked out."""
LONGEST = 8_000
LONGEST_NAME = 255
SKEW = timedelta(seconds=10)
AHEAD = timedelta(seconds=60)
"""How far ahead ``nbf`` and ``iat`` may lie: clocks differ."""
FACTORIES: dict[str, type[Key]] = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}
KINDS = {"ES256": "EC", "EdDSA": "OKP", "Ed25519": "OKP", "PS256": "RSA", "RS256": "RSA"}
_REGISTRIES = {algorithm: jws.JWSRegistry(algorithms=[algorithm]) for algorithm in OLDER_ALGORITHMS}

Jwk = Mapping[str, str]
Holder = TypeVar("Holder")


class NotTakenApart(ValueError):
    """It is no JWT that may be looked at further. The message goes on from its name: "cannot be read"."""


def taken_apart(token: str, *, members: frozenset[str] = HEADER) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims, unproven. Raises NotTakenApart for what is no signed JWT of a sane size.

    members: of the header, as far as they may stand there.
    """
    parts = token.split(".")
    if len(token) > LONGEST or len(parts) != 3:
        raise NotTakenApart("is no signed JWT, or too long")
    try:
        header, claims = (
            json.loads(base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True)) for part in parts[:2]
        )
    except (binascii.Error, ValueError, RecursionError) as problem:
        raise NotTakenApart("cannot be read") from problem
    if not isinstance(header, dict) or not isinstance(claims, dict) or not header.keys() <= members:
        raise NotTakenApart("cannot be read, or its header holds what may not stand there")
    if not isinstance(header.get("kid", ""), str):
        raise NotTakenApart("names its key by something that is no text")
    return header, claims


def keys_to_try(
    read: Callable[[bool], Iterable[tuple[Holder, Jwk]]], kind: str, kid: object, *, again: bool
) -> Iterator[tuple[Holder, Jwk]]:
    """Yield keys of this kind, each with whose it is: those with the header's ``kid`` if there are any, or else all of them.

    read: returns the keys. again: whether to call it a second time, with True, for those that came since: who publishes
    keys may have changed them meanwhile.
    """
    tried: list[Jwk] = []
    for missing in (False, True) if again else (False,):
        fresh = [(whose, jwk) for whose, jwk in read(missing) if jwk.get("kty") == kind and jwk not in tried]
        tried += [jwk for _, jwk in fresh]
        yield from [(whose, jwk) for whose, jwk in fresh if kid is not None and jwk.get("kid") == kid] or fresh


def is_signed_by(token: str, algorithm: str, jwk: Jwk) -> bool:
    """Whether this key made the signature, by this algorithm and no other."""
    try:
        jws.deserialize_compact(token, _opened_lately(frozenset(jwk.items())), registry=_REGISTRIES[algorithm])
    except (JoseError, ValueError, TypeError):
        return False
    return True


@lru_cache(maxsize=1_000)
def _opened_lately(members: frozenset[tuple[str, str]]) -> Key:
    """Return a key as joserfc checks signatures by it. Who signs does so with the same one each time."""
    jwk: dict[str, str | list[str]] = dict(members)
    return FACTORIES[str(jwk["kty"])].import_key(jwk)


def is_name(value: object) -> bool:
    """Whether it is a short text without anything that a database or a digest could stumble over (JSON has lone surrogates)."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and not any(map(_odd, value))


def _odd(character: str) -> bool:
    return character < " " or "\ud800" <= character <= "\udfff"


def number_of_seconds(value: object) -> float | None:
    """Return a NumericDate (RFC 7519 §2) that a datetime can hold, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 10**11 else None  # what is not a number, or infinite, is not in between either
