"""A decision on the consent screen, once: consent, code and mail in one transaction. And when no screen is needed."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction

from agents.acr import is_worth_any
from agents.actors import Actor, allowed
from agents.models import Agent
from agents.permissions import May
from agents.programs import personal
from agents.redirects import is_loopback
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from agents.trail.record import heaviest, record
from consent import codes, mandate
from consent.approval import Approval, lock_scopes
from consent.consent_events import names
from consent.errors import ApproverNeeded, DecisionMadeAlready
from consent.mail import tell_of_new_consent
from consent.models import AccessRequest, Consent, Origin, PendingConsent, PushedRequest
from consent.oauth.authorization import AuthorizationRequest
from consent.oauth.authorization_reading import AuthorizationRefused
from consent.offer import Offer
from consent.once import UsedAlready, use_once, was_used
from consent.pending import keep

FORM_LIFE = timedelta(minutes=15)
"""How long a screen may stay open before it is shown again."""
FORM = "consent-form"


@dataclass(frozen=True, slots=True)
class Allowed:
    """What came of a yes: the consent, and the client's code (empty for the organisation). Or what waits for an approver."""

    consent: Consent | None
    code: str = ""
    pending: PendingConsent | None = None

    @property
    def page(self) -> Consent | PendingConsent:
        """What to show to whoever decided."""
        found = self.consent or self.pending
        if found is None:
            raise TypeError("a yes leads to a consent, or to one that waits")
        return found


@transaction.atomic
def allow(
    approval: Approval,
    *,
    form_nonce: str,
    request: AuthorizationRequest | None,
    by: Actor,
    now: datetime,
    answers: AccessRequest | None = None,
) -> Allowed:
    """Make the consent that a person decided for, with its code and its mail. Of many answers to one screen, one counts.

    request: the client's request, or None for the organisation. answers: the question out of band that this answers. Where a
    rule asks for an approver, the decision is kept for one and nothing is allowed yet: then there is neither consent nor code.
    Raises what ``mandate.approve`` raises, and DecisionMadeAlready. Records ``consent.approved`` and ``code.issued``, or
    ``consent.waits_for_approver``.
    """
    _use_form(form_nonce, request, now)
    try:
        consent = mandate.approve(_with_personal_agent(approval, by=by, now=now), by=by, now=now)
    except ApproverNeeded as needed:
        return Allowed(None, pending=keep(approval, needed.role, by=by, now=now, request=answers))
    tell_of_new_consent(consent, now=now)
    if request is None or approval.user is None:
        return Allowed(consent)
    requested = with_what_is_held(request.pairs, consent)
    return Allowed(consent, _code(consent, request, requested, by=by, now=now))


def _with_personal_agent(approval: Approval, *, by: Actor, now: datetime) -> Approval:
    """Make the personal agent that was shown, in the caller's transaction: it begins with what its person allows it."""
    client, agent = approval.client, approval.client.agent
    if agent is not None and agent.is_personal:
        client.agent = personal.take_up(client, agent, scopes=approval.scopes, by=by, now=now)
    return approval


@transaction.atomic
def renew(consent_id: uuid.UUID, approval: Approval, *, form_nonce: str, by: Actor, now: datetime) -> Allowed:
    """Make the consent by which somebody agreed to what is different now. It takes the paused one's place.

    Without a code: its client comes back as it always does, and finds the new one. Raises what ``allow`` raises, and
    ConsentEnded for one that was ended meanwhile: agreeing never brings back what somebody revoked.
    """
    Agent.objects.locked(approval.client.agent_id)  # first the agent, then permissions, then consents: as everywhere
    lock_scopes(approval.scopes)
    Consent.objects.locked(consent_id).must_be_live(now)
    return allow(approval, form_nonce=form_nonce, request=None, by=by, now=now)


@transaction.atomic
def refuse(
    offer: Offer, *, form_nonce: str, by: Actor, now: datetime, request: AuthorizationRequest | None = None
) -> None:
    """Write down that a person refused what an agent asked for. Raises DecisionMadeAlready. Records ``consent.refused``."""
    _use_form(form_nonce, request, now)
    scopes = [line.scope for line in offer.lines]
    record(
        Kind.CONSENT_REFUSED,
        by=by,
        now=now,
        outcome=Outcome.REFUSED,
        reason_code="access_denied",
        agent_id=offer.agent.known_id,
        client_id=offer.client.pk,
        user_id=offer.person.pk if offer.person else None,
        purpose=offer.purpose,
        scopes=names(scopes),
        data_class=heaviest(scope.data_class for scope in scopes),
        redirect_host=offer.redirect_host,
    )


def must_be_undecided(form_nonce: str, request: AuthorizationRequest | None = None) -> None:
    """Raise DecisionMadeAlready for what was answered before, so that a double click or a second tab is told what it was."""
    pushed = request.pushed if request else None
    decided = pushed and PushedRequest.objects.exclude(decided_at=None).filter(pk=pushed).exists()
    if decided or was_used(FORM, form_nonce):
        raise DecisionMadeAlready


def _use_form(nonce: str, request: AuthorizationRequest | None, now: datetime) -> None:
    """Use up the form, and the pushed request that it was for: two tabs have two forms, and one request."""
    try:
        use_once(FORM, nonce, now=now, life=FORM_LIFE)
    except UsedAlready as used:
        raise DecisionMadeAlready from used
    if request is not None and request.pushed and not PushedRequest.objects.use_up(request.pushed, now=now):
        raise DecisionMadeAlready


def with_what_is_held(asked: Iterable[Sequence[str]], consent: Consent) -> list[tuple[str, str]]:
    """Return the pairs (resource id, scope name) for which tokens may be had after a person decided on a screen.

    What was asked for, and what the new consent holds: it took the place of one that held more than was asked for this
    time, and the tokens of that one count no more. The person saw all of it, and ``scope`` tells the client.
    """
    held = consent.consent_scopes.values_list("scope__resource_id", "scope__name")
    return sorted({*((str(at), name) for at, name in asked), *((str(at), name) for at, name in held)})


def _code(
    consent: Consent, request: AuthorizationRequest, requested: list[tuple[str, str]], *, by: Actor, now: datetime
) -> str:
    if consent.user is None:
        raise TypeError("a code is for a person")
    return codes.issue(
        consent,
        client=request.client,
        user=consent.user,
        redirect_uri=request.redirect_uri,
        code_challenge=request.code_challenge,
        requested=requested,
        nonce=request.nonce,
        dpop_jkt=request.dpop_jkt,
        by=by,
        now=now,
    )


def code_without_screen(offer: Offer, request: AuthorizationRequest, *, by: Actor, now: datetime) -> str | None:
    """Return a code under the consent that stands already, or None when the person must see the screen.

    Records ``code.issued``.
    """
    if not needs_no_screen(offer, request, by=by, now=now) or offer.held is None:
        return None
    with transaction.atomic():
        # The pushed request first, then the consent: a decision on the screen takes them in this order.
        if request.pushed and not PushedRequest.objects.use_up(request.pushed, now=now):
            raise AuthorizationRefused("invalid_request_uri", "The request_uri is used.", client=request.client)
        # Asked again under the row's lock: revoking takes the same lock, so that no code follows a revocation.
        consent = Consent.objects.locked(offer.held.pk)
        if not Consent.objects.effective(now).filter(pk=consent.pk).exists():
            transaction.set_rollback(True)  # the screen is shown, and the pushed request is not used up by that
            return None
        return _code(consent, request, request.pairs, by=by, now=now)


def needs_no_screen(offer: Offer, request: AuthorizationRequest, *, by: Actor, now: datetime) -> bool:
    """Whether this person need not be asked again (decisions.md, Consents).

    Same purpose, a rule that lets it be remembered, nothing new, reworded or weightier, unchanged facts, a consent that
    may be remembered, and a client that cannot be anybody: one that authenticates, or returns by https to a host that
    the organisation registered.
    """
    held = offer.held
    if (
        held is None
        or held.origin == Origin.ISSUER
        or not held.is_live(now)
        or held.once
        or not _counts_now(held, offer.agent, now)
    ):
        return False
    if not _proved_enough(held, request, now) or (request.openid and not held.tells_who):
        return False
    if request.details:
        return False  # what is asked for in detail is looked at each time
    if request.prompt & {"login", "consent", "select_account"} or not allowed(by, May.APPROVE_CONSENT, offer.agent):
        return False
    if not _is_known_place(offer) or not offer.rule_of(row.scope for row in offer.asking.scopes).remember_allowed:
        return False
    words = {row.scope_id: row.wording.meaning for row in held.held(now)}
    if any(words.get(line.scope.pk) != line.wording.meaning for line in offer.lines):
        return False
    before, facts = held.shown, offer.facts()
    return all(before.get(name) == value for name, value in facts.items()) and _weighs_the_same(offer, before)


def _counts_now(held: Consent, agent: Agent, now: datetime) -> bool:
    """Whether its conditions let it count at this moment. If not, the screen is where its person can allow more."""
    unmet = held.limits.unmet(now, held.time_zone, environment=agent.environment, address=None)
    return unmet is None and held.uses_left != 0


def _proved_enough(held: Consent, request: AuthorizationRequest, now: datetime) -> bool:
    """Whether tokens under it would say of the person's sign-in what the client asks for (RFC 9470 §4, §6)."""
    if not is_worth_any(held.acr, request.acr_values):
        return False
    if request.max_age is None:
        return True
    return held.auth_time is not None and now - held.auth_time <= request.max_age


def _weighs_the_same(offer: Offer, before: dict[str, Any]) -> bool:
    """Whether each permission lets the agent do no other than what this person agreed to under the same words.

    What an older version kept without one of these facts counts as changed.
    """
    agreed = {
        scope["id"]: (resource["uri"], resource.get("counts_after"), scope)
        for resource in before.get("resources", [])
        for scope in resource["scopes"]
    }
    for section in offer.sections:
        for line in section.lines:
            # Seconds, not the sentence: the same promise in another language is the same.
            uri, delay, scope = agreed.get(line.key, ("", None, {}))
            if (uri, delay) != (section.resource.uri, section.resource.effect_delay.total_seconds()):
                return False
            if any(scope.get(name) != value for name, value in line.weight().items()):
                return False
    return True


def _is_known_place(offer: Offer) -> bool:
    uri = offer.asking.redirect_uri
    # Any program on the machine can name a public client and listen on a loopback port.
    if is_loopback(uri) or urlsplit(uri).scheme != "https":
        return False
    # A public client that returns to the host its own document was read from cannot be anybody else either.
    at_its_document = bool(offer.document_host) and urlsplit(uri).netloc == offer.document_host
    return not offer.client.is_public or offer.is_verified or at_its_document
