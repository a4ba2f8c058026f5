"""Changing a sensitivity rule. New decisions follow it at once; what stands is left, or paused where it goes beyond.

A change takes the rows of the permissions that it is about, as a decision on one of them does (``consent/approval.py``): so
no consent is made under the old rule after the new one has looked for those that go beyond it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from agents import drift
from agents.actors import Actor, require
from agents.drift import Drift, What
from agents.errors import Forbidden, InvalidInput
from agents.models import Scope
from agents.models.sensitivity_rule import SHORTEST_RULE_LIFE, ApproverRole, SensitivityClass, SensitivityRule
from agents.permissions import May
from agents.rules import DEFAULTS, LONGEST_LIFE, POINTS, Rule, in_class, rule_of
from agents.texts import reason_of
from agents.trail.kinds import Kind
from agents.trail.record import record

LONGEST_FRESH = timedelta(days=30)


@transaction.atomic
def change_rule(
    sensitivity_class: str, rule: Rule, *, pause_beyond: bool, reason: str, by: Actor, now: datetime
) -> Rule:
    """Decide what permissions of this class take from now on. Returns the rule as it was before.

    pause_beyond: consents that go beyond the new rule pause until their person has decided under it; otherwise they stand
    as they were agreed to until they end. Raises Forbidden, InvalidInput. Records ``sensitivity.rule_changed``, if
    anything changed, and ``consent.paused`` for each that pauses.
    """
    require(by, May.CHANGE_POLICY)
    if by.user is None:
        raise Forbidden(May.CHANGE_POLICY)
    reason = reason_of(reason)
    checked(sensitivity_class, rule)
    scopes = Scope.objects.filter(in_class(sensitivity_class)).order_by("pk")
    list(scopes.select_for_update(no_key=True).values_list("pk", flat=True))
    row, made = SensitivityRule.objects.select_for_update().get_or_create(
        sensitivity_class=sensitivity_class,
        defaults={**_points(DEFAULTS[sensitivity_class]), "changed_at": now, "changed_by": by.user},
    )
    before = rule_of(row)
    if before == rule:
        if made:
            row.delete()
        return before
    for name, value in _points(rule).items():
        setattr(row, name, value)
    row.version, row.changed_at, row.changed_by = row.version + 1, now, by.user
    row.save()
    was, is_now = _what_differs(before, rule)
    found = drift_of_rule(sensitivity_class, before, rule)
    paused = drift.tell(found, by=by, now=now) if pause_beyond else 0
    record(
        Kind.RULE_CHANGED,
        by=by,
        now=now,
        reason=reason,
        sensitivity_class=sensitivity_class,
        before=was,
        after=is_now,
        version=row.version,
        paused=paused,
    )
    return before


def drift_of_rule(sensitivity_class: str, before: Rule, after: Rule) -> list[Drift]:
    """Return the change as a difference to what people agreed to. Which consents go beyond it is asked of each."""
    if before == after:
        return []
    was, is_now = _what_differs(before, after)
    return [Drift(What.RULE, was, is_now, sensitivity_class=sensitivity_class, rule=after)]


def checked(sensitivity_class: str, rule: Rule) -> None:
    """Raise InvalidInput for a rule that may not be."""
    if sensitivity_class not in SensitivityClass.values:
        raise InvalidInput("sensitivity_class", _("There is no such class."))
    if not SHORTEST_RULE_LIFE <= rule.longest_life <= LONGEST_LIFE:
        raise InvalidInput("longest_life", _("Choose at least five minutes and at most ten years."))
    if rule.fresh_within is not None and not SHORTEST_RULE_LIFE <= rule.fresh_within <= LONGEST_FRESH:
        raise InvalidInput("fresh_within", _("Choose at least five minutes and at most thirty days."))
    if rule.approver_role not in ApproverRole.values:
        raise InvalidInput("approver_role", _("Choose among the roles offered."))


def _points(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in POINTS}


def _what_differs(before: Rule, after: Rule) -> tuple[dict[str, Any], dict[str, Any]]:
    was, is_now = before.facts(), after.facts()
    changed = [name for name in POINTS if was[name] != is_now[name]]
    return {name: was[name] for name in changed}, {name: is_now[name] for name in changed}
