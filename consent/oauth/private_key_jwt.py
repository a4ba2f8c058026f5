"""private_key_jwt: a client proves itself by a signature (RFC 7523 §2.2, §3; RFC 7521 §4.2; RFC 10070 on its audience).

RFC 7521 §4.2 the two parameters, client_id      claimed         RFC 7523 §3 rule 8 jti, once     UsedOnce (unique in the database)
RFC 7523 §3 iss, sub, aud, exp, nbf, iat         _check_claims   §3 rule 9 the signature          _signed
RFC 8725 §3.1, §3.10, §3.11 algorithm, header, typ      _read, signed_jwt.py

The keys are the client's own: those that its owner gave, or those at its ``jwks_uri``. Nothing that a header names or
carries is asked. What is wrong with the claims is told only to whoever signed them; before that all is told alike.
``aud`` is the issuer alone. A client marked *older*, with a reason, may also name the token endpoint, sign for an hour
and by RS256, as some libraries do unless told otherwise.
Left out: HMAC (client_secret_jwt), encrypted assertions, authorization grants (§2.1).      Errors: invalid_client (401).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from agents.addresses import page_address
from agents.key_sets import KeysNotReached, published_keys
from consent.oauth.errors import invalid_client, invalid_request
from consent.oauth.signed_jwt import (
    AHEAD,
    ALGORITHMS,
    KINDS,
    OLDER_ALGORITHMS,
    SKEW,
    Jwk,
    NotTakenApart,
    is_name,
    is_signed_by,
    keys_to_try,
    number_of_seconds,
    taken_apart,
)
from consent.once import UsedAlready, use_once

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TYPES = frozenset({"jwt", "client-authentication+jwt"})
LONGEST_LIFE, OLDER_LIFE = timedelta(minutes=5), timedelta(hours=1)
USED = "assertion"
_SIGN_BY = f"Sign assertions by {', '.join(ALGORITHMS)}."


@dataclass(frozen=True, slots=True)
class Signer:
    """A client that signs, as far as it must be known: its keys by credential, or where it publishes them."""

    pk: uuid.UUID
    client_id: str
    agent_id: uuid.UUID | None
    keys: tuple[tuple[uuid.UUID, Mapping[str, str]], ...]
    jwks_uri: str
    older: bool


def claimed(form: Mapping[str, str]) -> str:
    """Return whom an assertion claims to be (``sub``). Proves nothing. Raises OAuthRefusal."""
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise invalid_client(f"client_assertion_type must be {ASSERTION_TYPE}.")
    _, claims = _read(form.get("client_assertion", ""))
    subject = claims.get("sub")
    if not is_name(subject):
        raise invalid_client("The assertion cannot be read, or it names no client.")
    if form.get("client_id", subject) not in {"", subject}:
        raise invalid_request("Body and assertion name two different clients.")
    return str(subject)


def prove(assertion: str, signer: Signer, *, now: datetime) -> uuid.UUID | None:
    """Return the credential by which this client signed the assertion, used up now; None for a published key.

    Raises OAuthRefusal (401 invalid_client). Never call it inside a transaction.
    """
    who: dict[str, Any] = {"client_id": signer.pk, "agent_id": signer.agent_id}
    header, claims = _read(assertion)
    credential = _signed(assertion, header, signer, who, now)
    if header["alg"] not in ALGORITHMS and not signer.older:
        raise invalid_client(f"{_SIGN_BY} {header['alg']} is for older clients: {_switch(signer)}", **who)
    _check_claims(claims, signer, who, now)
    ends = datetime.fromtimestamp(claims["exp"], tz=now.tzinfo) + SKEW
    try:
        use_once(USED, f"{signer.pk} {claims['jti']}", now=now, life=ends - now)
    except UsedAlready as used:
        raise invalid_client("This assertion was used before. Sign a new one, with its own jti.", **who) from used
    return credential


def _read(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims, unproven. Raises OAuthRefusal for what is no signed JWT of a sane size and kind."""
    try:
        header, claims = taken_apart(assertion)
    except NotTakenApart as problem:
        raise invalid_client(f"The assertion {problem}.") from problem
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in TYPES:
        raise invalid_client("The typ of the assertion is that of another kind of token.")
    if not isinstance(header.get("alg"), str) or header["alg"] not in OLDER_ALGORITHMS:
        raise invalid_client(_SIGN_BY)
    return header, claims


def _signed(
    assertion: str, header: Mapping[str, Any], signer: Signer, who: dict[str, Any], now: datetime
) -> uuid.UUID | None:
    """Return the credential whose key signed it, or None for a published key. Raises OAuthRefusal."""

    def read(missing: bool) -> Iterable[tuple[uuid.UUID | None, Jwk]]:
        if not signer.jwks_uri:
            return signer.keys
        try:
            keys = published_keys(
                signer.pk, signer.jwks_uri, now=now, missing=missing, stranger=signer.agent_id is None
            )
        except KeysNotReached as problem:
            raise invalid_client(
                "The client's keys could not be read from its jwks_uri.", **who, reason_code="keys_not_reached"
            ) from problem
        return [(None, jwk) for jwk in keys]

    algorithm = header["alg"]
    for credential, jwk in keys_to_try(read, KINDS[algorithm], header.get("kid"), again=bool(signer.jwks_uri)):
        if is_signed_by(assertion, algorithm, jwk):
            return credential
    raise invalid_client("The client is unknown, or it did not prove itself.", **who)


def _check_claims(claims: Mapping[str, Any], signer: Signer, who: dict[str, Any], now: datetime) -> None:
    if claims.get("iss") != signer.client_id or claims.get("sub") != signer.client_id:
        raise invalid_client("iss and sub of an assertion are both the client_id.", **who)
    if not is_name(claims.get("jti")):
        raise invalid_client("The assertion needs a jti of at most 255 characters.", **who)
    _check_audience(claims.get("aud"), signer, who)
    at = now.timestamp()
    ends = number_of_seconds(claims.get("exp"))
    life = OLDER_LIFE if signer.older else LONGEST_LIFE
    if ends is None or ends + SKEW.total_seconds() <= at:
        raise invalid_client("The assertion has no exp, or is over.", **who)
    if ends > at + (life + SKEW).total_seconds():
        more = "" if signer.older else f" Longer lives are for older clients: {_switch(signer)}"
        raise invalid_client(f"exp lies more than {int(life.total_seconds() // 60)} minutes ahead.{more}", **who)
    for name in ("nbf", "iat"):
        starts = number_of_seconds(claims.get(name, 0))
        if starts is None or starts > at + AHEAD.total_seconds():
            raise invalid_client(f"{name} lies ahead. Set the client's clock.", **who)


def _check_audience(audience: object, signer: Signer, who: dict[str, Any]) -> None:
    right = {settings.ISSUER}
    if signer.older:
        right.add(f"{settings.ISSUER}/oauth/token")
    named = audience if isinstance(audience, list) else [audience]
    if len(named) == 1 and isinstance(named[0], str) and named[0] in right:
        return
    more = "" if signer.older else f" Naming the token endpoint is for older clients: {_switch(signer)}"
    raise invalid_client(f"aud must be {settings.ISSUER} alone.{more}", **who)


def _switch(signer: Signer) -> str:
    return page_address("agent-clients", signer.agent_id) if signer.agent_id else "its form"
