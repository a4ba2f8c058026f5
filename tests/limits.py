"""Consents that are limited: builders for tests of conditions."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from agents.actors import Actor
from agents.models import Client, User
from consent import limiting
from consent.conditions import EVERY_DAY, Conditions, Hours
from consent.models import Consent
from tests import grants

WEEKDAYS = frozenset(range(5))


def only(
    *networks: str,
    days: Iterable[int] = EVERY_DAY,
    hours: tuple[int, int] | None = None,
    uses: int | None = None,
    environment: str = "",
) -> Conditions:
    """Conditions as a person means them. hours: whole hours, from and to."""
    return Conditions(
        hours=Hours(frozenset(days), hours[0] * 60, hours[1] * 60) if hours else None,
        networks=tuple(ipaddress.ip_network(network) for network in networks),
        uses=uses,
        environment=environment,
    )


def limited(
    of: Client,
    conditions: Conditions,
    *,
    life: timedelta = timedelta(days=30),
    purpose: str = "Letters",
    **more: Any,
) -> Consent:
    """A consent with these conditions, for thirty days. more: as for ``grants.consent``."""
    return grants.consent(of, conditions=conditions, life=life, purpose=purpose, **more)


def limits(given: Consent, conditions: Conditions, *, by: User, now: datetime | None = None) -> Consent:
    """Somebody limits a live consent."""
    return limiting.limit(
        given.pk, conditions=conditions, reason="Less often.", by=Actor.person(by), now=now or timezone.now()
    )
