"""An approver agrees to what somebody allowed, or refuses it: once, whoever is first.

Until then there is no consent (``consent/models/pending.py``). Who may is asked under the agent's lock, with the approver's
own row read anew: somebody who lost the role, or took over the agent a moment ago, does not decide.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from agents.actors import Actor, require
from agents.errors import Forbidden
from agents.models import User
from agents.permissions import May
from agents.texts import reason_of
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from consent import decision, mandate
from consent.errors import DecisionRefused
from consent.mail import tell_of_new_consent, tell_what_approver_said
from consent.mandate import Agreed
from consent.models import Consent, PendingConsent, RequestDecision
from consent.models.pending import Said
from consent.pending import ApprovalClosed, approval_of, open_question, write
from consent.requests import answer


@transaction.atomic
def agree(pending_id: uuid.UUID, *, by: Actor, now: datetime) -> Consent:
    """Make the consent that a person decided for and this approver agrees to.

    Raises Forbidden, ApprovalClosed, and what ``mandate.approve`` raises: OfferChanged where something of it is different
    now, DecisionRefused where whoever decided may no longer, or the agent was revoked what it had for this purpose since.
    Records ``consent.approver_agreed`` and ``consent.approved``.
    """
    waiting, approver = _locked(pending_id, by=by, now=now)
    write(Kind.APPROVER_AGREED, waiting, by=by, now=now, purpose=waiting.purpose)
    decided_by = User.objects.get(pk=waiting.decided_by_id)
    try:
        consent = mandate.approve(
            approval_of(waiting), by=Actor.person(decided_by), now=now, agreed=Agreed(approver, waiting.created_at)
        )
    except Forbidden as problem:
        raise DecisionRefused(
            _("%(person)s, who allowed this, may no longer do so.") % {"person": decided_by.display_name}
        ) from problem
    _must_bring_nothing_back(waiting)
    _close(waiting, Said.AGREED, approver, consent, now)
    asked = open_question(waiting, now)
    if asked is not None:
        asked.consent = consent
        asked.requested = [list(pair) for pair in decision.with_what_is_held(asked.requested, consent)]
        answer(asked, RequestDecision.ALLOWED, now=now)
    tell_of_new_consent(consent, now=now)
    tell_what_approver_said(waiting, now=now)
    return consent


@transaction.atomic
def refuse(pending_id: uuid.UUID, *, reason: str, by: Actor, now: datetime) -> PendingConsent:
    """Refuse what somebody allowed. It is final; they can decide anew. Raises Forbidden, ApprovalClosed, InvalidInput.

    Records ``consent.approver_refused`` with the reason.
    """
    waiting, approver = _locked(pending_id, by=by, now=now)
    reason = reason_of(reason)
    write(
        Kind.APPROVER_REFUSED,
        waiting,
        by=by,
        now=now,
        outcome=Outcome.REFUSED,
        reason_code="approver_refused",
        reason=reason,
        purpose=waiting.purpose,
    )
    _close(waiting, Said.REFUSED, approver, None, now)
    asked = open_question(waiting, now)
    if asked is not None:
        answer(asked, RequestDecision.REFUSED, now=now)
    tell_what_approver_said(waiting, now=now, reason=reason)
    return waiting


def _locked(pending_id: uuid.UUID, *, by: Actor, now: datetime) -> tuple[PendingConsent, User]:
    waiting = PendingConsent.objects.locked(pending_id)
    if by.user is None:
        raise Forbidden(May.AGREE_AS_APPROVER, waiting)
    # Read under the lock: the one of the request may have lost the role since.
    approver = User.objects.select_for_update(no_key=True).get(pk=by.user.pk)
    if not waiting.may_be_agreed_to_by(approver):
        raise Forbidden(May.AGREE_AS_APPROVER, waiting)
    require(by, May.AGREE_AS_APPROVER, waiting)
    if not waiting.is_waiting(now):
        raise ApprovalClosed
    return waiting, approver


def _must_bring_nothing_back(waiting: PendingConsent) -> None:
    """See that nobody revoked, since the decision, what the new consent takes the place of. Raises DecisionRefused.

    Asked once the consent is made: whoever revokes at this moment has come before it, or finds what they revoke replaced.
    """
    same = Consent.objects.given().filter(
        client=waiting.client_id, user=waiting.user_id, purpose_key=waiting.purpose_key
    )
    if same.filter(revoked_at__gt=waiting.created_at).exists():
        raise DecisionRefused(
            _("Somebody has revoked what the agent had for this purpose since then. Whoever allowed this decides anew.")
        )


def _close(waiting: PendingConsent, said: Said, approver: User, consent: Consent | None, now: datetime) -> None:
    waiting.said, waiting.closed_at, waiting.closed_by, waiting.consent = said, now, approver, consent
    waiting.save(update_fields=["said", "closed_at", "closed_by", "consent"])
