"""Sensitivity rules: what a decision on a permission takes. For several permissions the strictest counts, point by point.

A permission has one class of data, and besides counts as deleting or as marked (``classes_of``). ``Rules`` are read once
for a screen or a decision, in one query. Who may change them, and what becomes of consents, is in ``rule_changes.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import reduce
from typing import Any

from django.db.models import Q

from agents.models.resource import Access, Scope
from agents.models.sensitivity_rule import ApproverRole, SensitivityClass, SensitivityRule

LONGEST_LIFE = timedelta(days=3653)
"""What no permission and no rule goes beyond."""
_STRICTNESS = (ApproverRole.NOBODY, ApproverRole.OWNER, ApproverRole.ADMINISTRATOR)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a decision takes. The defaults ask for nothing and limit nothing.

    fresh_within: how long ago the person may have proved who they are; None: their session is enough.
    """

    purpose_required: bool = False
    longest_life: timedelta = LONGEST_LIFE
    fresh_within: timedelta | None = None
    passkey_required: bool = False
    approver_role: str = ApproverRole.NOBODY
    remember_allowed: bool = True

    def with_(self, other: Rule) -> Rule:
        """Return the rule that counts where both apply: of each point the stricter."""
        fresh = [each for each in (self.fresh_within, other.fresh_within) if each is not None]
        return Rule(
            purpose_required=self.purpose_required or other.purpose_required,
            longest_life=min(self.longest_life, other.longest_life),
            fresh_within=min(fresh, default=None),
            passkey_required=self.passkey_required or other.passkey_required,
            approver_role=max(self.approver_role, other.approver_role, key=strictness),
            remember_allowed=self.remember_allowed and other.remember_allowed,
        )

    def demands(self) -> dict[str, Any]:
        """Return what it asks of whoever decides, as plain JSON values; what it does not ask is left out."""
        asked: dict[str, Any] = {}
        if self.fresh_within is not None:
            asked["fresh_within"] = int(self.fresh_within.total_seconds())
        if self.passkey_required:
            asked["passkey"] = True
        if self.approver_role:
            asked["approver"] = str(self.approver_role)
        return asked

    def facts(self) -> dict[str, Any]:
        """Return its points as plain JSON values, lives in seconds: for an event and for what paused a consent."""
        return {name: _plain(getattr(self, name)) for name in POINTS}


POINTS = tuple(field.name for field in fields(Rule))


def strictness(role: str) -> int:
    """Return how few people can agree: none needed, an owner of some agent, an administrator."""
    return _STRICTNESS.index(ApproverRole(role))


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    return str(value) if isinstance(value, str) else value


_SENSITIVE = Rule(purpose_required=True)
DEFAULTS: Mapping[str, Rule] = {
    SensitivityClass.NONE: Rule(),
    SensitivityClass.PERSONAL: Rule(),
    SensitivityClass.HEALTH: _SENSITIVE,
    SensitivityClass.FINANCIAL: _SENSITIVE,
    SensitivityClass.DELETE: _SENSITIVE,
    SensitivityClass.MARKED: _SENSITIVE,
}
"""The rules that Mandate comes with. A class has its default until an administrator changes it."""


def classes_of(scope: Scope) -> frozenset[str]:
    """Return the classes whose rules a permission is under: that of its data, and deleting and marked on top."""
    found = {str(scope.data_class)}
    if scope.access == Access.DELETE:
        found.add(SensitivityClass.DELETE.value)
    if scope.marked_sensitive:
        found.add(SensitivityClass.MARKED.value)
    return frozenset(found)


def in_class(sensitivity_class: str, prefix: str = "") -> Q:
    """Return the condition that a scope is of this class: ``classes_of`` for a queryset. prefix: the way to the scope."""
    if sensitivity_class == SensitivityClass.DELETE:
        return Q(**{f"{prefix}access": Access.DELETE})
    if sensitivity_class == SensitivityClass.MARKED:
        return Q(**{f"{prefix}marked_sensitive": True})
    return Q(**{f"{prefix}data_class": sensitivity_class})


@dataclass(frozen=True, slots=True)
class Rules:
    """The rule of each class at one moment."""

    by_class: Mapping[str, Rule]

    @classmethod
    def current(cls) -> Rules:
        """Return the rules as they are now, in one query."""
        changed = {row.sensitivity_class: rule_of(row) for row in SensitivityRule.objects.all()}
        return cls({**DEFAULTS, **changed})

    def over(self, scopes: Iterable[Scope]) -> Rule:
        """Return the one rule for these permissions together. The only place that says which of several counts."""
        classes = {each for scope in scopes for each in classes_of(scope)}
        return reduce(Rule.with_, (self.by_class[each] for each in sorted(classes)), Rule())

    def longest_life(self, scope: Scope) -> timedelta:
        """Return for how long a consent may hold this permission: its own longest life, or less by the rule."""
        return min(scope.longest_life, self.over([scope]).longest_life)


def rule_of(row: SensitivityRule) -> Rule:
    """Return what a row says."""
    return Rule(**{name: getattr(row, name) for name in POINTS})
