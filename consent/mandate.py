"""Approve, narrow, shorten, revoke and confirm: what people change about a consent. The clock: ``lapsed.py``; drift: ``drift.py``.

There is no *extend*: more or longer is a new screen (decisions.md, Consents). Nothing here hunts tokens down: what a
token is worth is asked when it is used (``consent/oauth/worth.py``), so a change counts on tokens already out.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from agents.actors import Actor, require
from agents.errors import Forbidden, NotReady
from agents.ids import uuid7
from agents.models import Agent, Client, Scope, User
from agents.permissions import May
from agents.programs.personal import acting_for
from agents.rules import Rules
from agents.trail.kinds import Kind
from agents.trail.record import heaviest, text_digest
from consent.approval import (
    Approval,
    check_client,
    check_conditions,
    check_end,
    check_passing,
    check_purpose,
    check_scopes,
    require_approver,
)
from consent.client_metadata import digest_of_json, metadata_of
from consent.consent_events import live_tokens, names, passing_told, record_change, shown_digest
from consent.errors import ApproverNeeded, ConsentEnded, NothingToConfirm, NotNarrower, NotShorter
from consent.models import Consent, ConsentScope, Origin
from consent.models.consent import fold_purpose, purpose_key
from consent.pending import withdraw_all
from consent.proof import must_have_proved
from consent.telling_who import OPENID


@dataclass(frozen=True, slots=True)
class Agreed:
    """Who agreed besides the person, and when the person had decided: that is when their sign-in had to be fresh."""

    by: User
    decided_at: datetime


@transaction.atomic
def approve(approval: Approval, *, by: Actor, now: datetime, agreed: Agreed | None = None) -> Consent:
    """Make the consent that a human just gave. It supersedes the one of the same client, person and purpose.

    It holds exactly what was ticked, never a union with what was held before. For the organisation an administrator
    approves, and for sensitive scopes one who is neither owner nor deputy of the agent.

    Raises Forbidden, NotReady (agent or client not usable), InvalidInput (purpose, end, conditions), DecisionRefused (scopes),
    ApproverNeeded (a rule asks for somebody who has not agreed; nothing was changed),
    SignInNeeded (a rule or the client asks for a fresher or stronger sign-in), OfferChanged (a scope was changed meanwhile).
    Records ``consent.approved`` and, for each one superseded, ``consent.superseded``.
    """
    if by.user is None:
        raise Forbidden(May.APPROVE_CONSENT)
    agent = Agent.objects.locked(approval.client.agent_id)
    client = acting_for(Client.objects.get(pk=approval.client.pk), agent)
    require_approver(approval, agent, by)
    if not client.is_live(now):
        raise NotReady(
            _("%(agent)s cannot be allowed anything now: it is %(state)s or has lost its owner.")
            % {"agent": agent.name, "state": agent.get_state_display()}
        )
    purpose = fold_purpose(approval.purpose)
    check_purpose(purpose)
    check_scopes(approval, agent)
    check_client(approval, agent, client)
    check_passing(approval, agent)
    # Read after the permissions were locked: a rule is changed under the same locks.
    rules = Rules.current()
    check_end(approval, agent, now, rules)
    zone_name = approval.time_zone or by.user.time_zone
    check_conditions(approval.conditions, agent, zone_name=zone_name)
    signed_in = approval.signed_in
    rule = rules.over(approval.scopes)
    decided_at = agreed.decided_at if agreed else now
    must_have_proved(rule, approval.acr_values, acr=signed_in.acr, at=signed_in.at, now=decided_at)
    if rule.approver_role and not (agreed and agreed.by.may_agree(rule.approver_role)):
        raise ApproverNeeded(rule.approver_role)
    uses = 1 if approval.once else approval.conditions.uses

    key = purpose_key(purpose)
    replaced = list(
        Consent.objects.given()
        .standing()
        .filter(client=client, user=approval.user, purpose_key=key)
        .select_for_update()
    )
    consent_id = uuid7()
    for old in replaced:
        old.superseded_at = now
        old.save(update_fields=["superseded_at"])
    consent = Consent.objects.create(
        id=consent_id,
        agent=agent,
        client=client,
        user=approval.user,
        origin=approval.origin if approval.user else Origin.ORGANISATION,
        approved_by=by.user,
        purpose=purpose,
        purpose_key=key,
        purpose_digest=text_digest("purpose", purpose, consent_id),
        once=approval.once,
        conditions=approval.conditions.as_kept(),
        uses_allowed=uses,
        passing=approval.passing.as_kept(),
        shown=approval.shown,
        client_metadata=(metadata := metadata_of(client)),
        tells_who=approval.tells_who,
        redirect_host=approval.redirect_host[:255],
        sign_in_methods=list(signed_in.methods),
        acr=signed_in.acr,
        auth_time=signed_in.at,
        agreed_by=agreed.by if agreed else None,
        agreed_at=now if agreed else None,
        time_zone=zone_name,
        starts_at=now,
        ends_at=approval.ends_at,
    )
    ConsentScope.objects.bulk_create(
        ConsentScope(
            consent=consent,
            scope=scope,
            wording=wording,
            required=scope in approval.required,
            details=[detail.kept() for detail in approval.details.get(scope, ())],
            started_at=now,
        )
        for scope, wording in approval.scopes.items()
    )
    for old in replaced:
        old.superseded_by = consent
        old.save(update_fields=["superseded_by"])
        record_change(Kind.CONSENT_SUPERSEDED, old, by=by, now=now, successor=consent.pk)
    record_change(
        Kind.CONSENT_APPROVED,
        consent,
        by=by,
        now=now,
        purpose=purpose,
        scopes=names(approval.scopes),
        data_class=heaviest(scope.data_class for scope in approval.scopes),
        ends_at=consent.ends_at,
        origin=consent.origin,
        methods=consent.sign_in_methods,
        superseded=[old.pk for old in replaced],
        once=consent.once,
        limits=consent.limits.names(),
        **({"tells_who": True} if consent.tells_who else {}),
        redirect_host=consent.redirect_host,
        client_digest=digest_of_json(metadata),
        shown_digest=shown_digest(consent),
        **passing_told(consent),
    )
    return consent


@transaction.atomic
def narrow(
    consent_id: uuid.UUID, *, keep: frozenset[Scope], reason: str, by: Actor, now: datetime, keep_who: bool = True
) -> Consent:
    """Take scopes away from a live consent. Tokens already issued shrink with it at their next use.

    keep: the scopes that stay, a proper and non-empty subset of those the consent holds now. keep_who: whether it goes on
    being told who the person is, if it was; if not, all scopes may stay.
    Raises Consent.DoesNotExist, Forbidden, ConsentEnded, ConsentNotBegun, NotNarrower. Records ``consent.narrowed``.
    """
    consent = Consent.objects.locked(consent_id)
    require(by, May.NARROW_CONSENT, consent)
    consent.must_be_live(now)
    consent.must_have_begun(now)
    held = list(ConsentScope.objects.held(now).filter(consent=consent).select_related("scope__resource"))
    before = {row.scope for row in held}
    stops_telling = consent.tells_who and not keep_who
    if not keep or not keep <= before or (keep == before and not stops_telling):
        raise NotNarrower(consent.pk)
    ConsentScope.objects.filter(pk__in=[row.pk for row in held if row.scope not in keep]).update(ended_at=now)
    taken = before - keep
    told_before, told_after = (
        [OPENID] if tells else [] for tells in (consent.tells_who, consent.tells_who and keep_who)
    )
    consent.stop_event = record_change(
        Kind.CONSENT_NARROWED,
        consent,
        by=by,
        now=now,
        reason=reason,
        scopes=[*([OPENID] if stops_telling else []), *names(taken)],
        data_class=heaviest(scope.data_class for scope in taken),
        before=[*told_before, *names(before)],
        after=[*told_after, *names(keep)],
        live_tokens=live_tokens(consent, now),
    )
    consent.tells_who = consent.tells_who and keep_who
    consent.save(update_fields=["stop_event", "tells_who"])
    return consent


@transaction.atomic
def shorten(consent_id: uuid.UUID, *, ends_at: datetime, reason: str, by: Actor, now: datetime) -> Consent:
    """Let a live consent end earlier. Refresh tokens and codes end with it at their next use.

    Raises Consent.DoesNotExist, Forbidden, ConsentEnded, ConsentNotBegun, NotShorter. Records ``consent.shortened``.
    """
    consent = Consent.objects.locked(consent_id)
    require(by, May.SHORTEN_CONSENT, consent)
    consent.must_be_live(now)
    consent.must_have_begun(now)
    if not now < ends_at < consent.ends_at:
        raise NotShorter(consent.pk)
    before, consent.ends_at = consent.ends_at, ends_at
    consent.save(update_fields=["ends_at"])
    record_change(Kind.CONSENT_SHORTENED, consent, by=by, now=now, reason=reason, before=before, after=ends_at)
    return consent


@transaction.atomic
def revoke(consent_id: uuid.UUID, *, reason: str, by: Actor, now: datetime) -> Consent:
    """End a consent for good. Every token under it is worth nothing from its next use on.

    Raises Consent.DoesNotExist, Forbidden, ConsentEnded (also when it was revoked before).
    Records ``consent.revoked`` with the number of access tokens that were out.
    """
    consent = Consent.objects.locked(consent_id)
    require(by, May.REVOKE_CONSENT, consent)
    consent.must_be_live(now)
    consent.revoked_at, consent.revoked_by = now, by.user
    tokens = live_tokens(consent, now)
    consent.stop_event = record_change(Kind.CONSENT_REVOKED, consent, by=by, now=now, reason=reason, live_tokens=tokens)
    consent.save(update_fields=["revoked_at", "revoked_by", "stop_event"])
    return consent


@transaction.atomic
def revoke_all(person: User, *, reason: str, by: Actor, now: datetime) -> list[Consent]:
    """Revoke every consent by which agents act for this person, and take back what waits. Returns those that it ended.

    Nobody does so for somebody else. Raises Forbidden. Records ``consent.revoked`` for each, and
    ``consent.approval_over`` for what waited.
    """
    if by.user is None or by.user.pk != person.pk:
        raise Forbidden(May.REVOKE_CONSENT)
    # What waits for an approver first: whoever agrees to it takes the two in this order, and what an approver makes a
    # consent of at this moment is ended with the others.
    withdraw_all(person, by=by, now=now)
    # Locked at once and in one order: what somebody else ends meanwhile is passed over, not a reason to stop nothing.
    standing = Consent.objects.given_by(person).given().standing().filter(ends_at__gt=now).order_by("pk")
    ids = list(standing.select_for_update().values_list("pk", flat=True))
    revoked: list[Consent] = []
    for consent_id in ids:
        # Somebody may have ended one meanwhile: it must not keep the others alive.
        with suppress(ConsentEnded), transaction.atomic():
            revoked.append(revoke(consent_id, reason=reason, by=by, now=now))
    return revoked


@transaction.atomic
def confirm(consent_id: uuid.UUID, *, reason: str, by: Actor, now: datetime) -> Consent:
    """Let an administrator answer for a consent of the organisation in place of one who left. It counts again if it paused.

    For sensitive scopes it is one who is neither owner nor deputy of the agent. Nothing else of it changes.
    Raises Consent.DoesNotExist, Forbidden, ConsentEnded, NothingToConfirm. Records ``consent.confirmed``.
    """
    consent = Consent.objects.locked(consent_id)
    require(by, May.CONFIRM_CONSENT, consent)
    if by.user is None:
        raise Forbidden(May.CONFIRM_CONSENT, consent)  # a person answers for it, never Mandate itself
    consent.must_be_live(now)
    if consent.waits_to_be_looked_at:
        # Confirming says who answers for it. That somebody has read what is different now is said by agreeing to it.
        changed = _("What was agreed to is different now. Look at the change: whoever agrees to it answers for it.")
        raise NothingToConfirm(consent.pk, sentence=changed)
    if not consent.waits_for_an_answer:
        raise NothingToConfirm(consent.pk)
    before = consent.answerable.pk
    consent.confirmed_by, consent.confirmed_at, consent.paused_at = by.user, now, None
    consent.save(update_fields=["confirmed_by", "confirmed_at", "paused_at"])
    record_change(Kind.CONSENT_CONFIRMED, consent, by=by, now=now, reason=reason, before=before, after=by.user.pk)
    return consent
