"""Holding a token request against the conditions of its consent: times of day, networks, uses, environment.

No specification says how; the refusal is that of the grant (RFC 6749 §5.2): ``invalid_grant``, and for client credentials,
which present no grant, ``unauthorized_client``. The description names the condition and the page on which a person can
allow more. The event's reason says which it was: outside_hours, outside_network, uses_spent, other_environment.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import F

from agents.actors import RequestFacts
from agents.addresses import page_address
from consent.condition_words import why_unmet
from consent.conditions import Conditions, Unmet
from consent.models import Consent
from consent.oauth.errors import OAuthRefusal


def must_meet(consent: Consent, *, facts: RequestFacts, latest: datetime) -> datetime:
    """Return when a token that is issued now has to end: ``latest``, or earlier where the times of day close.

    Costs a query only where the environment is limited. Raises OAuthRefusal for the first condition that is not met.
    """
    conditions = consent.limits
    if not conditions:
        return latest
    environment = consent.agent.environment if conditions.environment else ""
    unmet = conditions.unmet(facts.now, consent.time_zone, environment=environment, address=facts.address)
    if unmet is not None:
        raise refused(unmet, consent, conditions, facts.now)
    return conditions.closes_at(facts.now, consent.time_zone, latest=latest)


def take_use(consent: Consent, *, now: datetime) -> bool:
    """Count one token in the caller's transaction. Returns whether another one may follow.

    One conditional statement decides, so of many at once no more are let through than are left. Raises OAuthRefusal.
    """
    if consent.uses_allowed is None:
        return True
    left = Consent.objects.filter(pk=consent.pk, uses_taken__lt=F("uses_allowed"))
    if not left.update(uses_taken=F("uses_taken") + 1):
        raise refused(Unmet.USES, consent, consent.limits, now)
    return left.exists()


def refused(unmet: Unmet, consent: Consent, conditions: Conditions, now: datetime) -> OAuthRefusal:
    """The refusal for a condition, with the page where a person sees it and finds the way to allow more."""
    why = why_unmet(unmet, conditions, zone_name=consent.time_zone, now=now)
    organisation = consent.user_id is None
    where = (
        page_address("organisation-consent", consent.agent_id)
        if organisation
        else page_address("my-consent", consent.pk)
    )
    return OAuthRefusal(
        "unauthorized_client" if organisation else "invalid_grant",
        f"{why} More can be allowed only by a person: {where}",
        consent=consent,
        reason_code=unmet.value,
    )
