"""What waits about programs that registered themselves: those that people ask for, and those that say something new."""

from __future__ import annotations

from datetime import datetime

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from agents.models import AdoptionAsk, Client, Ownership, User
from console.names import strong
from console.waiting.row import MOST, Waiting, ago, rest


def asked_for(_person: User, now: datetime) -> list[Waiting]:
    """Programs that somebody would like to use and that nobody adopted."""
    asks = AdoptionAsk.objects.open().select_related("client", "user").order_by("asked_at", "pk")
    listed = list(asks[: MOST + 1])
    rows = [
        Waiting(
            ago(ask.asked_at, now),
            "package",
            format_html(
                _("{person} asks for the program {client}"),
                person=strong(ask.user.display_name),
                client=strong(ask.client.name or ask.client.client_id),
            ),
            reverse("unclaimed-software", args=[ask.client.software_key]),
            _("Look at it"),
        )
        for ask in listed[:MOST]
    ]
    return rows + rest(len(listed), _("More people ask for programs"), reverse("unclaimed"))


def said_anew(person: User, now: datetime) -> list[Waiting]:
    """Programs in use that say something else of themselves than when people agreed to them: of one's agents, or all."""
    clients = Client.objects.exclude(pending_since=None).filter(ended_at=None).order_by("pending_since", "pk")
    if not person.is_administrator:
        if not person.may_own_agents:
            return []
        clients = clients.filter(agent__in=Ownership.objects.live().filter(user=person).values("agent"))
    listed = list(clients[: MOST + 1])
    rows = [
        Waiting(
            ago(client.pending_since, now),
            "git-compare",
            format_html(
                _("The program {client} says something else of itself now"),
                client=strong(client.name or client.client_id),
            ),
            reverse("client-changes", args=[client.pk]),
            _("Look at the change"),
        )
        for client in listed[:MOST]
    ]
    return rows + rest(len(listed), _("More programs say something else now"), reverse("unclaimed"))
