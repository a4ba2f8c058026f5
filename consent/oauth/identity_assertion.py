"""An identity assertion: what an issuer that is trusted here says of a person, to one client (ID-JAG).

draft-ietf-oauth-identity-assertion-authz-grant   typ, aud, client_id, jti     _taken_apart, _check_claims
RFC 7523 §3 rules of a grant's assertion          read_assertion               RFC 8725 §3.1 whose key     _must_be_signed

Its issuer must be one that an administrator trusts, and is believed only once one of its own keys proves the signature.
What is issued for it: ``id_jag.py``.
Left out: assertions of other profiles.      Errors: invalid_grant, invalid_request, unauthorized_client.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from joserfc import jws
from joserfc.errors import JoseError
from oauthlib.common import Request

from agents.key_sets import KeysNotReached, published_keys
from agents.models import IssuerKeys, TrustedIssuer
from consent.oauth.client_authentication import ProvenClient
from consent.oauth.errors import OAuthRefusal, invalid_request
from consent.oauth.private_key_jwt import AHEAD, FACTORIES, KINDS, OLDER_ALGORITHMS, SKEW, is_name, number_of_seconds

TYP = "oauth-id-jag+jwt"
ALGORITHMS = OLDER_ALGORITHMS
"""With RS256, by which most identity providers sign."""
HEADER = frozenset({"alg", "typ", "kid", "x5t", "x5t#S256"})
LONGEST = 8_000
LONGEST_LIFE = timedelta(hours=1)
_REGISTRIES = {algorithm: jws.JWSRegistry(algorithms=[algorithm]) for algorithm in ALGORITHMS}


@dataclass(frozen=True, slots=True)
class Asserted:
    """A proven assertion: by whom, what it says, and until when it could come again."""

    issuer: TrustedIssuer
    claims: Mapping[str, Any]
    ends: datetime


def refused(description: str) -> OAuthRefusal:
    """Return ``invalid_grant``, which the caller raises."""
    return OAuthRefusal("invalid_grant", description)


def read_assertion(request: Request) -> Asserted:
    """Return the assertion of this request, proven and meant for this client. Raises OAuthRefusal.

    Never call it inside a transaction: the issuer's keys may have to be fetched.
    """
    client: ProvenClient = request.client
    if client.is_public:
        raise OAuthRefusal("unauthorized_client", "Only a client that proves itself may bring an assertion.")
    assertion = str(request.form.get("assertion", ""))
    if not assertion:
        raise invalid_request("The assertion is missing.")
    now: datetime = request.facts.now
    header, claims = _taken_apart(assertion)
    issuer = TrustedIssuer.objects.live().select_related("trusted_by").filter(issuer=claims.get("iss", "")).first()
    if issuer is None:
        raise refused("The issuer of this assertion is not trusted here.")
    _must_be_signed(assertion, header, issuer, now)
    ends = _check_claims(claims, client, now)
    if not issuer.clients.filter(pk=client.pk).exists():
        raise OAuthRefusal("unauthorized_client", "This client may not act on this issuer's word.")
    return Asserted(issuer, claims, ends)


def _taken_apart(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    parts = assertion.split(".")
    if len(assertion) > LONGEST or len(parts) != 3:
        raise refused("The assertion is no signed JWT, or too long.")
    try:
        header, claims = (
            json.loads(base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True)) for part in parts[:2]
        )
    except (binascii.Error, ValueError, RecursionError) as problem:
        raise refused("The assertion cannot be read.") from problem
    if not isinstance(header, dict) or not isinstance(claims, dict) or not header.keys() <= HEADER:
        raise refused("The assertion cannot be read, or its header holds what may not stand there.")
    if str(header.get("typ", "")).lower().removeprefix("application/") != TYP:
        raise refused(f"The typ of the assertion must be {TYP}.")
    if not isinstance(header.get("alg"), str) or header["alg"] not in ALGORITHMS:
        raise refused(f"Assertions are signed by {', '.join(ALGORITHMS)}.")
    if not isinstance(header.get("kid", ""), str) or not is_name(claims.get("iss")):
        raise refused("The assertion names no issuer, or a key by something that is no text.")
    return header, claims


def _must_be_signed(assertion: str, header: Mapping[str, Any], issuer: TrustedIssuer, now: datetime) -> None:
    """RFC 8725 §3.1: only the issuer's own keys, as the administrator gave them or as it publishes them."""
    kind = KINDS[header["alg"]]
    for jwk in _keys_of(issuer, header.get("kid"), kind, now):
        try:
            jws.deserialize_compact(
                assertion, FACTORIES[kind].import_key(dict(jwk)), registry=_REGISTRIES[header["alg"]]
            )
        except (JoseError, ValueError, TypeError):
            continue
        return
    raise refused("The assertion is not signed by a key of its issuer.")


def _keys_of(issuer: TrustedIssuer, kid: object, kind: str, now: datetime) -> Iterator[Mapping[str, str]]:
    """Yield the issuer's keys of this kind, those of this name first. Published ones twice: as known, and fetched again."""
    tried: list[Mapping[str, str]] = []
    for missing in (False, True):
        try:
            known = issuer.keys or published_keys(
                issuer.pk, issuer.jwks_uri, now=now, missing=missing, table=IssuerKeys
            )
        except KeysNotReached as problem:
            raise refused("The keys of the issuer could not be read.") from problem
        fresh = [jwk for jwk in known if jwk.get("kty") == kind and jwk not in tried]
        tried += fresh
        named = [jwk for jwk in fresh if kid is not None and jwk.get("kid") == kid]
        yield from named or fresh
        if issuer.keys:
            return


def _check_claims(claims: Mapping[str, Any], client: ProvenClient, now: datetime) -> datetime:
    """Return until when the assertion counts. Raises OAuthRefusal. Told only of what its issuer signed."""
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if named != [settings.ISSUER]:
        raise refused(f"aud must be {settings.ISSUER} alone.")
    if claims.get("client_id") != client.client_id:
        raise refused("client_id is another client than the one that brings the assertion.")
    if not is_name(claims.get("sub")) or not is_name(claims.get("jti")):
        raise refused("The assertion needs a sub and a jti of at most 255 characters.")
    at = now.timestamp()
    ends, begins = number_of_seconds(claims.get("exp")), number_of_seconds(claims.get("iat"))
    if ends is None or begins is None or ends + SKEW.total_seconds() <= at:
        raise refused("The assertion has no exp or no iat, or is over.")
    if ends > at + LONGEST_LIFE.total_seconds() or ends <= begins:
        raise refused("exp lies more than an hour ahead, or before iat.")
    for name in ("nbf", "iat"):
        starts = number_of_seconds(claims.get(name, 0))
        if starts is None or starts > at + AHEAD.total_seconds():
            raise refused(f"{name} lies ahead.")
    return datetime.fromtimestamp(ends, tz=UTC) + SKEW
