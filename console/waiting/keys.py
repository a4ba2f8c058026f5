"""Keys that come to their end."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from agents.models import Agent, Credential, Ownership, State, User
from agents.models.client import CredentialQuerySet
from agents.permissions import May
from console.names import strong
from console.waiting.row import MOST, SOON, Waiting, ago


def my_ending_keys(person: User, now: datetime) -> list[Waiting]:
    """Keys that the person looks after and that end within two weeks."""
    listed = list(
        ending_keys(person, now, own=True).select_related("client__agent", "resource").order_by("ends_at", "pk")[:MOST]
    )
    rows = []
    for key in listed:
        if key.client is not None and key.client.agent is not None:
            holder, url = key.client.agent.name, reverse("agent-clients", args=[key.client.agent_id])
        elif key.resource is not None:
            holder, url = key.resource.name, key.resource.get_absolute_url()
        else:
            continue
        sentence = format_html(
            _("The key {key} of {holder} ends"), key=format_html("<code>{}</code>", str(key)), holder=strong(holder)
        )
        rows.append(Waiting(ago(key.ends_at, now), "key-round", sentence, url, _("Issue another")))
    return rows


def ending_keys(person: User, now: datetime, *, own: bool) -> CredentialQuerySet:
    """Return the keys that end within two weeks: of all agents that the person may see, and of resources.

    own: only what this person looks after, which for an administrator are their own agents and the resources.
    """
    soon = Credential.objects.live(now).filter(ends_at__lte=now + SOON)
    if own:
        mine = Ownership.objects.live().filter(user=person).values("agent")
        looked_after = Q(client__agent__in=mine, client__ended_at=None)
        if person.has_perm(May.MANAGE_RESOURCE):
            looked_after |= Q(resource__isnull=False, resource__ended_at=None)
        return soon.filter(looked_after)
    visible = Agent.objects.visible_to(person).exclude(state=State.RETIRED)
    of_agents = Q(client__agent__in=visible, client__ended_at=None)
    if not person.reads_everything:
        return soon.filter(of_agents)
    return soon.filter(of_agents | Q(resource__isnull=False, resource__ended_at=None))
