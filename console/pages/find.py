"""Find anything by a word: the one box of the side bar. Leads straight to the thing when only one fits."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from agents.actors import Actor, require
from agents.models import Agent, Client, Event, Resource, User
from agents.permissions import May
from agents.trail.search import Search, find_events
from consent.models import Consent
from consent.screens.who_and_when import moment_of, person_of
from console.names import Names
from console.pages.parts import render_page
from console.sentences import tell

MOST = 8
MOST_EVENTS = 10
LONGEST_WORDS = 200


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that fits."""

    name: str
    url: str
    detail: str = ""
    kind: str = "person"


@dataclass(frozen=True, slots=True)
class Hits:
    """The things of one sort that fit."""

    title: str
    hits: list[Hit] = field(default_factory=list)


@require_safe
def find(request: HttpRequest) -> HttpResponse:
    """Look for agents, clients, people, resources, consents and events that the person may see."""
    require(Actor.of(request), May.SEE_TRAIL)
    viewer = person_of(request)
    now = moment_of(request)
    words = " ".join(request.GET.get("q", "").replace("\0", " ").split())[:LONGEST_WORDS]
    groups = [hits for hits in _everything(words, viewer) if hits.hits] if words else []
    events = find_events(Search(words=words), viewer=viewer, size=MOST_EVENTS).events if words else []
    only = _only_one(groups, events)
    if only:
        return redirect(only)
    context = {
        "words": words,
        "groups": groups,
        "events": tell(events, Names.of(events, viewer), now),
        "trail_url": f"{reverse('trail')}?{urlencode({'q': words})}",
        "nothing": bool(words) and not groups and not events,
    }
    return render_page(request, "console/find.html", context)


def _only_one(groups: list[Hits], events: list[Event]) -> str:
    """Return the address of the one thing that fits. Its own events do not make it two."""
    hits = [hit for group in groups for hit in group.hits]
    if len(hits) == 1 and hits[0].url:
        return hits[0].url
    return events[0].get_absolute_url() if not hits and len(events) == 1 else ""


def _everything(words: str, viewer: User) -> list[Hits]:
    identifier = _uuid(words)
    by_id = Q(pk=identifier) if identifier else Q(pk__in=[])
    agents = Agent.objects.visible_to(viewer)
    found = agents.filter(by_id | Q(name__icontains=words) | Q(purpose__icontains=words)).order_by("name")[:MOST]
    groups = [Hits(_("Agents"), [Hit(a.name, a.get_absolute_url(), a.purpose, "agent") for a in found])]
    clients = Client.objects.filter(agent__in=agents).filter(by_id | Q(name__icontains=words) | Q(client_id=words))
    groups.append(
        Hits(_("Clients"), [_client(client) for client in clients.select_related("agent").order_by("name")[:MOST]])
    )
    if viewer.has_perm(May.SEE_PEOPLE):
        people = User.objects.filter(by_id | Q(name__icontains=words) | Q(email__icontains=words)).order_by("name")[
            :MOST
        ]
        groups.append(Hits(_("People"), [Hit(p.display_name, reverse("person", args=[p.pk]), p.email) for p in people]))
    if viewer.has_perm(May.SEE_RESOURCES):
        resources = Resource.objects.filter(by_id | Q(name__icontains=words) | Q(uri=words)).order_by("name")[:MOST]
        groups.append(Hits(_("Resources"), [Hit(r.name, r.get_absolute_url(), r.uri, "agent") for r in resources]))
    consents = Consent.objects.visible_to(viewer).filter(by_id | Q(purpose__icontains=words))
    listed = consents.select_related("agent").order_by("-starts_at", "-pk")[:MOST]
    groups.append(Hits(_("Consents"), [Hit(c.purpose, c.get_absolute_url(), c.agent.name, "agent") for c in listed]))
    return groups


def _client(client: Client) -> Hit:
    agent = client.agent
    url = reverse("agent-clients", args=[agent.pk]) if agent else ""
    return Hit(client.name or client.client_id, url, agent.name if agent else "", "agent")


def _uuid(words: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(words)
    except ValueError:
        return None
