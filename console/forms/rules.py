"""The form by which an administrator decides what permissions of a class take."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from agents.models import ApproverRole
from agents.rules import LONGEST_LIFE, Rule
from consent.until import life_in_words
from console.forms.choices import offer_words
from console.forms.reasons import LONGEST_REASON

NONE = "none"
"""How the form sends that nothing is asked for."""
LIVES = [
    (timedelta(hours=1), _("1 hour")),
    (timedelta(hours=8), _("8 hours")),
    (timedelta(days=1), _("1 day")),
    (timedelta(days=7), _("7 days")),
    (timedelta(days=30), _("30 days")),
    (timedelta(days=90), _("90 days")),
    (timedelta(days=365), _("1 year")),
    (LONGEST_LIFE, _("as long as each permission says")),
]
FRESH = [
    (None, _("their session is enough")),
    (timedelta(minutes=5), _("within 5 minutes")),
    (timedelta(minutes=15), _("within 15 minutes")),
    (timedelta(hours=1), _("within an hour")),
    (timedelta(hours=8), _("within 8 hours")),
]


class RuleForm(forms.Form):
    """One rule. A life that is none of those offered, set by another way, is offered as it is."""

    longest_life = forms.ChoiceField(
        label=_("Longest time"), help_text=_("No consent holds it for longer, whatever the permission itself says.")
    )
    fresh_within = forms.ChoiceField(
        label=_("The person must have signed in"),
        help_text=_("If it is longer ago, they prove who they are once more before they can allow it."),
    )
    approver_role = forms.ChoiceField(
        label=_("Besides the person, this must be agreed to by"),
        choices=[(value or NONE, label) for value, label in ApproverRole.choices],
        help_text=_("Never the person, nor the owner or a deputy of the agent. Until then the agent gets nothing."),
    )
    purpose_required = forms.BooleanField(
        label=_("The person confirms what it is for"),
        required=False,
        help_text=_("With a tick on the screen, or in their own words."),
    )
    passkey_required = forms.BooleanField(
        label=_("The person signs in by a passkey"),
        required=False,
        help_text=_("A password with a code is not enough. Whoever has no passkey cannot allow it until they add one."),
    )
    remember_allowed = forms.BooleanField(
        label=_("An agent that asks for the same again needs no new screen"),
        required=False,
        help_text=_("Otherwise the person decides each time that the agent comes back to them."),
    )
    reason = forms.CharField(
        label=_("Why?"), max_length=LONGEST_REASON, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, data: Any = None, *, rule: Rule) -> None:
        initial = {
            "longest_life": _key(rule.longest_life),
            "fresh_within": _key(rule.fresh_within),
            "approver_role": rule.approver_role or NONE,
            "purpose_required": rule.purpose_required,
            "passkey_required": rule.passkey_required,
            "remember_allowed": rule.remember_allowed,
        }
        super().__init__(data, initial=initial)
        for name, offered in (("longest_life", LIVES), ("fresh_within", FRESH)):
            choices = [(_key(life), str(words)) for life, words in offered]
            now = getattr(rule, name)
            if now is not None and _key(now) not in dict(choices):
                choices.insert(0, (_key(now), life_in_words(now)))
            offer_words(self, name, choices)

    def rule(self) -> Rule:
        """Return the rule as it was filled in."""
        data = self.cleaned_data
        return Rule(
            purpose_required=data["purpose_required"],
            longest_life=timedelta(seconds=int(data["longest_life"])),
            fresh_within=None if data["fresh_within"] == NONE else timedelta(seconds=int(data["fresh_within"])),
            passkey_required=data["passkey_required"],
            approver_role="" if data["approver_role"] == NONE else data["approver_role"],
            remember_allowed=data["remember_allowed"],
        )


def _key(life: timedelta | None) -> str:
    return NONE if life is None else str(int(life.total_seconds()))
