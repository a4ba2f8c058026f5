"""Token exchange (RFC 8693): an agent takes work over from another one, for the same person and with at most as much.

§2.1 subject_token, actor_token, types     read_subject, _check_actor       §2.1 resource, audience     exchange_ceiling.py
§2.1 scope: never more than the subject    exchange_ceiling.py              §2.2 issued_token_type      redeem
§4.1 act, earlier actors inside            chain.py                         §4.4 may_act                chain.py
Who may (decisions.md, Delegation): the client that the subject token was issued to, and the agents that the person named
when they allowed the work to be passed on. A program behind a resource, which got the token there, is such an agent too.

The result stands under a consent derived from that of the subject token (``consent/passing_on/derived.py``), or under the very same
one where a client narrows a token of its own. It ends no later than the subject token, belongs to the same family, and
there is no refresh token. A subject token bound to a key (RFC 9449) is exchanged for a bound one only: its own client
proves the same key, another one its own.
Left out: impersonation (§1.1), tokens of other issuers, and every type but access tokens.
Errors: invalid_request (also for a subject token that is not good here, §2.2.2), invalid_target, invalid_scope, access_denied.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from oauthlib.common import Request

from agents.actors import Actor, RequestFacts
from consent.mail import tell_of_first_sensitive_use
from consent.models import Consent
from consent.oauth.access_token import Standing, issue
from consent.oauth.audience import answer
from consent.oauth.chain import Chain, read_chain
from consent.oauth.client_authentication import ProvenClient
from consent.oauth.conditions import refused as condition_refused
from consent.oauth.conditions import take_use
from consent.oauth.errors import OAuthRefusal, invalid_request
from consent.oauth.exchange_ceiling import (
    asked_target,
    had_elsewhere,
    in_detail,
    may_hold,
    must_be_allowed,
    scopes_of,
    target_of,
)
from consent.oauth.exchange_share import NOT_GOOD, Share, holding, share_of
from consent.oauth.parameters import Form
from consent.oauth.purpose import require_same_purpose
from consent.oauth.worth import Worth, worth_of
from consent.observed import RefusedUse

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the name of a type
JWT = "urn:ietf:params:oauth:token-type:jwt"
TYPES = frozenset({ACCESS_TOKEN, JWT})
GRANT = "token_exchange"
"""The grant's name in events."""


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


def _check_types(form: Form) -> None:
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


def _check_actor(form: Form, client: ProvenClient, now: datetime) -> None:
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


# --------------------------------------------------------------------------------------------------- the new token


def redeem(request: Request) -> dict[str, Any]:
    """Issue the token under the derived consent, in one transaction. Raises OAuthRefusal."""
    subject: Worth = request.subject
    facts, client = request.facts, request.client
    own = subject.client_pk == client.pk
    target = target_of(asked_target(request.form), subject)
    chain = read_chain(subject.consent_id, target.pk, facts.now)
    must_be_allowed(chain, client, own=own)
    may = None if own else may_hold(chain.root.agent_id, client)
    wanted = scopes_of(request, subject, chain, target, may)
    share, taken = (None, frozenset()) if own else share_of(subject, chain, client, facts.now)
    wanted = {name: scope for name, scope in wanted.items() if scope.id not in taken}
    if not wanted:
        raise OAuthRefusal("invalid_scope", "A person took this away from the agent that asks.")
    latest = _must_meet(chain, facts, subject)
    wanted, details, narrowed = in_detail(request.form, wanted, subject, target)
    by = Actor.client(client.pk, facts)
    with transaction.atomic():
        _take_uses(chain, facts.now)
        if not own:
            share = holding(share, subject, chain, client, wanted, by, facts)
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
            elsewhere=had_elsewhere(target, subject),
        )
        if share is not None and not share.told and any(scope.sensitive for scope in wanted.values()):
            tell_of_first_sensitive_use(share.id, now=facts.now)
    return {**answer(issued), "issued_token_type": ACCESS_TOKEN}


def _standing(subject: Worth, chain: Chain, share: Share | None, client: ProvenClient) -> Standing:
    """Return under what the result stands: the share, or the subject's own consent for a client's own token."""
    earlier = chain.agents if share is not None else chain.agents[1:]
    return Standing(
        share.id if share is not None else subject.consent_id,
        client.agent_id or subject.agent_id,
        subject.user_id,
        min(chain.ends_at, share.ends_at) if share is not None else chain.ends_at,
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
