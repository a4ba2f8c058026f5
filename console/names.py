"""The names behind the ids of events: people, agents, clients, resources and texts, in a fixed number of queries.

Events hold plain ids and digests (decisions.md, The trail). What an id names may have changed its name since, and a
text may have been erased: pages show what is known now.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from agents.actors import ActorKind
from agents.models import Agent, Client, Event, Ownership, Resource, User
from agents.permissions import May
from agents.trail.record import text_of
from console.templatetags.mandate import bdi_name


@dataclass(frozen=True, slots=True)
class Names:
    """What the ids and digests of some events stand for, and which of their pages the viewer may open."""

    viewer: User
    people: Mapping[uuid.UUID, User] = field(default_factory=dict)
    agents: Mapping[uuid.UUID, Agent] = field(default_factory=dict)
    clients: Mapping[uuid.UUID, Client] = field(default_factory=dict)
    resources: Mapping[uuid.UUID, Resource] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    own_agents: frozenset[uuid.UUID] = frozenset()

    @classmethod
    def of(cls, events: Iterable[Event], viewer: User) -> Names:
        """Look up everything that these events name: six queries at most, however many events there are."""
        events = list(events)
        people = {event.user_id for event in events} | {e.actor_id for e in events if e.actor_kind == ActorKind.USER}
        people |= {person for event in events for person in _ids_in(event.detail)}
        resources = {event.resource_id for event in events}
        resources |= {event.actor_id for event in events if event.actor_kind == ActorKind.RESOURCE}
        digests = {d for event in events for d in (event.purpose_digest, event.reason_digest, event.address_digest)}
        return cls(
            viewer=viewer,
            people=_in_bulk(User, people),
            agents=_in_bulk(Agent, {event.agent_id for event in events} | {_passed_by(event) for event in events}),
            clients=_in_bulk(Client, {event.client_id for event in events}),
            resources=_in_bulk(Resource, resources),
            texts=text_of(digests),
            own_agents=_own_agents(viewer),
        )

    @property
    def reads_everything(self) -> bool:
        return self.viewer.reads_everything

    # ---------------------------------------------------------------------------------- names, as safe HTML in bold

    def person(self, user_id: uuid.UUID | None) -> SafeString:
        found = self.people.get(user_id) if user_id else None
        if found:
            return strong(found.display_name)
        return strong(_("person %(id)s") % {"id": user_id.hex[-8:]}) if user_id else strong(_("somebody"))

    def agent(self, agent_id: uuid.UUID | None) -> SafeString:
        found = self.agents.get(agent_id) if agent_id else None
        return strong(found.name if found else _("an unknown agent"))

    def client(self, client_id: uuid.UUID | None) -> SafeString:
        found = self.clients.get(client_id) if client_id else None
        return strong(found.name or found.client_id if found else _("an unknown client"))

    def resource(self, resource_id: uuid.UUID | None) -> SafeString:
        found = self.resources.get(resource_id) if resource_id else None
        return strong(found.name if found else _("an unknown resource"))

    def actor(self, event: Event) -> SafeString:
        """Name who did it: a person, the agent of a client, a resource, Mandate itself, or somebody unknown."""
        if event.actor_kind == ActorKind.USER:
            return self.person(event.actor_id)
        if event.actor_kind == ActorKind.RESOURCE:
            return self.resource(event.actor_id)
        if event.actor_kind == ActorKind.SYSTEM:
            return strong(_("Mandate"))
        if event.agent_id in self.agents:
            return self.agent(event.agent_id)
        if event.client_id in self.clients:
            return self.client(event.client_id)
        return strong(_("Somebody unknown"))

    def text(self, digest: str) -> str:
        """Return a text that an event names, ``(erased)`` where it is gone, or nothing where it names none."""
        return self.texts.get(digest, _("(erased)")) if digest else ""

    # ------------------------------------------------------------------------------------ pages the viewer may open

    def person_url(self, user_id: uuid.UUID | None) -> str:
        return reverse("person", args=[user_id]) if user_id in self.people and self.reads_everything else ""

    def agent_url(self, agent_id: uuid.UUID | None) -> str:
        may_open = agent_id in self.agents and (self.reads_everything or agent_id in self.own_agents)
        return reverse("agent", args=[agent_id]) if may_open else ""

    def resource_url(self, resource_id: uuid.UUID | None) -> str:
        may_open = resource_id in self.resources and self.viewer.has_perm(May.SEE_RESOURCES)
        return reverse("resource", args=[resource_id]) if may_open else ""

    def consent_url(self, event: Event) -> str:
        """Return the page of the event's consent: for those who read all, keep its agent, or are the person acted for."""
        if not event.consent_id:
            return ""
        mine = event.agent_id in self.own_agents or event.user_id == self.viewer.pk
        return reverse("consent", args=[event.consent_id]) if self.reads_everything or mine else ""


def strong(name: object) -> SafeString:
    """Return a name in bold, isolated and with its odd characters marked: somebody chose it."""
    return format_html("<strong>{}</strong>", bdi_name(name))


def _own_agents(viewer: User) -> frozenset[uuid.UUID]:
    if viewer.reads_everything:
        return frozenset()
    return frozenset(Ownership.objects.live().filter(user=viewer).values_list("agent_id", flat=True))


def _in_bulk(model: Any, ids: set[uuid.UUID | None]) -> dict[uuid.UUID, Any]:
    wanted = ids - {None}
    return model.objects.in_bulk(wanted) if wanted else {}


def _ids_in(detail: Any) -> set[uuid.UUID]:
    """Return the people that ``before`` and ``after`` name (an owner, deputies)."""
    found: set[uuid.UUID] = set()
    if not isinstance(detail, dict):
        return found
    for value in (detail.get("before"), detail.get("after")):
        for item in value if isinstance(value, list) else [value]:
            identifier = as_uuid(item)
            if identifier:
                found.add(identifier)
    return found


def _passed_by(event: Event) -> uuid.UUID | None:
    """Return the agent that passed work on, of which an event of another agent tells."""
    return as_uuid(event.detail.get("passed_by")) if isinstance(event.detail, dict) else None


def as_uuid(value: object) -> uuid.UUID | None:
    """Return the id that a text spells, or None."""
    if not isinstance(value, str) or len(value) > 45:
        return None
    try:
        return uuid.UUID(value)
    except ValueError:
        return None
