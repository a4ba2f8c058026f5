"""An identity assertion: what an issuer that is trusted here says of a person, to one client (ID-JAG).

draft-ietf-oauth-identity-assertion-authz-grant   typ, aud, client_id, jti     _read, _check_claims
RFC 7523 §3 rules of a grant's assertion          read_assertion               RFC 8725 §3.1 whose key     _must_be_signed

Its issuer must be one that an administrator trusts, and is believed only once one of its own keys proves the signature.
What is issued for it: ``id_jag.py``.
Left out: assertions of other profiles.      Errors: invalid_grant, invalid_request, unauthorized_client.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from oauthlib.common import Request

from agents.key_sets import KeysNotReached, published_keys
from agents.models import IssuerKeys, TrustedIssuer
from consent.oauth.client_authentication import ProvenClient
from consent.oauth.errors import OAuthRefusal, invalid_request
from consent.oauth.signed_jwt import (
    AHEAD,
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

TYP = "oauth-id-jag+jwt"
ALGORITHMS = OLDER_ALGORITHMS
"""With RS256, by which most identity providers sign."""
LONGEST_LIFE = timedelta(hours=1)


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
    header, claims = _read(assertion)
    issuer = TrustedIssuer.objects.live().select_related("trusted_by").filter(issuer=claims.get("iss", "")).first()
    if issuer is None:
        raise refused("The issuer of this assertion is not trusted here.")
    _must_be_signed(assertion, header, issuer, now)
    ends = _check_claims(claims, client, now)
    if not issuer.clients.filter(pk=client.pk).exists():
        raise OAuthRefusal("unauthorized_client", "This client may not act on this issuer's word.")
    return Asserted(issuer, claims, ends)


def _read(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        header, claims = taken_apart(assertion)
    except NotTakenApart as problem:
        raise refused(f"The assertion {problem}.") from problem
    if str(header.get("typ", "")).lower().removeprefix("application/") != TYP:
        raise refused(f"The typ of the assertion must be {TYP}.")
    if not isinstance(header.get("alg"), str) or header["alg"] not in ALGORITHMS:
        raise refused(f"Assertions are signed by {', '.join(ALGORITHMS)}.")
    if not is_name(claims.get("iss")):
        raise refused("The assertion names no issuer.")
    return header, claims


def _must_be_signed(assertion: str, header: Mapping[str, Any], issuer: TrustedIssuer, now: datetime) -> None:
    """RFC 8725 §3.1: only the issuer's own keys, as the administrator gave them or as it publishes them."""

    def read(missing: bool) -> Iterable[tuple[None, Jwk]]:
        try:
            known = issuer.keys or published_keys(
                issuer.pk, issuer.jwks_uri, now=now, missing=missing, table=IssuerKeys
            )
        except KeysNotReached as problem:
            raise refused("The keys of the issuer could not be read.") from problem
        return [(None, jwk) for jwk in known]

    algorithm = header["alg"]
    tried = keys_to_try(read, KINDS[algorithm], header.get("kid"), again=not issuer.keys)
    if not any(is_signed_by(assertion, algorithm, jwk) for _, jwk in tried):
        raise refused("The assertion is not signed by a key of its issuer.")


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
