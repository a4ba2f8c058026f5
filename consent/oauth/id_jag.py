"""ID-JAG: an issuer that an administrator trusts says for whom a client may act (enterprise-managed authorization in MCP).

draft-ietf-oauth-identity-assertion-authz-grant   the assertion: typ, aud, client_id, jti     read_assertion, _check_claims
RFC 7523 §2.1, §3 the grant and its checks        read_assertion                              RFC 8707 resource     _target
RFC 6749 §3.3 scope: of request and assertion     _wanted                                     the consent           consent/vouched.py

Only a client that proves itself, and only one that the administrator named for that issuer. Each assertion counts once, in
the transaction that issues its token. There is no refresh token: the client brings a new assertion. Its authentication
(``acr``, ``auth_time``) is that of another house, so tokens do not repeat it.
Left out: assertions of other profiles, ``authorization_details``.      Errors: invalid_grant, unauthorized_client, invalid_scope, invalid_target.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from joserfc import jws
from joserfc.errors import JoseError
from oauthlib.common import Request
from oauthlib.oauth2.rfc6749.grant_types.base import GrantTypeBase

from agents.actors import Actor, allowed
from agents.addresses import page_address
from agents.key_sets import KeysNotReached, published_keys
from agents.linked_people import UnknownPerson, person_of
from agents.models import AgentScope, Client, DetailVersion, IssuerKeys, Resource, TrustedIssuer
from agents.permissions import May
from consent.models import Consent
from consent.oauth.access_token import issue
from consent.oauth.audience import answer, asked_resource, audience_of, standing_of, tell_of_use
from consent.oauth.client_authentication import ProvenClient
from consent.oauth.conditions import must_meet, take_use
from consent.oauth.errors import OAuthRefusal, invalid_request
from consent.oauth.private_key_jwt import AHEAD, FACTORIES, KINDS, OLDER_ALGORITHMS, SKEW, is_name, number_of_seconds
from consent.oauth.purpose import require_same_purpose
from consent.oauth.what_is_asked import NO_PERMISSION
from consent.once import UsedAlready, use_once
from consent.vouched import NotVouched, Vouched, consent_for

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
PROFILE = "urn:ietf:params:oauth:grant-profile:id-jag"
TYP = "oauth-id-jag+jwt"
GRANT = "id_jag"
"""The grant's name in events."""
ALGORITHMS = OLDER_ALGORITHMS
"""With RS256, by which most identity providers sign."""
HEADER = frozenset({"alg", "typ", "kid", "x5t", "x5t#S256"})
LONGEST = 8_000
LONGEST_LIFE = timedelta(hours=1)
USED = "id-jag"
_REGISTRIES = {algorithm: jws.JWSRegistry(algorithms=[algorithm]) for algorithm in ALGORITHMS}
_WHY = {
    "unanswered": "The administrator who trusted this issuer left. Another one must answer for it.",
    "revoked": "Somebody revoked this. It counts again when the person allows it on a screen.",
    "over": "What the person decided themselves is over. It counts again when they allow it on a screen.",
    "paused": "The consent waits for somebody.",
    "taken_away": "The person took this away.",
    "beyond_the_screen": "The person decided about this agent themselves, and not for this.",
    "needs_the_person": "This takes the person's own decision, with a sign-in of theirs.",
}


class AssertionGrant(GrantTypeBase):
    """oauthlib's frame: the validator proves the client, ``read_assertion`` and ``redeem`` do the rest."""

    def create_token_response(self, request: Request, token_handler: Any) -> tuple[dict[str, str], str, int]:
        validator = self.request_validator
        validator.authenticate_client(request)
        request.asserted = read_assertion(request)
        token = token_handler.create_token(request)
        validator.save_token(token, request)
        return self._get_default_headers(), json.dumps(token), 200


@dataclass(frozen=True, slots=True)
class Asserted:
    """A proven assertion: by whom, what it says, and until when it could come again."""

    issuer: TrustedIssuer
    claims: Mapping[str, Any]
    ends: datetime


def refused(description: str) -> OAuthRefusal:
    return OAuthRefusal("invalid_grant", description)


# --------------------------------------------------------------------------------------------------------- the assertion


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


# --------------------------------------------------------------------------------------------------------------- the token


def redeem(request: Request) -> dict[str, Any]:
    """Use the assertion up and issue an access token, in one transaction. Of 50 at once one wins. Raises OAuthRefusal."""
    asserted: Asserted = request.asserted
    facts, proven = request.facts, request.client
    by = Actor.client(proven.pk, facts)
    client = Client.objects.select_related("agent").get(pk=proven.pk)
    if client.agent is None:
        raise TypeError("a usable client has an agent")
    require_same_purpose(request.form, _purpose_key(client))
    rows, resource, named = _wanted(request, asserted, client)
    with transaction.atomic():
        try:
            use_once(
                USED, f"{asserted.issuer.pk} {asserted.claims['jti']}", now=facts.now, life=asserted.ends - facts.now
            )
        except UsedAlready as used:
            raise refused("This assertion was used before.") from used
        try:
            person = person_of(asserted.issuer, asserted.claims, by=by, now=facts.now)
        except UnknownPerson as problem:
            raise refused(str(problem)) from problem
        if not allowed(Actor.person(person), May.APPROVE_CONSENT, client.agent):
            raise refused("Nothing acts for this person.")
        asked = Vouched(asserted.issuer, client, person, rows, named)
        try:
            consent = consent_for(asked, by=by, now=facts.now)
        except NotVouched as problem:
            raise _not_vouched(problem) from problem
        return _issue(request, consent, rows, resource)


def _issue(request: Request, consent: Consent, rows: tuple[AgentScope, ...], resource: Resource) -> dict[str, Any]:
    facts, client = request.facts, request.client
    ids = {row.scope_id for row in rows}
    held = [row for row in consent.held(facts.now) if row.scope_id in ids and not row.details]
    if not held:
        raise OAuthRefusal("invalid_scope", "Nothing of what was asked for is allowed any more.", consent=consent)
    latest = must_meet(consent, facts=facts, latest=consent.ends_at)
    take_use(consent, now=facts.now)
    request.consent_id = consent.pk
    issued = issue(
        client=client,
        standing=standing_of(consent),
        audience=audience_of(resource),
        scopes={row.scope.name: row.scope.data_class for row in held},
        grant=GRANT,
        by=Actor.client(client.pk, facts),
        now=facts.now,
        credential_id=client.credential_id,
        latest_end=latest,
        jkt=request.binding.jkt,
    )
    tell_of_use(consent, held, now=facts.now)
    return answer(issued)


def _purpose_key(client: Client) -> str:
    from consent.models.consent import purpose_key

    return purpose_key(client.agent.purpose) if client.agent else ""


def _wanted(request: Request, asserted: Asserted, client: Client) -> tuple[tuple[AgentScope, ...], Resource, bool]:
    """Return what is asked for at one resource, and whether it was named. Raises OAuthRefusal.

    Never more than the assertion names, the administrator listed, and the agent may ask for.
    """
    issuer = asserted.issuer
    ceiling = set(issuer.scopes.values_list("pk", flat=True))
    offered = [row for row in AgentScope.objects.offered_by(_agent(client)) if row.scope_id in ceiling]
    in_detail = DetailVersion.objects.by_scope(row.scope_id for row in offered)
    offered = [row for row in offered if row.scope_id not in in_detail]
    names = _names(request, asserted.claims)
    resource = _target(request, asserted, offered, names)
    here = [row for row in offered if row.scope.resource_id == resource.pk]
    known = {row.scope.name for row in here}
    if not names <= known:
        where = page_address("agent-scopes", client.agent_id)
        told = f"On this issuer's word there is: {' '.join(sorted(known)) or 'nothing'}. What the agent may ask for: {where}"
        raise OAuthRefusal("invalid_scope", told)
    chosen = [row for row in here if not names or row.scope.name in names]
    sensitive = [row for row in chosen if row.scope.is_sensitive]
    if sensitive and not issuer.allow_sensitive:
        if names:
            raise OAuthRefusal("invalid_scope", "Sensitive permissions are not given on this issuer's word.")
        chosen = [row for row in chosen if not row.scope.is_sensitive]
    if not chosen:
        raise OAuthRefusal("invalid_scope", "There is nothing to allow on this issuer's word here.")
    return tuple(chosen), resource, bool(names)


def _agent(client: Client) -> Any:
    return client.agent


def _names(request: Request, claims: Mapping[str, Any]) -> frozenset[str]:
    """Return the scopes that are named: by the request, within what the assertion names, or else by the assertion."""
    said = claims.get("scope", "")
    if not isinstance(said, str):
        raise refused("scope of the assertion is no text.")
    asserted = frozenset(said.split()) - NO_PERMISSION
    asked = frozenset((request.scope or "").split()) - NO_PERMISSION
    if asserted and not asked <= asserted:
        raise OAuthRefusal("invalid_scope", "The request names a scope that the assertion does not.")
    return asked or asserted


def _target(request: Request, asserted: Asserted, offered: Iterable[AgentScope], names: frozenset[str]) -> Resource:
    """Return the one resource: that of the request, within those of the assertion, or else the assertion's.

    Where neither names one, the only one that offers what is asked for. Raises OAuthRefusal.
    """
    said = asserted.claims.get("resource", [])
    named = [said] if isinstance(said, str) else said
    if not isinstance(named, list) or not all(isinstance(uri, str) for uri in named):
        raise refused("resource of the assertion is no text.")
    asked = asked_resource(request.form)
    if asked and named and asked not in named:
        raise OAuthRefusal("invalid_target", "The assertion is for another resource.")
    wanted = {asked} if asked else set(named)
    at: dict[Resource, set[str]] = {}
    for row in offered:
        if not wanted or row.scope.resource.uri in wanted:
            at.setdefault(row.scope.resource, set()).add(row.scope.name)
    found = [resource for resource, known in at.items() if names <= known] or (list(at) if len(at) == 1 else [])
    if at and not found and names:
        raise OAuthRefusal("invalid_scope", "No resource on this issuer's list offers all that was asked for.")
    if len(found) != 1:
        raise OAuthRefusal("invalid_target", "Name one resource at which something is allowed on this issuer's word.")
    return found[0]


def _not_vouched(problem: NotVouched) -> OAuthRefusal:
    code = "invalid_grant" if problem.code in {"unanswered", "revoked", "over", "paused"} else "invalid_scope"
    return OAuthRefusal(code, _WHY[problem.code], consent=problem.consent)
