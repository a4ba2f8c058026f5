"""Forms about agents: they shape what is entered. The domain functions decide."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from agents.enrolment import Enrolment, Then
from agents.models import Agent, AgentScope, AuthMethod, DataClass, Environment, Resource, Scope, State, User
from agents.models.agent import Kind as AgentKind
from console.forms.choices import OneOf, SomeOf, offer, people_who_may_answer, person_called
from console.forms.last_day import LastDayField, end_of
from console.forms.sent_once import SentOnce

DATA_CLASSES = [(value, label) for value, label in DataClass.choices if value != DataClass.NONE]


@dataclass(frozen=True, slots=True)
class ScopeGroup:
    """The permissions of one resource as checkboxes."""

    resource: Resource
    rows: list[dict[str, Any]]


def scope_groups(chosen: Iterable[Any], *, name: str = "scopes") -> list[ScopeGroup]:
    """Return every permission that is offered, by resource, as rows of ``components/scope_row.html``."""
    ticked = {str(value) for value in chosen}
    groups: dict[Resource, list[dict[str, Any]]] = {}
    offered = Scope.objects.live().select_related("resource").prefetch_related("wordings")
    for scope in offered.order_by("resource__name", "resource__id", "name"):
        wording = scope.wording
        groups.setdefault(scope.resource, []).append(
            {
                "title": wording.title,
                "detail": wording.detail,
                "access": scope.access,
                "data": scope.data_class,
                "code": scope.name,
                "name": name,
                "value": scope.pk,
                "checked": str(scope.pk) in ticked,
                "scope": scope,
            }
        )
    return [ScopeGroup(resource, rows) for resource, rows in groups.items()]


def lines(text: str) -> tuple[str, ...]:
    """Return the lines of a text that have something in them."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


class AgentFactsForm(forms.Form):
    """What can be said of an agent at any time."""

    said_at = {"ends_at": "ends_on"}
    """Where the domain's word for a field is not the one that people fill in (``console.pages.errors.said_in``)."""

    name = forms.CharField(label=_("Name"), max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    purpose = forms.CharField(
        label=_("Purpose"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("What it is for, in one sentence. People read it when they are asked."),
    )
    environment = forms.ChoiceField(label=_("Runs in"), choices=Environment.choices)
    data_classes = forms.MultipleChoiceField(
        label=_("Data it works with"),
        choices=DATA_CLASSES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    unit = forms.CharField(
        label=_("Run by"),
        max_length=80,
        required=False,
        help_text=_("The part of the organisation behind it, such as Clinic Operations."),
    )
    ends_on = LastDayField(
        help_text=_("After this day it gets no token any more. Its owner is warned before."),
    )

    def ends_at(self) -> datetime | None:
        """Return the end: the last moment of the day that was chosen, in the person's time zone."""
        return end_of(self.cleaned_data["ends_on"])


class EditAgentForm(AgentFactsForm):
    """Facts of an agent that exists."""

    def __init__(self, data: Any = None, *, agent: Agent) -> None:
        ends_on = timezone.localtime(agent.ends_at).date() if agent.ends_at else None
        names = ("name", "purpose", "environment", "data_classes", "unit")
        initial = {name: getattr(agent, name) for name in names} | {"ends_on": ends_on}
        super().__init__(data, initial=initial)
        self.fields["purpose"].required = agent.state != State.DRAFT
        self.agent = agent

    def changes(self) -> dict[str, Any]:
        """Return what ``registry.edit`` takes. A day that was left as it is keeps its hour too."""
        facts = {name: self.cleaned_data[name] for name in ("name", "purpose", "environment", "data_classes", "unit")}
        if "ends_on" in self.changed_data:
            facts["ends_at"] = self.ends_at()
        return facts


class RegisterForm(AgentFactsForm, SentOnce):
    """Register an agent: what it is, what it may ask for, and how its client comes back."""

    kind = forms.ChoiceField(
        label=_("Acts for"),
        choices=[
            (AgentKind.ASSISTANT, _("people, each of whom allows it")),
            (AgentKind.AUTONOMOUS, _("the organisation, by itself")),
        ],
        initial=AgentKind.ASSISTANT,
        widget=forms.RadioSelect,
    )
    scopes = forms.ModelMultipleChoiceField(Scope.objects.live(), required=False)
    redirect_uris = forms.CharField(
        label=_("Where people return to"),
        required=False,
        widget=forms.Textarea(
            attrs={"rows": 2, "spellcheck": "false", "placeholder": "https://app.example.org/callback"}
        ),
        help_text=_("One address a line: where your program waits for the answer. You can add it later too."),
    )
    public = forms.BooleanField(
        label=_("It runs on people’s own devices"),
        required=False,
        help_text=_("A program that everybody can read keeps no key. It proves each request with PKCE instead."),
    )
    owner = OneOf(label=_("Owner"), called=person_called)
    then = forms.ChoiceField(choices=[(then.value, then.value) for then in Then], required=False)

    field_order = ("name", "purpose", "kind", "environment", "data_classes", "scopes", "redirect_uris", "public")

    def __init__(self, data: Any = None, *, user: User, chooses_owner: bool) -> None:
        super().__init__(data)
        self.fields["purpose"].required = True
        if chooses_owner:
            offer(self, "owner", people_who_may_answer())
            self.fields["owner"].initial = user.pk
        else:
            del self.fields["owner"]
        self.user = user

    def groups(self) -> list[ScopeGroup]:
        """Return the checkboxes of what it may ask for."""
        return scope_groups(self["scopes"].value() or ())

    def enrolment(self) -> Enrolment:
        """Return what was filled in."""
        facts = self.cleaned_data
        assistant = facts["kind"] == AgentKind.ASSISTANT
        return Enrolment(
            name=facts["name"],
            purpose=facts["purpose"],
            kind=facts["kind"],
            owner=facts.get("owner") or self.user,
            environment=facts["environment"],
            unit=facts["unit"],
            data_classes=frozenset(facts["data_classes"]),
            ends_at=self.ends_at(),
            scopes=frozenset(facts["scopes"]),
            auth_method=AuthMethod.NONE if assistant and facts["public"] else AuthMethod.BASIC,
            redirect_uris=lines(facts["redirect_uris"]) if assistant else (),
        )

    def next_step(self) -> Then:
        """Return how far it goes at once: as far as the button said, and a draft without one."""
        return Then(self.cleaned_data["then"] or Then.DRAFT)


class HandOverForm(forms.Form):
    """Give an agent to somebody else."""

    owner = OneOf(label=_("New owner"), called=person_called, empty_label=_("Choose somebody"))
    reason = forms.CharField(label=_("Why?"), max_length=500, widget=forms.TextInput(attrs={"autocomplete": "off"}))

    revoke_keys = forms.BooleanField(
        label=_("Revoke the keys made before"),
        required=False,
        initial=True,
        help_text=_("Whoever kept one could go on acting as this agent. It gets no token until it has a new key."),
    )

    def __init__(self, data: Any = None, *, agent: Agent) -> None:
        super().__init__(data)
        owner = agent.owner
        people = people_who_may_answer()
        offer(self, "owner", people.exclude(pk=owner.pk) if owner else people)


class DeputiesForm(forms.Form):
    """Choose who may stand in for the owner."""

    deputies = SomeOf(
        label=_("Deputies"),
        called=person_called,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("They may do for this agent what its owner may, but for retiring it and giving it away."),
    )

    def __init__(self, data: Any = None, *, agent: Agent) -> None:
        super().__init__(data, initial={"deputies": [person.pk for person in agent.deputies]})
        owner = agent.owner
        people = people_who_may_answer()
        offer(self, "deputies", people.exclude(pk=owner.pk) if owner else people)


class AgentScopesForm(forms.Form):
    """What an agent may ask for, and which of it the task cannot do without."""

    scopes = forms.ModelMultipleChoiceField(Scope.objects.live(), required=False)
    required = forms.ModelMultipleChoiceField(Scope.objects.live(), required=False)

    def __init__(self, data: Any = None, *, agent: Agent) -> None:
        rows = list(AgentScope.objects.live().filter(agent=agent))
        initial = {
            "scopes": [row.scope_id for row in rows],
            "required": [row.scope_id for row in rows if row.required],
        }
        super().__init__(data, initial=initial)

    def groups(self) -> list[ScopeGroup]:
        """Return the checkboxes; each row says as ``required`` whether it is ticked as required."""
        required = {str(value) for value in self["required"].value() or ()}
        groups = scope_groups(self["scopes"].value() or ())
        for group in groups:
            for row in group.rows:
                row["is_required"] = str(row["value"]) in required
        return groups
