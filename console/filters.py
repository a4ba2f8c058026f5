"""What lists can be filtered and sorted by: closed choices, so that an address can be shared and never breaks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Lower
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from agents.models import Agent, Client, DataClass, LastUse, Ownership, State
from agents.models.agent import Kind as AgentKind

DATA_CHOICES = [("", _("All data")), *((value, label) for value, label in DataClass.choices if value)]
KIND_CHOICES = [
    ("", _("Every kind")),
    (AgentKind.ASSISTANT.value, _("for people")),
    (AgentKind.AUTONOMOUS.value, _("by itself")),
]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list: its name in the address, its words, and whether its figures stand at the end."""

    name: str
    label: str | Promise
    at_end: bool = False


AGENT_COLUMNS = (
    Column("name", _("Agent")),
    Column("owner", _("Owner")),
    Column("state", _("State")),
    Column("", _("Data")),
    Column("seen", _("Last seen"), at_end=True),
    Column("ends", _("Ends"), at_end=True),
)


def search_input(placeholder: str | Promise) -> forms.SearchInput:
    """Return the field into which one types what one looks for. placeholder: what is looked through."""
    return forms.SearchInput(attrs={"placeholder": placeholder, "autocomplete": "off", "enterkeyhint": "search"})


class AgentFilter(forms.Form):
    """The filters of the agents page. Whatever the address says, ``apply`` gives a list."""

    q = forms.CharField(
        required=False, max_length=100, label=_("Find agents"), widget=search_input(_("Name, purpose, owner, client"))
    )
    state = forms.ChoiceField(required=False, choices=[("", _("Every state")), *State.choices], label=_("State"))
    data_class = forms.ChoiceField(required=False, choices=DATA_CHOICES, label=_("Data"))
    kind = forms.ChoiceField(required=False, choices=KIND_CHOICES, label=_("Kind"))
    unowned = forms.BooleanField(required=False)
    """Only those for which nobody answers any more."""

    def apply(self, found: QuerySet[Agent]) -> QuerySet[Agent]:
        """Return those that match. A filter that is not one of the choices asks for nothing."""
        self.is_valid()
        asked = self.cleaned_data
        if words := asked.get("q"):
            found = found.filter(self._matches(words))
        if state := asked.get("state"):
            found = found.filter(state=state)
        if kind := asked.get("kind"):
            found = found.filter(kind=kind)
        if asked.get("unowned"):
            found = without_owner(found)
        if data := asked.get("data_class"):
            # Kept as a JSON list of known words: the quoted word finds it on both engines, and finds no other.
            declared = Q(data_classes=[]) if data == DataClass.NONE else Q(data_classes__icontains=f'"{data}"')
            found = found.filter(declared)
        return found

    @staticmethod
    def _matches(words: str) -> Q:
        owners = Ownership.objects.live().filter(agent=OuterRef("pk"), user__name__icontains=words)
        clients = Client.objects.filter(agent=OuterRef("pk")).filter(
            Q(name__icontains=words) | Q(client_id__icontains=words)
        )
        return Q(name__icontains=words) | Q(purpose__icontains=words) | Exists(owners) | Exists(clients)


def without_owner(found: QuerySet[Agent]) -> QuerySet[Agent]:
    """Return those for which nobody answers: no live owner, or one who cannot sign in any more."""
    owned = Ownership.objects.live_owners().filter(agent=OuterRef("pk"), user__is_active=True)
    return found.filter(~Exists(owned))


def sort_agents(found: QuerySet[Agent], sort: str) -> tuple[QuerySet[Agent], str]:
    """Return the agents in this order, and the name of the order. What is not in the list sorts by name."""
    backwards, name = sort.startswith("-"), sort.lstrip("-")
    if name == "owner":
        owner = Ownership.objects.live_owners().filter(agent=OuterRef("pk")).values(key=Lower("user__name"))[:1]
        found = found.annotate(key=Subquery(owner))
    elif name == "seen":
        found = found.annotate(key=Subquery(LastUse.objects.filter(pk=OuterRef("pk")).values("used_at")[:1]))
    elif name == "ends":
        found = found.annotate(key=F("ends_at"))
    elif name == "state":
        found = found.annotate(key=F("state"))
    else:
        name = "name"
    if name == "name":
        return found.order_by("-name" if backwards else "name", "pk"), f"{'-' if backwards else ''}name"
    key = F("key").desc(nulls_last=True) if backwards else F("key").asc(nulls_last=True)
    return found.order_by(key, "name", "pk"), f"{'-' if backwards else ''}{name}"


def ends_soon(agent: Agent, now: datetime) -> bool:
    """Whether the end of the agent is near enough to say so: 14 days, when its owner is warned first."""
    return agent.ends_at is not None and now < agent.ends_at and (agent.ends_at - now).days < 14
