"""Forms about programs that register themselves. They shape what is entered; the domain functions decide."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from agents.models import Adoption, AdoptionRule, Agent, Ownership, Registration, RegistrationToken, State, User
from agents.models.agent import Kind as AgentKind
from console.forms.choices import OneOf, offer, people_who_may_answer, person_called
from console.forms.last_day import LastDayField, end_of
from console.forms.reasons import LONGEST_REASON
from console.pages.once import form_token


def reason_field(label: Any = _("Why?")) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=LONGEST_REASON, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


def agents_that_adopt(person: User) -> QuerySet[Agent]:
    """Return the agents into which this person may adopt programs: all for administrators, otherwise those that they keep."""
    found = Agent.objects.filter(kind=AgentKind.ASSISTANT, personal_of=None).exclude(state=State.RETIRED)
    if not person.is_administrator:
        found = found.filter(pk__in=Ownership.objects.live().filter(user=person).values("agent"))
    return found.order_by("name", "pk")


class AdoptForm(forms.Form):
    """Into which agent a program is adopted, and why."""

    agent = OneOf(
        label=_("Agent"),
        empty_label=None,
        help_text=_("The program asks people for what this agent may ask for. Each of them still decides."),
    )
    reason = reason_field()

    def __init__(self, data: Any = None, *, person: User) -> None:
        super().__init__(data)
        offer(self, "agent", agents_that_adopt(person))


class AdoptNewForm(forms.Form):
    """An agent that is made for a program."""

    name = forms.CharField(label=_("Name"), max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    purpose = forms.CharField(
        label=_("Purpose"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("What it is for, in one sentence. People read it when they are asked."),
    )
    owner = OneOf(label=_("Owner"), called=person_called, empty_label=None)
    reason = reason_field()

    def __init__(self, data: Any = None, *, person: User, name: str) -> None:
        super().__init__(data, initial={"name": name, "owner": person.pk})
        themselves = User.objects.filter(pk=person.pk)
        offer(self, "owner", people_who_may_answer() if person.is_administrator else themselves)


class RegistrationPolicyForm(forms.Form):
    """Whether programs may register themselves, and who may adopt them."""

    registration = forms.ChoiceField(
        label=_("Programs may register themselves"),
        choices=[(value, capfirst(label)) for value, label in Registration.choices],
        widget=forms.RadioSelect,
        help_text=_("Registering lets a program do nothing. It waits until somebody adopts it."),
    )
    client_documents = forms.BooleanField(
        label=_("Programs may be known by a document of their own"),
        required=False,
        help_text=_("Mandate reads it at its address, for people who have signed in, and shows its host."),
    )
    adoption = forms.ChoiceField(
        label=_("Who may adopt a program"),
        choices=[(value, capfirst(label)) for value, label in Adoption.choices],
        widget=forms.RadioSelect,
        help_text=_("A personal agent acts for its person alone, gets nothing sensitive, and ends within 30 days."),
    )


class RegistrationTokenForm(forms.Form):
    """A token by which programs may register."""

    name = forms.CharField(
        label=_("For whom or what"), max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    ends_on = LastDayField()
    once = forms.CharField(widget=forms.HiddenInput, max_length=64, initial=form_token)
    said_at = {"ends_at": "ends_on"}

    def ends_at(self) -> datetime | None:
        """Return the end of the last day, in the person's time zone."""
        return end_of(self.cleaned_data["ends_on"])


class AdoptionRuleForm(forms.Form):
    """What a rule matches, and where it puts it."""

    match = forms.ChoiceField(
        label=_("Programs are adopted by"),
        choices=[(value, capfirst(label)) for value, label in AdoptionRule.Match.choices],
        widget=forms.RadioSelect,
        initial=AdoptionRule.Match.DOCUMENT_HOST,
        help_text=_("Only what Mandate verified itself. What a program calls itself is never enough."),
    )
    host = forms.CharField(
        label=_("Host of the document"),
        required=False,
        max_length=255,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "app.example.org"}),
    )
    token = OneOf(label=_("Initial access token"), required=False, empty_label="–")
    agent = OneOf(label=_("Agent"), empty_label=None)
    reason = reason_field()

    def __init__(self, data: Any = None, *, person: User, now: datetime) -> None:
        super().__init__(data)
        offer(self, "token", RegistrationToken.objects.live(now))
        offer(self, "agent", agents_that_adopt(person))
