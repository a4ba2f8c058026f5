"""What one asks of many consents: which stand, which count, which wait for whom, and whose they are."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.db import models
from django.db.models import Exists, OuterRef, Prefetch, Q

from agents.models import Ownership, State, User
from agents.passing import MOST_DEEP
from consent.models.consent_scope import ConsentScope

if TYPE_CHECKING:
    from consent.models.consent import Consent

PAUSES_AFTER = timedelta(days=14)
"""So long after its answering administrator left, an organisation consent that nobody else confirmed pauses."""


def _unanswered(left_by: datetime) -> Q:
    """The condition that who answers for an organisation's consent (``Consent.answerable``) left office by then.

    Read from the people who left: an index holds those few, so that it costs next to nothing where tokens are issued.
    """
    gone = User.objects.filter(left_office_at__lte=left_by).values("pk")
    return Q(user=None) & (Q(confirmed_by__in=gone) | Q(confirmed_by=None, approved_by__in=gone))


def _stands_above(place: str, now: datetime, steps: int = MOST_DEEP) -> Q:
    """The condition that all stand from which it is derived: up to so many consents, which is all that there can be."""
    above = f"{place}parent"
    here = {"revoked_at": None, "superseded_at": None, "paused_at": None, "starts_at__lte": now, "ends_at__gt": now}
    stands = Q(**{f"{above}__{column}": value for column, value in here.items()})
    further = _stands_above(f"{above}__", now, steps - 1) if steps > 1 else Q(**{f"{above}__parent": None})
    return Q(**{above: None}) | (stands & further)


class ConsentQuerySet(models.QuerySet["Consent"]):
    def standing(self) -> Self:
        """Neither revoked nor superseded, whatever the clock says."""
        return self.filter(revoked_at=None, superseded_at=None)

    def live(self, now: datetime) -> Self:
        """Consents under which a token is worth something now, agent and client apart. Derived ones live by all above them."""
        return self._live_by_itself(now).filter(_stands_above("", now))

    def _live_by_itself(self, now: datetime) -> Self:
        return (
            self.standing()
            .filter(paused_at=None, starts_at__lte=now, ends_at__gt=now)
            .exclude(_unanswered(now - PAUSES_AFTER))
        )

    def given(self) -> Self:
        """Those that a human gave: not what was derived from one when work was passed on."""
        return self.filter(parent=None)

    def below(self, consents: Iterable[uuid.UUID] | models.QuerySet[Any, Any]) -> Self:
        """What was derived from these, directly or from what was derived from them. consents: ids, or a query for them."""
        above = consents if isinstance(consents, models.QuerySet) else list(consents)
        places = [f"{'parent__' * (steps - 1)}parent__in" for steps in range(1, MOST_DEEP + 1)]
        found = Q(pk__in=[])
        for place in places:
            found |= Q(**{place: above})
        return self.filter(found)

    def paused(self, now: datetime) -> Self:
        """Standing consents that wait for somebody: to answer for them, or to see what is different (``Consent.status``)."""
        return self.standing().filter(Q(paused_at__isnull=False) | _unanswered(now - PAUSES_AFTER), ends_at__gt=now)

    def due_to_pause(self, now: datetime) -> Self:
        """Consents that have paused, where no sweep has written it down yet."""
        return self.standing().filter(_unanswered(now - PAUSES_AFTER), user=None, paused_at=None, ends_at__gt=now)

    def unanswered(self, now: datetime) -> Self:
        """Standing consents of the organisation for which no administrator answers any more, paused already or not.

        Not those that wait to be looked at (``drifted``): whoever agrees to these answers for them from then on.
        """
        waiting = Q(paused_at__isnull=False) | _unanswered(now)
        return self.standing().filter(waiting, user=None, paused_because=[], ends_at__gt=now)

    def drifted(self, now: datetime) -> Self:
        """Standing consents that pause until somebody has seen what is different from what was agreed to."""
        return self.standing().filter(paused_at__isnull=False, ends_at__gt=now).exclude(paused_because=[])

    def effective(self, now: datetime) -> Self:
        """Live consents that a human gave, whose agent, client and person are usable too: what codes and families stand under."""
        owned = Ownership.objects.live_owners().filter(agent=OuterRef("agent"), user__is_active=True)
        return (
            self._live_by_itself(now)
            .given()
            .filter(
                Q(agent__ends_at=None) | Q(agent__ends_at__gt=now),
                Q(user=None) | Q(user__is_active=True),
                Exists(owned),
                agent__state=State.ACTIVE,
                client__ended_at=None,
            )
        )

    def visible_to(self, viewer: User) -> Self:
        """Consents the viewer may read: all for administrators and auditors; else given by them or to their agents."""
        if viewer.reads_everything:
            return self
        mine = Ownership.objects.live().filter(agent=OuterRef("agent"), user=viewer)
        return self.filter(Q(user=viewer) | Q(approved_by=viewer) | Exists(mine))

    def changeable_by(self, viewer: User) -> Self:
        """Consents the viewer may narrow, shorten or revoke (``console/roles.py``; a test holds the two together)."""
        if viewer.is_administrator:
            return self
        if not viewer.may_own_agents:
            return self.filter(user=viewer)
        mine = Ownership.objects.live().filter(agent=OuterRef("agent"), user=viewer)
        return self.filter(Q(user=viewer) | Exists(mine))

    def given_by(self, person: User) -> Self:
        """Consents by which agents act for this person."""
        return self.filter(user=person)

    def locked(self, consent_id: uuid.UUID) -> Consent:
        """Return one consent under a row lock. Raises Consent.DoesNotExist."""
        return self.select_for_update(of=("self",)).select_related("agent", "client", "user").get(pk=consent_id)

    def with_scopes(self) -> Self:
        """Prefetch what a page draws of a consent, in a fixed number of queries."""
        scopes = ConsentScope.objects.select_related("scope__resource", "wording").order_by(
            "scope__resource__name", "scope__name"
        )
        above = ("parent__agent", "parent__parent__agent", "parent__parent__parent__agent")
        return self.select_related("agent", "client", "user", "approved_by", "confirmed_by", *above).prefetch_related(
            Prefetch("consent_scopes", queryset=scopes)
        )
