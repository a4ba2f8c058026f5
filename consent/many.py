"""Narrow, shorten or revoke many consents: in small transactions, each consent with its own event, safe to repeat.

What ended meanwhile, or has nothing to take away, is left alone and counted as such, so that the same request again (a
double click, a page loaded again, a worker killed half-way) changes nothing twice and goes on where it stopped.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from agents.actors import Actor
from agents.errors import InvalidInput
from agents.models import Scope
from agents.texts import reason_of
from consent import mandate
from consent.errors import ConsentEnded, ConsentNotBegun, NotShorter
from consent.models import Consent, ConsentScope
from consent.models.consent_scope import scope_ids

BATCH = 50


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it. changed: by this call. left: ended or given meanwhile, or nothing to take away.

    only: left as they are because of what they are: narrowed, they would hold nothing; they end sooner than shortened.
    """

    changed: int = 0
    left: int = 0
    only: int = 0

    def __add__(self, other: Done) -> Done:
        return Done(self.changed + other.changed, self.left + other.left, self.only + other.only)


def revoke_many(ids: Sequence[uuid.UUID], *, reason: str, by: Actor, now: datetime) -> Done:
    """Revoke these consents. Raises Forbidden for the first that the actor may not (its batch is undone), InvalidInput.

    Records ``consent.revoked`` for each that it ended.
    """
    reason = reason_of(reason)

    def one(consent_id: uuid.UUID) -> Done:
        try:
            mandate.revoke(consent_id, reason=reason, by=by, now=now)
        except ConsentEnded:
            return Done(left=1)
        return Done(changed=1)

    return sum((_batch(batch, one) for batch in _batches(ids)), Done())


def narrow_many(ids: Sequence[uuid.UUID], *, take: frozenset[Scope], reason: str, by: Actor, now: datetime) -> Done:
    """Take these permissions away from the consents that hold them. One that holds nothing else is left as it is:
    to end it, revoke it. Required ones are taken too: somebody who looks after many may have to.

    Raises Forbidden, InvalidInput. Records ``consent.narrowed`` for each that it changed.
    """
    reason = reason_of(reason)
    taken = scope_ids(take)

    def one(consent_id: uuid.UUID) -> Done:
        # The lock first, so that what is held is still held when it is narrowed.
        Consent.objects.locked(consent_id)
        rows = ConsentScope.objects.held(now).filter(consent=consent_id).select_related("scope__resource")
        held = frozenset(row.scope for row in rows)
        keep = frozenset(scope for scope in held if scope.pk not in taken)
        if keep == held:
            return Done(left=1)
        if not keep:
            return Done(only=1)
        try:
            mandate.narrow(consent_id, keep=keep, reason=reason, by=by, now=now)
        except (ConsentEnded, ConsentNotBegun):
            return Done(left=1)
        return Done(changed=1)

    return sum((_batch(batch, one) for batch in _batches(ids)), Done())


def shorten_many(ids: Sequence[uuid.UUID], *, ends_at: datetime, reason: str, by: Actor, now: datetime) -> Done:
    """Let these consents end at this time. One that ends sooner is left as it is.

    Raises Forbidden, InvalidInput for an end that is past. Records ``consent.shortened`` for each that it changed.
    """
    reason = reason_of(reason)
    if ends_at <= now:
        raise InvalidInput("until", _("That moment has passed. Choose a later end."))

    def one(consent_id: uuid.UUID) -> Done:
        try:
            mandate.shorten(consent_id, ends_at=ends_at, reason=reason, by=by, now=now)
        except (ConsentEnded, ConsentNotBegun):
            return Done(left=1)
        except NotShorter:
            return Done(only=1)
        return Done(changed=1)

    return sum((_batch(batch, one) for batch in _batches(ids)), Done())


def _batches(ids: Sequence[uuid.UUID]) -> list[list[uuid.UUID]]:
    # In the order of their ids: two at once take the rows alike and cannot deadlock.
    ordered = sorted(set(ids))
    return [ordered[start : start + BATCH] for start in range(0, len(ordered), BATCH)]


@transaction.atomic
def _batch(ids: list[uuid.UUID], one: Callable[[uuid.UUID], Done]) -> Done:
    done = Done()
    for consent_id in ids:
        done += one(consent_id)
    return done
