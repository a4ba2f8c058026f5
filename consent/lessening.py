"""Lessen: what a live consent holds in detail becomes less, such as a lower amount or fewer accounts. Never more.

Beside ``consent/mandate.py``, which takes whole scopes away.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from agents.actors import Actor, require
from agents.details.detail import Detail
from agents.permissions import May
from agents.trail.kinds import Kind
from agents.trail.record import heaviest
from consent.consent_events import live_tokens, names, record_change
from consent.errors import NotNarrower
from consent.models import Consent, ConsentScope


@transaction.atomic
def lessen(
    consent_id: uuid.UUID, *, left: Mapping[uuid.UUID, Sequence[Detail]], reason: str, by: Actor, now: datetime
) -> Consent:
    """Put less in the place of the details of a live consent. Tokens already out are worth no more than that from now on.

    left: by scope, what stays of its details: each within one of those that are held, none twice, at least one. Scopes
    that are not named keep theirs. What they were stays with the consent (``ConsentScope.details_before``).
    Raises Consent.DoesNotExist, Forbidden, ConsentEnded, ConsentNotBegun, NotNarrower. Records ``consent.lessened``, without
    what the details say: they name people.
    """
    consent = Consent.objects.locked(consent_id)
    require(by, May.NARROW_CONSENT, consent)
    consent.must_be_live(now)
    consent.must_have_begun(now)
    changed = []
    for row in ConsentScope.objects.held(now).filter(consent=consent).select_related("scope__resource"):
        kept = [detail.kept() for detail in left.get(row.scope_id, ())]
        if row.scope_id not in left or _says_the_same(kept, row.details):
            continue
        if not kept or not _are_each_within(left[row.scope_id], row.details):
            raise NotNarrower(consent.pk)
        row.details_before = [*row.details_before, {"until": now.isoformat(), "details": row.details}]
        row.details = kept
        row.save(update_fields=["details", "details_before"])
        changed.append(row.scope)
    if not changed:
        raise NotNarrower(consent.pk)
    record_change(
        Kind.CONSENT_LESSENED,
        consent,
        by=by,
        now=now,
        reason=reason,
        scopes=names(changed),
        data_class=heaviest(scope.data_class for scope in changed),
        live_tokens=live_tokens(consent, now),
    )
    return consent


def _says_the_same(kept: Sequence[Mapping[str, Any]], held: Sequence[Mapping[str, Any]]) -> bool:
    return [(each["type"], each["value"]) for each in kept] == [(each["type"], each["value"]) for each in held]


def _are_each_within(left: Sequence[Detail], held: Sequence[Mapping[str, Any]]) -> bool:
    """Whether each takes one of its own among those that are held, in their order."""
    others = iter(held)
    return all(
        any(
            str(detail.version.pk) == each["version"] and detail.is_within(Detail(detail.version, each["value"]))
            for each in others
        )
        for detail in left
    )
