"""Limit: make a live consent count less often, from fewer places or fewer times. Never more: that is a new screen.

Beside ``consent/mandate.py``, which holds the verbs that end or take away.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from agents.actors import Actor, require
from agents.errors import NotReady
from agents.permissions import May
from agents.trail.kinds import Kind
from agents.trail.record import text_digest
from consent.approval import check_conditions
from consent.client_metadata import canonical
from consent.conditions import Conditions
from consent.consent_events import live_tokens, record_change
from consent.errors import NotTighter
from consent.models import Consent


@transaction.atomic
def limit(consent_id: uuid.UUID, *, conditions: Conditions, reason: str, by: Actor, now: datetime) -> Consent:
    """Put tighter conditions in the place of those of a live consent. They count from the next use on.

    conditions: all of them, in the consent's own time zone; uses: how many more tokens. On tokens already out, times of
    day and environment count at once where the resource asks; networks and uses count when a token is issued.
    Raises Consent.DoesNotExist, Forbidden, ConsentEnded, ConsentNotBegun, NotReady (work that was passed on), NotTighter,
    InvalidInput, OfferChanged.
    Records ``consent.limited``, with the digest of what holds from now on; networks are addresses and stay out of it.
    """
    consent = Consent.objects.locked(consent_id)
    require(by, May.NARROW_CONSENT, consent)
    consent.must_be_live(now)
    consent.must_have_begun(now)
    if consent.parent_id is not None:
        raise NotReady(_("Limit the consent that this was passed on from: its limits hold for all below it."))
    before = consent.limits
    after = conditions.with_uses(_uses_in_all(consent, conditions.uses))
    check_conditions(conditions, consent.agent, zone_name=consent.time_zone)
    if not after.is_narrower(before):
        raise NotTighter(consent.pk)
    consent.conditions, consent.uses_allowed = after.as_kept(), after.uses
    consent.save(update_fields=["conditions", "uses_allowed"])
    record_change(
        Kind.CONSENT_LIMITED,
        consent,
        by=by,
        now=now,
        reason=reason,
        before=before.names(),
        after=after.names(),
        limits_digest=limits_digest(consent),
        live_tokens=live_tokens(consent, now),
    )
    return consent


def _uses_in_all(consent: Consent, more: int | None) -> int | None:
    """Return the uses from the beginning, counted under the lock: what was used meanwhile is not given a second time."""
    if more is None:
        return None
    allowed = consent.uses_taken + more
    return allowed if consent.uses_allowed is None else min(allowed, consent.uses_allowed)


def limits_digest(consent: Consent) -> str:
    """Return the keyed digest by which the trail vouches for the conditions of a consent."""
    return text_digest("limits", canonical(consent.limits.as_told()).decode(), consent.pk)
