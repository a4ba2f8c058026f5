"""DPoP: tokens that are bound to a key of the client, and useless to whoever stole them (RFC 9449).

§4.3 checks of a proof        check_proof           §8 server nonces by policy        new_nonce, _check_nonce
§5 code, refresh, the rest    binding_of            §9 a fresh nonce with an answer   Binding.nonce
§6.1 ``cnf.jkt`` in a JWT     access_token.py       §6.2 at introspection             introspection.py
§10 dpop_jkt                  authorization.py      §10.1 a proof with a push         par.py
§11.1 a jti counts once       UsedOnce (unique in the database)

A proof is checked after the client has proven itself, and is used up whatever comes of the request. The key is the proof's
own: only its thumbprint is kept. What it takes to use a bound token is checked by the resource (``docs/examples``).
Left out: symmetric algorithms, which §4.2 forbids.      Errors: invalid_dpop_proof, use_dpop_nonce.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import signing
from joserfc import jws
from joserfc.errors import JoseError

from agents.database.statements import rows_of
from agents.public_keys import BadKey, Key, PublicKey, key_of
from consent.oauth.client_authentication import ProvenClient
from consent.oauth.errors import OAuthRefusal
from consent.oauth.signed_jwt import (
    ALGORITHMS,
    FACTORIES,
    KINDS,
    LONGEST,
    NotTakenApart,
    number_of_seconds,
    taken_apart,
)
from consent.once import UsedAlready, use_once

TYP = "dpop+jwt"
HEADER = frozenset({"typ", "alg", "jwk", "kid"})
LONGEST_JTI = 255
LIFE = timedelta(seconds=60)
"""How old a proof may be, and the difference of clocks with it."""
AHEAD = timedelta(seconds=10)
NONCE_LIFE = timedelta(minutes=5)
NONCE_RENEWED_AFTER = timedelta(minutes=2)
USED = "dpop"
NONCE = "dpop-nonce"
POLICY_STATEMENT = "SELECT dpop_nonces FROM agents_organisation WHERE id = %s"


class _Registry(jws.JWSRegistry):
    """joserfc's rules, with room for an RSA key in the header."""

    max_header_length = LONGEST


_REGISTRIES = {algorithm: _Registry(algorithms=[algorithm]) for algorithm in ALGORITHMS}


@dataclass(frozen=True, slots=True)
class Binding:
    """The key that a request proved. jkt: its thumbprint, empty for a request without a proof.

    nonce: a fresh one for the answer, where there is something to renew.
    """

    jkt: str = ""
    nonce: str = ""


NOT_BOUND = Binding()


def binding_of(proof: str, path: str, client: ProvenClient, *, now: datetime) -> Binding:
    """Return what the request is bound to. Raises OAuthRefusal for a bad proof, and for none of a client that must.

    proof: the header, empty for none. path: of the endpoint. Asks nothing of the database where there is no proof.
    """
    if proof:
        return check_proof(proof, path, now=now)
    if client.require_dpop:
        raise invalid_proof("This client is registered to prove its key (DPoP) with each request.")
    return NOT_BOUND


def check_proof(proof: str, path: str, *, now: datetime) -> Binding:
    """Return the key that this proof proves for a POST to this endpoint, used up now (§4.3). Raises OAuthRefusal.

    Never call it inside a transaction: a proof stays used whatever comes of the request.
    """
    header, claims = _read(proof)
    key, own = _key(header)
    try:
        jws.deserialize_compact(proof, own, registry=_REGISTRIES[header["alg"]])
    except (JoseError, ValueError, TypeError) as problem:
        raise invalid_proof("The signature of the DPoP proof is not that of its key.") from problem
    issued_at = _check_claims(claims, path, now)
    nonce = _check_nonce(claims, now)
    life = issued_at + LIFE + AHEAD - now
    try:
        use_once(USED, f"{key.thumbprint} {claims['jti']}", now=now, life=life)
    except UsedAlready as used:
        raise invalid_proof("This DPoP proof was used before. Make a new one, with its own jti.") from used
    return Binding(key.thumbprint, nonce)


def invalid_proof(description: str) -> OAuthRefusal:
    return OAuthRefusal("invalid_dpop_proof", description)


def _read(proof: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims, unproven. Two headers reach us as one with a comma, which is no part of a JWT."""
    try:
        header, claims = taken_apart(proof, members=HEADER)
    except NotTakenApart as problem:
        raise invalid_proof(f"The DPoP proof {problem}. Send one DPoP header, with one signed JWT.") from problem
    if header.get("typ") != TYP:
        raise invalid_proof(f"The typ of a DPoP proof is {TYP}.")
    if not isinstance(header.get("alg"), str) or header["alg"] not in ALGORITHMS:
        raise invalid_proof(f"Sign DPoP proofs by {', '.join(ALGORITHMS)}.")
    return header, claims


def _key(header: Mapping[str, Any]) -> tuple[PublicKey, Key]:
    jwk = header["jwk"] if isinstance(header.get("jwk"), dict) else {}
    plain = all(isinstance(member, str) for member in jwk.values())
    try:
        # A client proves the same key with each of its requests.
        key, own = _opened_lately(frozenset(jwk.items())) if plain else _opened(jwk)
    except BadKey as problem:
        raise invalid_proof(
            "The jwk of a DPoP proof is a public key: P-256, Ed25519, or RSA of 2048 bits."
        ) from problem
    if key.jwk["kty"] != KINDS[header["alg"]]:
        raise invalid_proof("The alg of the DPoP proof does not fit its key.")
    return key, own


def _opened(jwk: Mapping[str, Any]) -> tuple[PublicKey, Key]:
    """Return the key, and the same as joserfc checks signatures by it. Raises BadKey."""
    key = key_of(jwk)
    return key, FACTORIES[key.jwk["kty"]].import_key(dict(key.jwk))


@lru_cache(maxsize=1_000)
def _opened_lately(members: frozenset[tuple[str, str]]) -> tuple[PublicKey, Key]:
    return _opened(dict(members))


def _check_claims(claims: Mapping[str, Any], path: str, now: datetime) -> datetime:
    """Return when the proof was made. Raises OAuthRefusal."""
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_JTI or not jti.isascii():
        raise invalid_proof("A DPoP proof needs a jti of at most 255 plain characters.")
    if claims.get("htm") != "POST":
        raise invalid_proof("The htm of this DPoP proof is POST.")
    right = settings.ISSUER + path
    if not isinstance(claims.get("htu"), str) or _place(claims["htu"]) != _place(right):
        raise invalid_proof(f"The htu of this DPoP proof is {right}.")
    issued_at = number_of_seconds(claims.get("iat"))
    if issued_at is None:
        raise invalid_proof("A DPoP proof needs iat, in seconds.")
    made = datetime.fromtimestamp(issued_at, tz=now.tzinfo)
    if not now - LIFE <= made <= now + AHEAD:
        raise invalid_proof("The DPoP proof is too old, or of the future. Set the client's clock.")
    return made


def _place(url: str) -> tuple[str, str, int | None, str] | None:
    """Return where an address leads, without query and fragment, compared as RFC 3986 §6.2.2 says."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    if parts.username is not None or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port, parts.path


# --------------------------------------------------------------------------------------------------- nonces (§8)


def new_nonce() -> str:
    """Return a nonce that counts for five minutes, in any process: it is signed and nothing of it is kept."""
    return signing.dumps("", salt=NONCE)


def _check_nonce(claims: Mapping[str, Any], now: datetime) -> str:
    """Return a fresh nonce where the proof's one has had its time, or an empty string. Raises OAuthRefusal use_dpop_nonce."""
    if not any(demanded for (demanded,) in rows_of(POLICY_STATEMENT, [1])):
        return ""
    nonce = claims.get("nonce")
    try:
        signing.loads(str(nonce), salt=NONCE, max_age=NONCE_RENEWED_AFTER)
    except signing.SignatureExpired:
        if _is_over(str(nonce)):
            raise _ask_for_nonce(told=True) from None
        return new_nonce()
    except (signing.BadSignature, ValueError) as problem:
        raise _ask_for_nonce(told=nonce is None) from problem
    return ""


def _is_over(nonce: str) -> bool:
    try:
        signing.loads(nonce, salt=NONCE, max_age=NONCE_LIFE)
    except signing.SignatureExpired:
        return True
    return False


def _ask_for_nonce(*, told: bool) -> OAuthRefusal:
    """Asking for the first nonce, or for a newer one, is how it goes and no event. One that we never made is."""
    description = "Put the nonce of the DPoP-Nonce header into the proof."
    return OAuthRefusal("use_dpop_nonce", description, told=told, dpop_nonce=new_nonce())
