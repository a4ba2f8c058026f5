"""Which client of an autonomous agent an administrator decides about, for the pages on which they do."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from agents.actors import Actor, require
from agents.errors import NotReady
from agents.models import Agent, Client
from agents.models import Kind as AgentKind
from agents.permissions import May
from consent.screens.who_and_when import moment_of, person_of


def client_to_decide(request: HttpRequest, agent_id: uuid.UUID) -> Client | HttpResponse:
    """Return the client, or the page on which one of several is chosen. Raises Forbidden, NotReady, Http404."""
    agent = get_object_or_404(Agent.objects.visible_to(person_of(request)), pk=agent_id)
    require(Actor.of(request), May.APPROVE_ORGANISATION_CONSENT, agent)
    if agent.kind != AgentKind.AUTONOMOUS:
        raise NotReady(_("This agent acts for people: each of them allows it for themselves."))
    clients = [client for client in agent.clients.filter(ended_at=None).order_by("name", "pk") if not client.is_public]
    if not clients:
        raise NotReady(_("This agent has no client that could get a token. Add one first."))
    chosen = request.GET.get("client", "")
    client = clients[0] if len(clients) == 1 else next((one for one in clients if str(one.pk) == chosen), None)
    if client is None:
        return render(request, "consent/choose_client.html", {"agent": agent, "clients": clients})
    if not client.is_live(moment_of(request)):
        raise NotReady(_("This agent is not active, so nothing can be allowed to it yet."))
    return client
