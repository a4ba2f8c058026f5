"""The form that says to which agents an agent may ask people to let it pass work on."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from agents.models import Agent, Recipient, State, User
from agents.models.agent import Kind as AgentKind
from agents.passing import MOST_DEEP
from console.forms.choices import SomeOf, offer

HOW_FAR = [
    (1, _("They pass it on no further")),
    (2, _("They may pass it on once more, among these")),
    (3, _("They may pass it on twice more, among these")),
][:MOST_DEEP]


class RecipientsForm(forms.Form):
    """To whom, and how far. What is named already stays to choose, whoever looks."""

    to = SomeOf(
        label=_("It may ask to pass work on to"),
        called=lambda agent: f"{agent.name}: {agent.purpose}" if agent.purpose else str(agent.name),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Each person who is asked reads their names and can leave this out. None ticked: it does not ask."),
    )
    deep = forms.TypedChoiceField(label=_("How far"), choices=HOW_FAR, coerce=int, widget=forms.RadioSelect, initial=1)

    def __init__(self, data: Any = None, *, agent: Agent, viewer: User) -> None:
        there = list(Recipient.objects.live().filter(agent=agent).values_list("recipient_id", flat=True))
        super().__init__(data, initial={"to": there, "deep": agent.passes_deep})
        mine = Agent.objects.visible_to(viewer).filter(
            kind=AgentKind.ASSISTANT,
            state__in=[State.ACTIVE, State.SUSPENDED, State.DRAFT, State.PENDING],
            personal_of=None,
        )
        offer(self, "to", Agent.objects.filter(Q(pk__in=mine.values("pk")) | Q(pk__in=there)).exclude(pk=agent.pk))
