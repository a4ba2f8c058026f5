"""Builders of sensitivity rules: an administrator decides, as on the page."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from agents.acr import SINGLE, SignIn
from agents.models import Client, Scope, User
from agents.rule_changes import change_rule
from agents.rules import Rule, Rules
from consent import pending
from consent.approval import Approval
from consent.models import PendingConsent
from tests import builders


def rule(
    sensitivity_class: str,
    *,
    pause_beyond: bool = False,
    by: User | None = None,
    now: datetime | None = None,
    **points: Any,
) -> Rule:
    """Change these points of the rule of a class and leave the rest as it is."""
    before = Rules.current().by_class[sensitivity_class]
    after = Rule(**{name: points.get(name, getattr(before, name)) for name in before.facts()})
    change_rule(
        sensitivity_class,
        after,
        pause_beyond=pause_beyond,
        reason="The board decided so.",
        by=builders.actor(by or builders.administrator()),
        now=now or timezone.now(),
    )
    return after


def waits(person: User, client: Client, scopes: Iterable[Scope], *, role: str = "administrator") -> PendingConsent:
    """What this person allowed on the screen and somebody of this role must agree to."""
    now = timezone.now()
    approval = Approval(
        client=client,
        user=person,
        scopes={scope: scope.wording for scope in scopes},
        purpose="Discharge letters, ward 3B",
        ends_at=now + timedelta(days=1),
        signed_in=SignIn(("password",), now, SINGLE),
    )
    with transaction.atomic():
        return pending.keep(approval, role, by=builders.actor(person), now=now)
