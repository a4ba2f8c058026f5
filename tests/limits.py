"""Consents that are limited: builders for tests of conditions."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from agents.actors import Actor
from agents.models import Client, Scope, User
from consent import limiting, mandate
from consent.approval import Approval
from consent.conditions import EVERY_DAY, Conditions, Hours
from consent.models import Consent

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
    scopes: Iterable[Scope],
    user: User | None,
    by: User | None = None,
    life: timedelta = timedelta(days=30),
    purpose: str = "Letters",
    now: datetime | None = None,
    **more: Any,
) -> Consent:
    """A consent with these conditions, by this person (or with ``user=None`` for the organisation, approved by ``by``)."""
    now, approver = now or timezone.now(), user or by
    assert approver is not None
    approval = Approval(
        client=of,
        user=user,
        scopes={scope: scope.wording for scope in scopes},
        purpose=purpose,
        ends_at=now + life,
        conditions=conditions,
        **more,
    )
    return mandate.approve(approval, by=Actor.person(approver), now=now)


def limits(given: Consent, conditions: Conditions, *, by: User, now: datetime | None = None) -> Consent:
    """Somebody limits a live consent."""
    return limiting.limit(
        given.pk, conditions=conditions, reason="Less often.", by=Actor.person(by), now=now or timezone.now()
    )
