"""Pausing: consents stop counting when what people agreed to is no longer what they read, until they have seen it.

Which changes count is decided below (``agents/drift.py``); here stands whom they concern. A pause is in the transaction
of its change, so there is no moment at which the new meaning is used under the old words. Only a person ends it, with a
new screen: that makes a consent which takes the paused one's place (``consent/screens/agree.py``).
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Q

from agents.acr import PASSKEY
from agents.actors import Actor
from agents.drift import Drift, What
from agents.models import Resource
from agents.passing import MOST_DEEP
from agents.promises import when_it_counts
from agents.redirects import LOOPBACK_NAMES
from agents.rules import Rule, in_class
from agents.trail.kinds import Kind
from consent.consent_events import record_change
from consent.mail import tell_of_pauses
from consent.models import AccessToken, Consent, ConsentScope
from consent.models.consent_queries import ConsentQuerySet

BATCH = 500


def concerned(drift: Drift, now: datetime) -> ConsentQuerySet:
    """Return the standing consents under which people agreed to something else than what holds after this change."""
    # Only what people gave: what was derived from it waits with it.
    standing = Consent.objects.given().standing().filter(ends_at__gt=now)
    if drift.what == What.REDIRECT_HOST:
        # A consent for the organisation brings nobody back anywhere.
        mine = standing.filter(client=drift.client, user__isnull=False)
        gone = set(drift.before) - set(drift.after)
        return mine if set(drift.after) - set(drift.before) else mine.filter(_returned_to(gone))
    if drift.what == What.RULE:
        return beyond(drift, now)
    rows = ConsentScope.objects.held(now).filter(consent=OuterRef("pk"), scope=drift.scope)
    if drift.what == What.REQUIRED:
        return standing.filter(Exists(rows.filter(required=False)), agent=drift.agent)
    return standing.filter(Exists(rows))


def under_class(sensitivity_class: str, now: datetime) -> ConsentQuerySet:
    """Return the standing consents that hold a permission of this class."""
    held = ConsentScope.objects.held(now).filter(in_class(sensitivity_class, "scope__"), consent=OuterRef("pk"))
    return Consent.objects.given().standing().filter(Exists(held), ends_at__gt=now)


def beyond(drift: Drift, now: datetime) -> ConsentQuerySet:
    """Return the standing consents that could not be given like this under the new rule of a class."""
    rule = drift.rule or Rule()
    over = Q(ends_at__gt=F("starts_at") + rule.longest_life)
    if rule.passkey_required:
        over |= ~Q(acr=PASSKEY)
    if rule.fresh_within is not None:
        over |= Q(auth_time=None) | Q(auth_time__lt=F("starts_at") - rule.fresh_within)
    if rule.approver_role:
        over |= Q(agreed_by=None)
    return under_class(drift.sensitivity_class, now).filter(over)


def _returned_to(hosts: Iterable[str]) -> Q:
    found = Q(pk__in=[])
    for host in hosts:
        found |= Q(redirect_host=host)
        if host in LOOPBACK_NAMES:
            found |= Q(redirect_host__startswith=f"{host}:") | Q(redirect_host__startswith=f"[{host}]")
    return found


@dataclass(frozen=True, slots=True)
class Affected:
    """Whom a change would concern, said before it is made. consents: those that would pause and count now."""

    consents: int
    people: int
    agents: list[str]
    tokens: int
    promise: str

    def __bool__(self) -> bool:
        return self.consents > 0


SHOWN_AGENTS = 5


def affected_by(drifts: Iterable[Drift], now: datetime) -> Affected:
    """Return whom these changes would concern. Consents that are paused already are not counted again."""
    any_of = Q(pk__in=[])
    for drift in drifts:
        any_of |= Q(pk__in=concerned(drift, now).values("pk"))
    found = Consent.objects.filter(any_of, paused_at=None)
    ids = found.values("pk")
    below = Consent.objects.below(ids).values("pk")
    resources = Resource.objects.filter(
        Exists(ConsentScope.objects.held(now).filter(consent__in=ids, scope__resource=OuterRef("pk")))
    )
    return Affected(
        consents=found.count(),
        people=found.filter(user__isnull=False).values("user").distinct().count(),
        agents=list(found.order_by("agent__name").values_list("agent__name", flat=True).distinct()[:SHOWN_AGENTS]),
        tokens=AccessToken.objects.out(now).filter(Q(consent__in=ids) | Q(consent__in=below)).count(),
        promise=when_it_counts(resources),
    )


def pause_for(drifts: Sequence[Drift], by: Actor, now: datetime) -> int:
    """Pause all that these concern, in the caller's transaction and in batches. Returns how many were not paused before.

    One that is paused already keeps its moment and gains the further difference. Records ``consent.paused`` for each.
    """
    found: dict[uuid.UUID, list[dict[str, Any]]] = {}
    for drift in drifts:
        change = difference(drift)
        for consent_id in concerned(drift, now).values_list("pk", flat=True):
            found.setdefault(consent_id, []).append(change)
    ids = sorted(found)
    paused = [
        consent for start in range(0, len(ids), BATCH) for consent in _pause(ids[start : start + BATCH], found, by, now)
    ]
    tell_of_pauses(paused, now=now)
    return len(paused)


def _pause(
    ids: list[uuid.UUID], found: dict[uuid.UUID, list[dict[str, Any]]], by: Actor, now: datetime
) -> list[Consent]:
    # In the order of their ids, so that two changes at once take the rows alike and cannot deadlock.
    rows = (
        Consent.objects.filter(pk__in=ids).select_related("agent", "user", "approved_by", "confirmed_by").order_by("pk")
    )
    paused = []
    out = _live_tokens(ids, now)
    for consent in rows.select_for_update(of=("self",)):
        if consent.revoked_at is not None or consent.superseded_at is not None or consent.ends_at <= now:
            continue
        first = consent.paused_at is None
        changes = found[consent.pk]
        consent.paused_at = consent.paused_at or now
        consent.paused_because = merged(consent.paused_because, changes)
        number = record_change(
            Kind.CONSENT_PAUSED,
            consent,
            by=by,
            now=now,
            scopes=sorted({change["scope"] for change in changes if change["scope"]}),
            changes=changes,
            live_tokens=out[consent.pk],
        )
        if first:
            consent.stop_event = number
            paused.append(consent)
        consent.save(update_fields=["paused_at", "paused_because", "stop_event"])
    return paused


def _live_tokens(ids: list[uuid.UUID], now: datetime) -> Counter[uuid.UUID]:
    """Return how many tokens are out under each of these, and under what was passed on from it."""
    below = Consent.objects.below(ids).values("pk")
    rows = AccessToken.objects.out(now).filter(Q(consent__in=ids) | Q(consent__in=below))
    ways = rows.values_list(*("__".join(("consent", *("parent",) * steps)) for steps in range(MOST_DEEP + 1)))
    named = frozenset(ids)
    return Counter(next(consent_id for consent_id in way if consent_id in named) for way in ways)


def difference(drift: Drift) -> dict[str, Any]:
    """Return a difference as it is kept with the consent and with the event."""
    scope = drift.scope
    return {
        "what": drift.what.value,
        "scope_id": str(scope.pk) if scope else drift.sensitivity_class,
        "scope": scope.name if scope else "",
        "title": scope.wording.title if scope and drift.what != What.WORDING else "",
        "resource": scope.resource.name if scope else "",
        "before": drift.before,
        "after": drift.after,
    }


def merged(before: list[dict[str, Any]], more: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the differences to what was agreed to: from where it first began to differ to where it stands now."""
    kept = {(change["what"], change["scope_id"]): dict(change) for change in before}
    for change in more:
        key = change["what"], change["scope_id"]
        kept[key] = {**change, "before": kept[key]["before"]} if key in kept else change
    return list(kept.values())
