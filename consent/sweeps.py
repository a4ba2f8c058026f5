"""Sweeps of this floor: consents whose end has passed, and dead tokens, codes and families.

As in ``agents/sweeps.py`` nothing here takes access away, and each table is swept by itself: a refresh token outlives its
access-token rows, and no row goes because another went.

What is dead is kept for a while, because it still answers questions:

- an access token for 24 hours after its end, since receipts may name it until then;
- a code for a week, so that its second use is told as one;
- refresh tokens as long as their family could be used, since a used one that comes back ends the family;
- a family as long as a token names it: the row says whether those tokens still count;
- what counts once for two days after it could be presented: a clock that is set back must not make it new.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from agents.models import State
from agents.sweeps import Sweep, delete_in_batches
from agents.warnings import Ending, owners_at, page_address, readers_of, warn
from consent import mandate, requests
from consent.models import (
    AccessRequest,
    AccessToken,
    AuthorizationCode,
    Consent,
    RefreshToken,
    TokenFamily,
    UsedOnce,
    WrongEntries,
)
from consent.receipts import COME_WITHIN

CODES_KEPT_FOR = timedelta(days=7)
FAMILIES_KEPT_FOR = timedelta(days=2)
USED_KEPT_FOR = timedelta(days=2)
REQUESTS_KEPT_FOR = timedelta(days=30)
WRONG_ENTRIES_KEPT_FOR = timedelta(days=1)


def end_consents(*, now: datetime, batch: int = 500) -> int:
    """Write down which consents are past their end. Returns how many. Records ``consent.ended`` for each."""
    return mandate.end_expired(now=now, batch=batch)


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
    """Delete the refresh tokens of families that are over, used or not. Returns how many."""
    over = families_over(now).filter(pk=OuterRef("family"))
    return delete_in_batches(RefreshToken.objects.filter(Exists(over)), by="pk", batch=batch)


def delete_dead_families(*, now: datetime, batch: int = 500) -> int:
    """Delete families that are over and that no token names any more. Returns how many."""
    empty = families_over(now).filter(
        ~Exists(RefreshToken.objects.filter(family=OuterRef("pk"))),
        ~Exists(AccessToken.objects.filter(family=OuterRef("pk"))),
    )
    return delete_in_batches(empty, by="ends_at", batch=batch)


def families_over(now: datetime) -> QuerySet[TokenFamily]:
    """Return the families that can never be used again, two days after that began."""
    since = now - FAMILIES_KEPT_FOR
    gone = Consent.objects.filter(
        Q(ends_at__lt=since) | Q(revoked_at__lt=since) | Q(superseded_at__lt=since), pk=OuterRef("consent")
    )
    return TokenFamily.objects.filter(Q(ends_at__lt=since) | Q(ended_at__lt=since) | Exists(gone))


def delete_used_once(*, now: datetime, batch: int = 500) -> int:
    """Forget what counted once, when it would be refused for its age. Returns how many."""
    return delete_in_batches(UsedOnce.objects.filter(ends_at__lt=now - USED_KEPT_FOR), by="ends_at", batch=batch)


def close_requests(*, now: datetime, batch: int = 500) -> int:
    """Write down which access requests nobody answered in time. Returns how many. Records ``request.over`` for each."""
    return requests.close_over(now=now, batch=batch)


def delete_old_requests(*, now: datetime, batch: int = 500) -> int:
    """Delete access requests that were closed a month ago: what was allowed stands in its consent. Returns how many."""
    old = AccessRequest.objects.filter(closed_at__lt=now - REQUESTS_KEPT_FOR, ping_at=None)
    return delete_in_batches(old, by="expires_at", batch=batch)


def delete_wrong_entries(*, now: datetime, batch: int = 500) -> int:
    """Forget wrong user codes of yesterday. Returns how many sources were forgotten."""
    return delete_in_batches(
        WrongEntries.objects.filter(changed_at__lt=now - WRONG_ENTRIES_KEPT_FOR), by="changed_at", batch=batch
    )


def warn_of_consents(*, now: datetime, batch: int = 200) -> int:
    """Warn the owners of agents whose consents end soon. Returns how many warnings. Records ``agent.owner_warned``."""
    rows = (
        Consent.objects.standing()
        .filter(ended_recorded_at=None, client__ended_at=None)
        .exclude(agent__state=State.RETIRED)
        .select_related("agent", "user")
        .prefetch_related(owners_at("agent__ownerships"))
    )
    return warn(rows, starts="starts_at", describe=_consent_ending, now=now, batch=batch)


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
    "access tokens deleted": delete_dead_access_tokens,
    "codes deleted": delete_dead_codes,
    "refresh tokens deleted": delete_dead_refresh_tokens,
    "token families deleted": delete_dead_families,
    "used-once marks deleted": delete_used_once,
    "requests closed": close_requests,
    "requests deleted": delete_old_requests,
    "wrong codes forgotten": delete_wrong_entries,
}
"""Every sweep of this floor but for the warnings, by what it has done. Families come after the tokens that name them."""
