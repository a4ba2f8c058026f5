"""Sensitivity rules in words: on the page where they are changed, and to people whose consent pauses for one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents.models import ApproverRole, SensitivityClass
from agents.rules import LONGEST_LIFE, POINTS, Rule
from consent.until import life_in_words

LABELS: dict[str, str | Promise] = {
    "purpose_required": gettext_lazy("What it is for"),
    "longest_life": gettext_lazy("Longest time"),
    "fresh_within": gettext_lazy("Signing in again"),
    "passkey_required": gettext_lazy("Passkey"),
    "approver_role": gettext_lazy("Who agrees too"),
    "remember_allowed": gettext_lazy("Asked again"),
}
"""One for each point of a rule."""


def class_in_words(sensitivity_class: str) -> str:
    """Return what a class is about: health data."""
    return str(dict(SensitivityClass.choices).get(sensitivity_class, sensitivity_class))


def point_in_words(name: str, value: Any) -> str:
    """Say one point of a rule. value: as ``Rule.facts`` gives it, lives in seconds; anything else is said as unknown."""
    if name == "purpose_required":
        return _("confirmed by the person") if value else _("not asked")
    if name == "passkey_required":
        return _("needed") if value else _("not needed")
    if name == "remember_allowed":
        return _("only for something new") if value else _("each time")
    if name == "approver_role" and value in ApproverRole.values:
        return str(ApproverRole(value).label)
    if name == "fresh_within" and value is None:
        return _("not needed")
    if isinstance(value, bool) or not isinstance(value, int):
        return _("something else")
    life = timedelta(seconds=value)
    if name == "fresh_within":
        return _("at most %(life)s before") % {"life": life_in_words(life)}
    return _("as each permission says") if life >= LONGEST_LIFE else life_in_words(life)


def points_of(rule: Rule) -> dict[str, str]:
    """Return each point of a rule in words."""
    return {name: point_in_words(name, value) for name, value in rule.facts().items()}


def changes_in_words(facts: Mapping[str, Any]) -> str:
    """Say some points of a rule in one line, each with its label."""
    known = [(name, facts[name]) for name in POINTS if name in facts]
    return "; ".join(f"{LABELS[name]}: {point_in_words(name, value)}" for name, value in known)
