"""Limit passing on: fewer agents to which work may go, less far, or none. Never more: that is a new screen."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction

from agents.actors import Actor, require
from agents.permissions import May
from agents.trail.kinds import Kind
from consent.consent_events import live_tokens, record_change
from consent.errors import NotTighter
from consent.models import Consent
from consent.passing_on.derived import end_what_went_too_far
from consent.passing_on.passing import Passing


@transaction.atomic
def limit_passing(consent_id: uuid.UUID, *, to: Passing, reason: str, by: Actor, now: datetime) -> Consent:
    """Let an agent pass work on to fewer agents, or less far. What stands below counts for nothing from its next use on.

    Raises Consent.DoesNotExist, Forbidden, ConsentEnded, ConsentNotBegun, NotTighter. Records ``consent.passing_limited``,
    and ``consent.revoked`` for each agent that had taken work over and may no more.
    """
    consent = Consent.objects.locked(consent_id)
    require(by, May.NARROW_CONSENT, consent)
    consent.must_be_live(now)
    consent.must_have_begun(now)
    before = consent.passes
    if not to.is_narrower(before):
        raise NotTighter(consent.pk)
    tokens = live_tokens(consent, now)
    consent.passing = to.as_kept()
    consent.save(update_fields=["passing"])
    end_what_went_too_far(consent, reason=reason, by=by, now=now)
    record_change(
        Kind.PASSING_LIMITED,
        consent,
        by=by,
        now=now,
        reason=reason,
        before=before.as_kept(),
        after=to.as_kept(),
        live_tokens=tokens,
    )
    return consent
