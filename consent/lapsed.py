"""Write down which consents have ended or paused by the clock. Use refused them before: nothing here takes access away."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from agents.actors import Actor
from agents.trail.kinds import Kind
from consent.consent_events import record_change
from consent.models import Consent


def end_expired(*, now: datetime, batch: int = 500) -> int:
    """Write down which consents are past their end, in small transactions. Use refused them before.

    Safe twice at once and killed half-way: whoever marks the row writes its event. Returns how many were written down.
    """
    written = 0
    while True:
        due = list(
            Consent.objects.standing()
            .filter(ended_recorded_at=None, ends_at__lte=now)
            .order_by("ends_at")
            .values_list("pk", flat=True)[:batch]
        )
        for consent_id in due:
            with transaction.atomic():
                still = Consent.objects.standing().filter(pk=consent_id, ended_recorded_at=None)
                marked = still.update(ended_recorded_at=now)
                if marked:
                    consent = Consent.objects.select_related("agent", "client").get(pk=consent_id)
                    record_change(Kind.CONSENT_ENDED, consent, by=Actor.system(), now=now, ended_at=consent.ends_at)
                    written += 1
        if len(due) < batch:
            return written


def pause_unanswered(*, now: datetime, batch: int = 500) -> int:
    """Write down which consents of the organisation have paused, in small transactions. Use refused them before.

    Safe twice at once and killed half-way, as ``end_expired``. Returns how many. Records ``consent.paused`` for each.
    """
    due = Consent.objects.due_to_pause(now)
    written = 0
    while ids := list(due.order_by("ends_at", "pk").values_list("pk", flat=True)[:batch]):
        for consent_id in ids:
            with transaction.atomic():
                # Asked again under the lock: somebody may have confirmed it, another worker may have been here.
                consent = due.select_for_update(of=("self",)).filter(pk=consent_id).first()
                since = consent.pauses_at if consent else None
                if consent is not None and since is not None:
                    consent.paused_at = since
                    consent.save(update_fields=["paused_at"])
                    record_change(Kind.CONSENT_PAUSED, consent, by=Actor.system(), now=now, since=since)
                    written += 1
        if len(ids) < batch:
            break
    return written
