"""Sweeps of this floor: consents whose end has passed or that paused, and dead tokens, codes and families.

As in ``agents/sweeps.py`` nothing here takes access away, and each table is swept by itself: a refresh token outlives its
access-token rows, and no row goes because another went.

What is dead is kept for a while, because it still answers questions:

- an access token for 24 hours after its end, since receipts may name it until then;
- a code for a week, so that its second use is told as one;
- refresh tokens as long as their family could be used, since a used one that comes back ends the family;
- a pushed request for an hour, so that whoever opened it in time can read and decide;
- a family as long as a token names it: the row says whether those tokens still count;
- what counts once for two days after it could be presented: a clock that is set back must not make it new.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, DateTimeField, Exists, ExpressionWrapper, F, OuterRef, QuerySet, When

from agents.addresses import page_address
from agents.models import State, User
from agents.sweeps import Sweep, batches, delete_in_batches, keys_in_order
from agents.warnings import Ending, owners_at, readers_of, warn
from consent import key_rotation, lapsed, pending, requests, unused_clients
from consent.models import (
    AccessRequest,
    AccessToken,
    AuthorizationCode,
    Consent,
    PushedRequest,
    RefreshToken,
    TokenFamily,
    UsedOnce,
    WrongEntries,
)
from consent.models.consent import OVER_SINCE
from consent.models.consent_queries import PAUSES_AFTER
from consent.receipts import COME_WITHIN
from consent.signals import sweeping as signals

CODES_KEPT_FOR = timedelta(days=7)
FAMILIES_KEPT_FOR = timedelta(days=2)
PUSHED_KEPT_FOR = timedelta(hours=1)
LOOKED_FOR = timedelta(days=7)
USED_KEPT_FOR = timedelta(days=2)
REQUESTS_KEPT_FOR = timedelta(days=30)
WRONG_ENTRIES_KEPT_FOR = timedelta(days=1)


def end_consents(*, now: datetime, batch: int = 500) -> int:
    """Write down which consents are past their end. Returns how many. Records ``consent.ended`` for each."""
    return lapsed.end_expired(now=now, batch=batch)


def pause_consents(*, now: datetime, batch: int = 500) -> int:
    """Write down which consents nobody answers for any more. Returns how many. Records ``consent.paused`` for each."""
    return lapsed.pause_unanswered(now=now, batch=batch)


def delete_dead_access_tokens(*, now: datetime, batch: int = 500) -> int:
    """Delete access tokens that nobody can use or report on any more. Returns how many."""
    dead = AccessToken.objects.filter(expires__lt=now - COME_WITHIN)
    return delete_in_batches(dead, by="expires", batch=batch)


def delete_dead_codes(*, now: datetime, batch: int = 500) -> int:
    """Delete codes that ended a week ago. Returns how many."""
    return delete_in_batches(
        AuthorizationCode.objects.filter(expires__lt=now - CODES_KEPT_FOR), by="expires", batch=batch
    )


def delete_dead_refresh_tokens(*, now: datetime, batch: int = 500) -> int:
    """Delete the refresh tokens of families that are over, used or not. Returns how many.

    It goes from the families that are over to their tokens: looking at every token that lives would take minutes.
    """
    deleted = 0
    for families, column in families_over(now, batch):
        for keys in batches(keys_in_order(families, column, batch), batch):
            dead = RefreshToken.objects.filter(family__in=keys)
            deleted += delete_in_batches(dead, by="family_id", batch=batch)
    return deleted


def delete_dead_families(*, now: datetime, batch: int = 500) -> int:
    """Delete families that are over and that no token names any more. Returns how many."""
    unnamed = (
        ~Exists(RefreshToken.objects.filter(family=OuterRef("pk"))),
        ~Exists(AccessToken.objects.filter(family=OuterRef("pk"))),
    )
    return sum(
        delete_in_batches(families.filter(*unnamed), by=column, batch=batch)
        for families, column in families_over(now, batch)
    )


def families_over(now: datetime, batch: int) -> Iterator[tuple[QuerySet[TokenFamily], str]]:
    """Yield the families that can never be used again, two days after that began, in parts that an index serves each.

    With each part comes the column of its order. Under a consent that is over they are looked for during a week; what
    a longer pause of the sweeps left behind goes at the family's own end.
    """
    since = now - FAMILIES_KEPT_FOR
    yield TokenFamily.objects.filter(ends_at__lt=since), "ends_at"
    yield TokenFamily.objects.filter(ended_at__lt=since), "ended_at"
    for column in OVER_SINCE:
        gone = Consent.objects.filter(**{f"{column}__lt": since, f"{column}__gte": since - LOOKED_FOR})
        for keys in batches(keys_in_order(gone, column, batch), batch):
            yield TokenFamily.objects.filter(consent__in=keys), "consent_id"


def delete_used_once(*, now: datetime, batch: int = 500) -> int:
    """Forget what counted once, when it would be refused for its age. Returns how many."""
    return delete_in_batches(UsedOnce.objects.filter(ends_at__lt=now - USED_KEPT_FOR), by="ends_at", batch=batch)


def close_requests(*, now: datetime, batch: int = 500) -> int:
    """Write down what nobody answered, or agreed to, in time. Returns how many.

    Records ``request.over`` or ``consent.approval_over`` for each.
    """
    return requests.close_over(now=now, batch=batch) + pending.close_over(now=now, batch=batch)


def delete_old_requests(*, now: datetime, batch: int = 500) -> int:
    """Delete access requests that were closed a month ago: what was allowed stands in its consent. Returns how many."""
    old = AccessRequest.objects.filter(closed_at__lt=now - REQUESTS_KEPT_FOR, ping_at=None)
    return delete_in_batches(old, by="closed_at", batch=batch)


def delete_pushed_requests(*, now: datetime, batch: int = 500) -> int:
    """Delete pushed requests that nobody can decide any more, with the purpose that they hold. Returns how many."""
    over = PushedRequest.objects.filter(expires_at__lt=now - PUSHED_KEPT_FOR)
    return delete_in_batches(over, by="expires_at", batch=batch)


def delete_wrong_entries(*, now: datetime, batch: int = 500) -> int:
    """Forget wrong user codes of yesterday. Returns how many sources were forgotten."""
    return delete_in_batches(
        WrongEntries.objects.filter(changed_at__lt=now - WRONG_ENTRIES_KEPT_FOR), by="changed_at", batch=batch
    )


def warn_of_consents(*, now: datetime, batch: int = 200) -> int:
    """Warn the owners of agents whose consents end soon, or pause because nobody answers for them any more.

    Of a pause administrators hear too: one of them can confirm the consent. Returns how many warnings. Records
    ``agent.owner_warned``.
    """
    rows = (
        Consent.objects.given()
        .standing()
        .filter(ended_recorded_at=None, client__ended_at=None, agent__personal_of=None)
        .exclude(agent__state=State.RETIRED)
        .select_related("agent", "user", "approved_by", "confirmed_by")
        .prefetch_related(owners_at("agent__ownerships"))
    )
    pausing = rows.unanswered(now).filter(paused_at=None).annotate(pause_on=_pause_on())
    return sum(
        (
            warn(rows, starts="starts_at", describe=_consent_ending, now=now, batch=batch),
            warn(pausing, starts="starts_at", ends="pause_on", describe=_consent_pausing, now=now, batch=batch),
        )
    )


def _pause_on() -> ExpressionWrapper[Any]:
    """``Consent.pauses_at`` in the database, for consents of the organisation."""
    left = Case(
        When(confirmed_by__isnull=False, then=F("confirmed_by__left_office_at")),
        default=F("approved_by__left_office_at"),
    )
    return ExpressionWrapper(left + PAUSES_AFTER, output_field=DateTimeField())


def _consent_pausing(consent: Consent, days: int) -> Ending:
    ending = _consent_ending(consent, days)
    readers = dict.fromkeys([*ending.readers, *User.objects.administrators()])
    return replace(ending, ends_at=consent.pauses_at or consent.ends_at, readers=tuple(readers), pauses=True)


def _consent_ending(consent: Consent, days: int) -> Ending:
    owner = consent.agent.owner
    giver = consent.user.display_name if consent.user else "the organisation"
    return Ending(
        id=consent.pk,
        subject="consent",
        name=f"{consent.agent.name}, {giver}",
        ends_at=consent.ends_at,
        days=days,
        address=page_address("consent", consent.pk),
        readers=readers_of(consent.agent),
        facts={
            "agent_id": consent.agent_id,
            "client_id": consent.client_id,
            "consent_id": consent.pk,
            "user_id": owner.pk if owner else None,
            "purpose_digest": consent.purpose_digest,
        },
    )


SWEEPS: dict[str, Sweep] = {
    "consents ended": end_consents,
    "consents paused": pause_consents,
    "access tokens deleted": delete_dead_access_tokens,
    "codes deleted": delete_dead_codes,
    "refresh tokens deleted": delete_dead_refresh_tokens,
    "token families deleted": delete_dead_families,
    "used-once marks deleted": delete_used_once,
    "requests closed": close_requests,
    "requests deleted": delete_old_requests,
    "pushed requests deleted": delete_pushed_requests,
    "wrong codes forgotten": delete_wrong_entries,
    "programs forgotten": unused_clients.forget_unused_clients,
    "signing keys made": key_rotation.rotate_if_due,
    "signing keys retired": key_rotation.retire,
    "signals deleted": signals.delete_old_signals,
    "streams switched off": signals.switch_off_forgotten_streams,
}
"""Every sweep of this floor but for the warnings, by what it has done. Families come after the tokens that name them."""
