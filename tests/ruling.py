"""Builders of sensitivity rules: an administrator decides, as on the page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from agents.models import User
from agents.rule_changes import change_rule
from agents.rules import Rule, Rules
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
