"""ID-JAG: an issuer that an administrator trusts says for whom a client may act (enterprise-managed authorization in MCP).

draft-ietf-oauth-identity-assertion-authz-grant   the assertion and its checks     identity_assertion.py
RFC 7523 §2.1 the grant                           redeem                           RFC 8707 resource     _target
RFC 6749 §3.3 scope: of request and assertion     _wanted                          the consent           consent/vouched.py

Only a client that proves itself, and only one that the administrator named for that issuer. Each assertion counts once, in
the transaction that issues its token. There is no refresh token: the client brings a new assertion. Its authentication
(``acr``, ``auth_time``) is that of another house, so tokens do not repeat it.
Left out: ``authorization_details``.      Errors: invalid_grant, unauthorized_client, invalid_scope, invalid_target.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from oauthlib.common import Request

from agents.actors import Actor, allowed
from agents.addresses import page_address
from agents.linked_people import UnknownPerson, person_of
from agents.models import Agent, AgentScope, Client, DetailVersion, Resource
from agents.permissions import May
from consent.models import Consent
from consent.models.consent import purpose_key
from consent.oauth.access_token import issue
from consent.oauth.audience import answer, asked_resource, audience_of, standing_of, tell_of_use
from consent.oauth.conditions import must_meet, take_use
from consent.oauth.errors import OAuthRefusal
from consent.oauth.identity_assertion import Asserted, refused
from consent.oauth.purpose import require_same_purpose
from consent.oauth.what_is_asked import NO_PERMISSION
from consent.once import UsedAlready, use_once
from consent.vouched import NotVouched, Vouched, consent_for

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
PROFILE = "urn:ietf:params:oauth:grant-profile:id-jag"
GRANT = "id_jag"
"""The grant's name in events."""
USED = "id-jag"
_WHY = {
    "trust_changed": "What this issuer may say was decided anew meanwhile. Bring a new assertion.",
    "unanswered": "The administrator who trusted this issuer left. Another one must answer for it.",
    "revoked": "Somebody revoked this. It counts again when the person allows it on a screen.",
    "over": "What the person decided themselves is over. It counts again when they allow it on a screen.",
    "paused": "The consent waits for somebody.",
    "taken_away": "The person took this away.",
    "beyond_the_screen": "The person decided about this agent themselves, and not for this.",
    "needs_the_person": "This takes the person's own decision, with a sign-in of theirs.",
}


def redeem(request: Request) -> dict[str, Any]:
    """Use the assertion up and issue an access token, in one transaction. Of 50 at once one wins. Raises OAuthRefusal."""
    asserted: Asserted = request.asserted
    facts, proven = request.facts, request.client
    by = Actor.client(proven.pk, facts)
    client = Client.objects.select_related("agent").get(pk=proven.pk)
    if client.agent is None:
        raise TypeError("a usable client has an agent")
    require_same_purpose(request.form, purpose_key(client.agent.purpose))
    rows, resource, named = _wanted(request, asserted, client.agent)
    with transaction.atomic():
        try:
            use_once(
                USED,
                f"{asserted.claims['iss']} {asserted.claims['jti']}",
                now=facts.now,
                life=asserted.ends - facts.now,
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


def _wanted(request: Request, asserted: Asserted, agent: Agent) -> tuple[tuple[AgentScope, ...], Resource, bool]:
    """Return what is asked for at one resource, and whether it was named. Raises OAuthRefusal.

    Never more than the assertion names, the administrator listed, and the agent may ask for.
    """
    issuer = asserted.issuer
    ceiling = set(issuer.scopes.values_list("pk", flat=True))
    offered = [row for row in AgentScope.objects.offered_by(agent) if row.scope_id in ceiling]
    in_detail = DetailVersion.objects.by_scope(row.scope_id for row in offered)
    offered = [row for row in offered if row.scope_id not in in_detail]
    names = _names(request, asserted.claims)
    resource = _target(request, asserted, offered, names)
    here = [row for row in offered if row.scope.resource_id == resource.pk]
    known = {row.scope.name for row in here}
    if not names <= known:
        where = page_address("agent-scopes", agent.pk)
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


def _names(request: Request, claims: Mapping[str, Any]) -> frozenset[str]:
    """Return the scopes that are named: by the request, within what the assertion names, or else by the assertion."""
    asked = frozenset((request.scope or "").split()) - NO_PERMISSION
    if "scope" not in claims:
        return asked
    if not isinstance(claims["scope"], str):
        raise refused("scope of the assertion is no text.")
    asserted = frozenset(claims["scope"].split()) - NO_PERMISSION
    if not asserted:
        raise OAuthRefusal("invalid_scope", "The scope of the assertion names no permission.")
    if not asked <= asserted:
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
    if "resource" in asserted.claims and not named:
        raise OAuthRefusal("invalid_target", "The assertion is for no resource.")
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
    of_grant = {"trust_changed", "unanswered", "revoked", "over", "paused"}
    code = "invalid_grant" if problem.code in of_grant else "invalid_scope"
    return OAuthRefusal(code, _WHY[problem.code], consent=problem.consent)
