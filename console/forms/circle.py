"""The form by which an administrator puts somebody into an agent's circle."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from agents.models import Agent, CircleMember, User
from console.forms.choices import OneOf, offer, person_called
from console.forms.reasons import LONGEST_REASON


class CircleForm(forms.Form):
    """Whom the agent may ask from now on, and why."""

    person = OneOf(label=_("Person"), called=person_called, empty_label=_("Choose somebody"))
    reason = forms.CharField(
        label=_("Why? They and the owner see this."),
        max_length=LONGEST_REASON,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, data: Any = None, *, agent: Agent) -> None:
        super().__init__(data)
        there = CircleMember.objects.live().filter(agent=agent).values("user")
        offer(self, "person", User.objects.active().exclude(pk__in=there).order_by("name", "email"))
