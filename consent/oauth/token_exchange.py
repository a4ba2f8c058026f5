"""Token exchange (RFC 8693): an agent takes work over from another one, for the same person and with at most as much.

§2.1 subject_token, actor_token, types     read_subject, _check_actor       §2.1 resource, audience     asked_target
§2.1 scope: never more than the subject    _wanted                          §2.2 issued_token_type      redeem
§4.1 act, earlier actors inside            chain.py                         §4.4 may_act                must_be_allowed
Who may (decisions.md, Delegation): the client that the subject token was issued to, and the agents that the person named
when they allowed the work to be passed on. A program behind a resource, which got the token there, is such an agent too.

The result stands under a consent derived from that of the subject token (``consent/derived.py``), or under the very same
one where a client narrows a token of its own. It ends no later than the subject token, belongs to the same family, and
there is no refresh token. A subject token bound to a key (RFC 9449) is exchanged for a bound one only: its own client
proves the same key, another one its own.
Left out: impersonation (§1.1), tokens of other issuers, and every type but access tokens.
Errors: invalid_request (also for a subject token that is not good here, §2.2.2), invalid_target, invalid_scope, access_denied.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import QueryDict
from oauthlib.common import Request
from oauthlib.oauth2.rfc6749.grant_types.base import GrantTypeBase

from agents.actors import Actor, RequestFacts
from agents.addresses import page_address
from agents.models import Checks
from agents.statements import rows_of
from consent.derived import take_over
from consent.errors import ConsentEnded
from consent.mail import tell_of_first_sensitive_use
from consent.models import Consent
from consent.oauth.access_token import Audience, Standing, issue
from consent.oauth.audience import answer
from consent.oauth.authorization_details import narrow_to
from consent.oauth.chain import Chain, HeldScope, read_chain
from consent.oauth.client_authentication import ProvenClient
from consent.oauth.conditions import refused as condition_refused
from consent.oauth.conditions import take_use
from consent.oauth.errors import OAuthRefusal, invalid_request
from consent.oauth.purpose import require_same_purpose
from consent.oauth.rows import as_delta, as_id, known_id
from consent.oauth.worth import Worth, worth_of
from consent.observed import RefusedUse

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the name of a type
JWT = "urn:ietf:params:oauth:token-type:jwt"
TYPES = frozenset({ACCESS_TOKEN, JWT})
GRANT = "token_exchange"
"""The grant's name in events."""
NOT_GOOD = "The subject token is unknown, over, or not for this client: its consent does not name this agent."
TARGET_STATEMENT = """
    SELECT r.id, r.uri, r.checks, r.token_life, r.require_dpop FROM agents_resource r
    WHERE (r.uri = %s OR r.identifier = %s) AND r.ended_at IS NULL
"""
MAY_STATEMENT = """
    SELECT EXISTS (SELECT 1 FROM agents_recipient p
                   WHERE p.agent_id = %s AND p.recipient_id = a.id AND p.ended_at IS NULL), g.scope_id
    FROM agents_agent a
    LEFT JOIN agents_agentscope g ON g.agent_id = a.id AND g.ended_at IS NULL
    WHERE a.id = %s
"""
SHARE_STATEMENT = """
    SELECT c.id, c.client_id, c.revoked_at, c.ends_at, c.purpose_digest, c.sensitive_use_told_at, cs.scope_id, cs.ended_at
    FROM consent_consent c LEFT JOIN consent_consentscope cs ON cs.consent_id = c.id
    WHERE c.parent_id = %s AND c.agent_id = %s
"""


class ExchangeGrant(GrantTypeBase):
    """oauthlib's frame: the validator proves the client, ``find`` and ``redeem`` do the rest."""

    def create_token_response(self, request: Request, token_handler: Any) -> tuple[dict[str, str], str, int]:
        validator = self.request_validator
        validator.authenticate_client(request)
        validator.validate_grant_type(request.client_id, request.grant_type, request.client, request)
        request.subject = read_subject(request)
        token = token_handler.create_token(request)
        validator.save_token(token, request)
        return self._get_default_headers(), json.dumps(token), 200


@dataclass(frozen=True, slots=True)
class Share:
    """The consent under which the result stands. scopes: those that it holds; taken: those that a person took away.

    told: whether its person was told of the first use of something sensitive.
    """

    id: uuid.UUID
    purpose_digest: str
    scopes: frozenset[uuid.UUID]
    taken: frozenset[uuid.UUID]
    told: bool


# ----------------------------------------------------------------------------------------------- the subject token


def read_subject(request: Request) -> Worth:
    """Return what is exchanged, worth something now and good for this client. Raises OAuthRefusal."""
    form, client, now = request.form, request.client, request.facts.now
    if client.is_public or client.agent_id is None:
        raise OAuthRefusal("unauthorized_client", "Only a client that proves itself may exchange tokens.")
    _check_types(form)
    subject = worth_of(str(form["subject_token"]), now)
    if subject is None or subject.user_id is None:
        raise invalid_request(NOT_GOOD)
    own = subject.client_pk == client.pk
    if not own and client.agent_id not in subject.passing.to:
        raise OAuthRefusal("invalid_request", NOT_GOOD, reason_code="foreign_subject")
    if subject.refusal:
        raise _not_live(subject, client)
    _check_actor(form, client, now)
    _check_binding(subject, own=own, jkt=request.binding.jkt)
    require_same_purpose(form, subject.purpose_key)
    return subject


def _check_types(form: QueryDict) -> None:
    """RFC 8693 §2.1: what has to be there, and of which types. Refresh tokens, ID tokens and assertions are none of them."""
    if not form.get("subject_token"):
        raise invalid_request("subject_token is missing.")
    kind = form.get("subject_token_type", "")
    if kind not in TYPES or (kind == JWT and form["subject_token"].count(".") != 2):
        raise invalid_request(f"subject_token_type must be {ACCESS_TOKEN}.")
    if form.get("requested_token_type") and form["requested_token_type"] not in TYPES:
        raise invalid_request(f"requested_token_type must be {ACCESS_TOKEN}.")
    if bool(form.get("actor_token")) != bool(form.get("actor_token_type")):
        raise invalid_request("actor_token and actor_token_type come together or not at all.")
    if form.get("actor_token_type") and form["actor_token_type"] not in TYPES:
        raise invalid_request(f"actor_token_type must be {ACCESS_TOKEN}.")


def _check_actor(form: QueryDict, client: ProvenClient, now: datetime) -> None:
    """The actor is the client that proved itself. A token that says so too must be its own (§2.1)."""
    if not form.get("actor_token"):
        return
    actor = worth_of(str(form["actor_token"]), now)
    if actor is None or actor.refusal or actor.client_pk != client.pk:
        raise OAuthRefusal(
            "invalid_request", "The actor token is over, or is not this client's own.", reason_code="foreign_actor"
        )


def _check_binding(subject: Worth, *, own: bool, jkt: str) -> None:
    """Nothing comes out that is bound more weakly than what went in; a stolen token alone gets its thief nothing."""
    if subject.jkt and not jkt:
        raise OAuthRefusal("invalid_dpop_proof", "This subject token is bound to a key. Send a DPoP proof of your own.")
    if subject.jkt and own and subject.jkt != jkt:
        raise OAuthRefusal("invalid_dpop_proof", "This subject token is bound to another key.")


def _not_live(subject: Worth, client: ProvenClient) -> OAuthRefusal:
    met = RefusedUse(
        agent_id=subject.stopped_agent_id,
        consent_id=subject.stopped_consent_id,
        client_id=client.pk,
        token_id=subject.token_id,
        missing=subject.missing,
    )
    if subject.refusal == "agent_not_active":
        met = RefusedUse(agent_id=subject.stopped_agent_id, token_id=subject.token_id)
    consent = Consent.objects.get(pk=subject.consent_id)
    return OAuthRefusal("invalid_request", NOT_GOOD, consent=consent, reason_code=subject.refusal, met=met)


# ----------------------------------------------------------------------------------------- where, who and how much


def asked_target(form: QueryDict) -> str:
    """Return the one resource that is named, by address (RFC 8707) or by identifier, or nothing. Raises OAuthRefusal."""
    asked = {value for name in ("resource", "audience") for value in form.getlist(name) if value}
    if len(asked) > 1:
        raise OAuthRefusal("invalid_target", "A token is for one resource. Ask for each with a request of its own.")
    return next(iter(asked), "")


def _target(asked: str, subject: Worth) -> Audience:
    found = rows_of(TARGET_STATEMENT, [asked or subject.audience_uri, asked])
    if not found:
        raise OAuthRefusal("invalid_target", "The consent does not hold anything at this resource.")
    pk, uri, checks, life, demands = found[0]
    return Audience(known_id(pk), uri, checks == Checks.OFFLINE, as_delta(life), bool(demands))


def must_be_allowed(chain: Chain, client: ProvenClient, *, own: bool) -> None:
    """See that the person let the work be passed on to this agent, and this far. Raises OAuthRefusal access_denied."""
    if client.agent_id is None:
        raise TypeError("a client without an agent was refused before")
    root = chain.root
    where = page_address("my-consent", root.consent_id)
    if not root.passing:
        raise _denied(f"The person did not let this agent pass work on. What they allowed stands at {where}", "passes_nothing_on", root.consent_id)  # fmt: skip
    if own:
        return
    if client.agent_id in chain.agents:
        raise _denied("This agent passed the work on itself and does not get it back.", "passed_in_a_circle", root.consent_id)  # fmt: skip
    if not chain.allows(client.agent_id):
        raise _denied(f"The person did not let the work be passed on this far. See {where}", "passed_too_far", root.consent_id)  # fmt: skip


def _denied(description: str, why: str, consent_id: uuid.UUID) -> OAuthRefusal:
    return OAuthRefusal("access_denied", description, reason_code=why, consent=Consent.objects.get(pk=consent_id))


def _may_hold(root_agent: uuid.UUID, client: ProvenClient) -> frozenset[uuid.UUID]:
    """Return the scopes that the caller's agent may ask for, whoever passes them on. Raises OAuthRefusal access_denied."""
    rows = rows_of(MAY_STATEMENT, [root_agent, client.agent_id])
    if not rows or not rows[0][0]:
        raise OAuthRefusal(
            "access_denied", "The agent that was allowed this passes no work on to this one any more.",
            reason_code="recipient_removed",
        )  # fmt: skip
    return frozenset(known_id(scope_id) for _, scope_id in rows if scope_id is not None)


def _wanted(
    request: Request, subject: Worth, chain: Chain, target: Audience, may: frozenset[uuid.UUID] | None
) -> dict[str, HeldScope]:
    """Return the scopes of the result, by name. Raises OAuthRefusal invalid_scope.

    At the same resource never more than the subject token is worth; at another one what the consent holds there. may: what
    the caller's agent may ask for at all; None where it is the agent that holds it already.
    """
    held = chain.held()
    if not held:
        raise OAuthRefusal("invalid_target", "The consent does not hold anything at this resource.")
    same = target.pk == subject.audience_id
    most = {name: scope for name, scope in held.items() if not same or name in subject.scopes}
    asked = frozenset(request.scopes or ()) - {"offline_access"}
    known = most.keys() | (subject.missing if same else frozenset())
    if not asked <= known:
        raise OAuthRefusal("invalid_scope", f"More was asked for than there is to pass on: {' '.join(sorted(most))}")
    found = {name: scope for name, scope in most.items() if not asked or name in asked}
    if may is not None:
        beyond = {name for name, scope in found.items() if scope.id not in may}
        if asked & beyond or (beyond and beyond == found.keys()):
            at = page_address("agent-scopes", request.client.agent_id)
            raise OAuthRefusal("invalid_scope", f"This agent may not ask for that. Its owner can add it at {at}")
        found = {name: scope for name, scope in found.items() if name not in beyond}
    if not found:
        raise OAuthRefusal("invalid_scope", "Nothing of what was asked for is allowed any more.")
    return found


# --------------------------------------------------------------------------------------------------- the new token


def redeem(request: Request) -> dict[str, Any]:
    """Issue the token under the derived consent, in one transaction. Raises OAuthRefusal."""
    subject: Worth = request.subject
    facts, client = request.facts, request.client
    own = subject.client_pk == client.pk
    target = _target(asked_target(request.form), subject)
    chain = read_chain(subject.consent_id, target.pk, facts.now)
    must_be_allowed(chain, client, own=own)
    may = None if own else _may_hold(chain.root.agent_id, client)
    wanted = _wanted(request, subject, chain, target, may)
    share = None if own else _share(subject, client)
    if share is not None and share.taken:
        wanted = {name: scope for name, scope in wanted.items() if scope.id not in share.taken}
        if not wanted:
            raise OAuthRefusal("invalid_scope", "A person took this away from the agent that asks.")
    latest = _must_meet(chain, facts, subject)
    wanted, details, narrowed = _in_detail(request.form, wanted, subject, target)
    by = Actor.client(client.pk, facts)
    with transaction.atomic():
        _take_uses(chain, facts.now)
        if not own:
            share = _holding(share, subject, chain, client, wanted, by, facts)
        standing = _standing(subject, chain, share, client)
        request.consent_id = standing.pk
        issued = issue(
            client=client,
            standing=standing,
            audience=target,
            scopes={name: scope.data_class for name, scope in wanted.items()},
            grant=GRANT,
            by=by,
            now=facts.now,
            family_id=subject.family_id,
            credential_id=client.credential_id,
            latest_end=latest,
            details=details,
            narrowed=narrowed,
            jkt=request.binding.jkt,
            subject_id=subject.token_id,
        )
        if share is not None and not share.told and any(scope.sensitive for scope in wanted.values()):
            tell_of_first_sensitive_use(share.id, now=facts.now)
    return {**answer(issued), "issued_token_type": ACCESS_TOKEN}


def _share(subject: Worth, client: ProvenClient) -> Share | None:
    """Return what this client holds of the subject's consent so far. Raises OAuthRefusal where that was taken back.

    Taken back from one client of an agent is taken back from all of them.
    """
    rows = rows_of(SHARE_STATEMENT, [subject.consent_id, client.agent_id])
    if any(row[2] is not None for row in rows):
        consent = Consent.objects.get(pk=known_id(rows[0][0]))
        raise OAuthRefusal(
            "access_denied", "A person took back what was passed on to this agent.",
            reason_code="passed_no_more", consent=consent,
        )  # fmt: skip
    mine = [row for row in rows if as_id(row[1]) == client.pk]
    if not mine:
        return None
    taken = {known_id(row[6]) for row in mine if row[6] is not None and row[7] is not None}
    there = {known_id(row[6]) for row in mine if row[6] is not None} - taken
    return Share(known_id(mine[0][0]), mine[0][4], frozenset(there), frozenset(taken), mine[0][5] is not None)


def _holding(
    share: Share | None,
    subject: Worth,
    chain: Chain,
    client: ProvenClient,
    wanted: dict[str, HeldScope],
    by: Actor,
    facts: RequestFacts,
) -> Share:
    """Return the share with all that is wanted in it, made or filled up where it has to be. Raises OAuthRefusal."""
    scopes = frozenset(scope.id for scope in wanted.values())
    if share is not None and scopes <= share.scopes:
        return share
    try:
        consent = take_over(
            subject.consent_id, client_id=client.pk, scopes=scopes, ends_at=chain.ends_at, by=by, now=facts.now
        )
    except ConsentEnded as ended:
        raise invalid_request(NOT_GOOD) from ended
    return Share(consent.pk, consent.purpose_digest, scopes, frozenset(), consent.sensitive_use_told_at is not None)


def _standing(subject: Worth, chain: Chain, share: Share | None, client: ProvenClient) -> Standing:
    """Return under what the result stands: the share, or the subject's own consent for a client's own token."""
    earlier = chain.agents if share is not None else chain.agents[1:]
    return Standing(
        share.id if share is not None else subject.consent_id,
        client.agent_id or subject.agent_id,
        subject.user_id,
        chain.ends_at,
        share.purpose_digest if share is not None else subject.purpose_digest,
        subject.acr,
        subject.auth_time,
        earlier=earlier,
        passing=chain.root.passing,
    )


def _must_meet(chain: Chain, facts: RequestFacts, subject: Worth) -> datetime:
    """Return when the result has to end. The conditions of all that stands above hold. Raises OAuthRefusal."""
    unmet = chain.unmet(facts.now, facts.address)
    if unmet is not None:
        hop, condition = unmet
        consent = Consent.objects.get(pk=hop.consent_id)
        raise _beyond(condition_refused(condition, consent, hop.conditions, facts.now))
    latest = chain.closes_at(facts.now, min(subject.expires, chain.ends_at))
    if (latest - facts.now).total_seconds() < 1:
        raise invalid_request(NOT_GOOD)
    return latest


def _take_uses(chain: Chain, now: datetime) -> None:
    """Count the token under each consent that is limited to a number, in the caller's transaction. Raises OAuthRefusal."""
    for hop in chain.hops:
        if hop.conditions.uses is not None:
            try:
                take_use(Consent.objects.get(pk=hop.consent_id), now=now)
            except OAuthRefusal as refusal:
                raise _beyond(refusal) from None


def _beyond(refusal: OAuthRefusal) -> OAuthRefusal:
    """Return the refusal of a condition as this grant says it: the subject token is good, and the person said no further."""
    refusal.code = "access_denied"
    return refusal


def _in_detail(
    form: QueryDict, wanted: dict[str, HeldScope], subject: Worth, target: Audience
) -> tuple[dict[str, HeldScope], list[dict[str, Any]], bool]:
    """Return the scopes, for what they are passed on (RFC 9396 §6), and whether that is kept with the token."""
    text = str(form.get("authorization_details", ""))
    held = [each for scope in wanted.values() for each in scope.details]
    if held and target.pk == subject.audience_id:
        types = {each["type"] for each in held}
        held = [each for each in subject.details if each["type"] in types]
    if not held and not text:
        return wanted, [], False
    chosen = narrow_to(text, held)
    details = held if chosen is None else chosen
    types = {each["type"] for each in details}
    kept = {
        name: scope
        for name, scope in wanted.items()
        if not scope.details or any(each["type"] in types for each in scope.details)
    }
    if not kept:
        raise OAuthRefusal("invalid_scope", "Nothing of what was asked for is allowed any more.")
    return kept, details, True
