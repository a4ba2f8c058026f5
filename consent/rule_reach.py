"""Whom a change of a sensitivity rule would reach: said before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from agents.drift import Drift
from agents.models import AgentScope, Scope, User
from agents.rules import Rule, in_class
from consent.drift import Affected, affected_by, under_class


@dataclass(frozen=True, slots=True)
class Reach:
    """What a change is about. scopes, agents: new decisions on these follow the new rule.

    consents, people: those that hold something of the class now. beyond: those of them that go beyond the new rule.
    approvers: how many people could agree, for a rule that asks for that; None for one that does not.
    """

    scopes: int
    agents: int
    consents: int
    people: int
    beyond: Affected
    approvers: int | None


def reach_of(sensitivity_class: str, rule: Rule, drifts: Sequence[Drift], now: datetime) -> Reach:
    """Return whom this rule for this class would reach, in a fixed number of queries."""
    scopes = Scope.objects.live().filter(in_class(sensitivity_class))
    holding = under_class(sensitivity_class, now)
    return Reach(
        scopes=scopes.count(),
        agents=AgentScope.objects.live().filter(scope__in=scopes).values("agent").distinct().count(),
        consents=holding.count(),
        people=holding.filter(user__isnull=False).values("user").distinct().count(),
        beyond=affected_by(drifts, now),
        approvers=User.objects.who_may_agree(rule.approver_role).count() if rule.approver_role else None,
    )
