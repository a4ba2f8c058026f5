"""A person's answer to an access request: allowed, refused or reported, once. Of many answers, over many forms, one counts.

The decision itself is the one of the consent screen (``consent/decision.py``).
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from agents.actors import Actor
from consent import decision, reports
from consent.approval import Approval
from consent.asked import as_shown
from consent.errors import DecisionRefused, RequestClosed
from consent.models import AccessRequest, Consent, Origin, PendingConsent, RequestDecision
from consent.offer import Offer
from consent.requests import answer


@transaction.atomic
def allow(
    request_id: uuid.UUID, approval: Approval, *, form_nonce: str, by: Actor, now: datetime
) -> Consent | PendingConsent:
    """Make the consent that the person decided for. Of many answers, over many forms, one counts.

    Where an approver must agree the question stays open, and the agent waits, until they have (``consent/approvers.py``).
    Raises RequestClosed, and what ``decision.allow`` raises. Records ``consent.approved``.
    """
    request = locked_for_answer(request_id, by=by, now=now)
    if request.is_device and any(scope.is_sensitive for scope in approval.scopes):
        raise DecisionRefused(_("Sensitive data is never allowed by a device code."))
    approval = replace(approval, origin=Origin.REQUEST, shown={**approval.shown, "asked": as_shown(request)})
    done = decision.allow(approval, form_nonce=form_nonce, request=None, by=by, now=now, answers=request)
    consent = done.consent
    if consent is None:
        return done.page
    request.consent = consent
    request.requested = [list(pair) for pair in decision.with_what_is_held(request.requested, consent)]
    answer(request, RequestDecision.ALLOWED, now=now)
    return consent


@transaction.atomic
def refuse(request_id: uuid.UUID, offer: Offer, *, form_nonce: str, by: Actor, now: datetime) -> None:
    """Write down the person's no. It is final. Raises RequestClosed, DecisionMadeAlready. Records ``consent.refused``."""
    request = locked_for_answer(request_id, by=by, now=now)
    decision.refuse(offer, form_nonce=form_nonce, by=by, now=now)
    answer(request, RequestDecision.REFUSED, now=now)


@transaction.atomic
def report(request_id: uuid.UUID, offer: Offer, *, form_nonce: str, why: str, by: Actor, now: datetime) -> None:
    """Refuse the question, and tell the administrators that it looks wrong. Raises RequestClosed, and as ``reports.report``."""
    request = locked_for_answer(request_id, by=by, now=now)
    reports.report(offer, form_nonce=form_nonce, request=None, why=why, by=by, now=now)
    answer(request, RequestDecision.REFUSED, now=now)


def locked_for_answer(request_id: uuid.UUID, *, by: Actor, now: datetime) -> AccessRequest:
    """Return the person's own request under a row lock, while it can be answered. Raises RequestClosed."""
    request = AccessRequest.objects.select_for_update(of=("self",)).select_related("agent", "client").get(pk=request_id)
    if by.user is None or request.user_id != by.user.pk or not request.is_waiting(now):
        raise RequestClosed
    if PendingConsent.objects.open().filter(request=request).exists():
        raise RequestClosed  # answered; an approver has not agreed yet
    return request
