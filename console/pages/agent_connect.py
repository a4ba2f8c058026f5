"""Connect: the key, code to paste for this very client, and a look-out for the first token."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from agents.last_use import last_used
from agents.models import Agent, AgentScope, Client, GrantType, Recipient, Resource, State, User
from agents.models.agent import Kind as AgentKind
from agents.permissions import May
from agents.trail.kinds import Kind
from agents.trail.models import Event
from consent.models import Consent
from consent.screens.who_and_when import moment_of, person_of
from console.forms.clients import KeyForm
from console.names import Names, as_uuid
from console.pages.agent_shell import Tab, agent_or_404, shell
from console.pages.parts import render_page
from console.pages.snippets import KEY_VARIABLE, connection, languages_of, snippet
from console.sentences import tell

STOP_POLLING = 286
"""htmx stops asking when it gets this status."""
MOST_CLIENTS = 8
"""So many are there to choose from on the page; the others are reached from the page of all clients."""
LOOKED_AT = 300
"""So many of the agent's latest events are looked at for an answer to one of its clients."""
_ANSWERS = (Kind.TOKEN_ISSUED, Kind.TOKEN_REFUSED, Kind.AUTHORIZATION_REFUSED, Kind.CONSENT_REFUSED)


@require_safe
def connect(request: HttpRequest, agent_id: uuid.UUID) -> HttpResponse:
    """How to connect this agent. The key is not on this page: it is shown once, when it is made."""
    return connect_page(request, agent_or_404(request, agent_id))


@require_safe
def heard(request: HttpRequest, agent_id: uuid.UUID) -> HttpResponse:
    """The part that looks out for the first token: asked again and again until there is one.

    204 while what the page shows (``seen``) is still true: what somebody is about to press is not taken from under them.
    """
    agent = agent_or_404(request, agent_id)
    client = _chosen(_clients(agent), request.GET.get("client", ""))
    context = _heard(request, agent, client)
    if not context["has_token"] and request.GET.get("seen") == context["mark"]:
        return HttpResponse(status=204)
    status = STOP_POLLING if context["has_token"] else 200
    return render_page(
        request, "console/agent_connect.html#heard", {"agent": agent, "client": client, **context}, status=status
    )


def connect_page(request: HttpRequest, agent: Agent, *, client: Client | None = None, secret: str = "") -> HttpResponse:
    """Render the Connect page, with a key that was just made for this client."""
    user = person_of(request)
    now = moment_of(request)
    clients = _clients(agent)
    client = client or _chosen(clients, request.GET.get("client", ""))
    context = {
        **shell(request, agent, "agent-connect", with_moves=False),
        "client": client,
        **_to_choose_from(clients, client),
        "secret": f"{KEY_VARIABLE}={secret}" if secret else "",
        "may_manage": user.has_perm(May.MANAGE_CLIENT, agent) and agent.state != State.RETIRED,
        "may_issue": user.has_perm(May.ISSUE_CREDENTIAL, agent) and agent.state != State.RETIRED,
    }
    if client is not None:
        context |= {
            "key_form": KeyForm(),
            "live_keys": client.credentials.live(now).count(),
            "steps": _steps(agent, client, user, now),
            **_snippet(request, agent, client),
            **_heard(request, agent, client),
        }
    return render_page(request, "console/agent_connect.html", context)


def _clients(agent: Agent) -> QuerySet[Client]:
    return Client.objects.filter(agent=agent, ended_at=None).order_by("name", "pk")


def _chosen(clients: QuerySet[Client], wanted: str) -> Client | None:
    named = as_uuid(wanted)
    return (clients.filter(pk=named).first() if named else None) or clients.first()


def _to_choose_from(clients: QuerySet[Client], chosen: Client | None) -> dict[str, Any]:
    """Return the first clients by name and the chosen one: a program that registers itself may have thousands."""
    first = list(clients[: MOST_CLIENTS + 1])
    shown = first[:MOST_CLIENTS]
    if chosen is not None and chosen not in shown:
        shown.append(chosen)
    return {"clients": shown, "has_more_clients": len(first) > MOST_CLIENTS}


def _snippet(request: HttpRequest, agent: Agent, client: Client) -> dict[str, Any]:
    """Return the code for the chosen language and resource, with the tabs that lead to the others."""
    rows = AgentScope.objects.live().filter(agent=agent).select_related("scope__resource").order_by("scope__name")
    scopes: dict[Resource, list[str]] = {}
    for row in rows:
        scopes.setdefault(row.scope.resource, []).append(row.scope.name)
    resources = sorted(scopes, key=lambda resource: (resource.name, resource.pk))
    if not resources or (agent.kind == AgentKind.ASSISTANT and not client.redirect_uris):
        return {"languages": [], "resources": resources}
    wanted = request.GET.get("resource", "")
    resource = next((one for one in resources if str(one.pk) == wanted), resources[0])
    asked = request.GET.get("lang", "")
    offered = languages_of(client)
    language = next((one for one in offered if one.name == asked), offered[0])
    base = reverse("agent-connect", args=[agent.pk])

    def address(*, lang: str, at: Resource) -> str:
        return f"{base}?client={client.pk}&resource={at.pk}&lang={lang}"

    return {
        "languages": [Tab(address(lang=one.name, at=resource), _(one.label), one is language) for one in offered],
        "resources": [Tab(address(lang=language.name, at=one), one.name, one is resource) for one in resources],
        "chosen_language": language,
        "code": snippet(language.name, connection(settings.ISSUER, client, resource, tuple(scopes[resource]))),
    }


def _steps(agent: Agent, client: Client, user: User, now: datetime) -> list[dict[str, Any]]:
    """Return what still stands between this client and its first token, each with the way on where this person has one."""
    steps: list[dict[str, Any]] = []
    if agent.state != State.ACTIVE:
        said = {
            State.DRAFT: _("This agent is a draft. It gets tokens once it is submitted and activated."),
            State.PENDING: _("This agent waits for an administrator. It gets tokens once it is activated."),
            State.SUSPENDED: _("This agent is suspended and gets no token until it is resumed."),
            State.RETIRED: _("This agent is retired and gets no token any more."),
        }[State(agent.state)]
        steps.append({"text": said, "url": agent.get_absolute_url(), "link": _("See where it stands")})
    if not AgentScope.objects.live().filter(agent=agent).exists():
        step: dict[str, Any] = {"text": _("It may not ask for anything yet.")}
        if user.has_perm(May.REQUIRE_SCOPE, agent):
            step |= {"url": reverse("agent-scopes", args=[agent.pk]), "link": _("Choose permissions")}
        steps.append(step)
    if agent.kind == AgentKind.AUTONOMOUS and not Consent.objects.live(now).filter(client=client).exists():
        step = {"text": _("Nobody has allowed it anything for the organisation yet.")}
        if user.has_perm(May.APPROVE_ORGANISATION_CONSENT, agent) and agent.state == State.ACTIVE:
            url = f"{reverse('organisation-consent', args=[agent.pk])}?client={client.pk}"
            step |= {"url": url, "link": _("Look at what it asks for")}
        steps.append(step)
    if GrantType.EXCHANGE in client.grant_types and not client.redirect_uris:
        if not Recipient.objects.live().filter(recipient=agent).exists():
            steps.append({"text": _("No other agent asks people yet to let it pass work on to this one.")})
    elif agent.kind == AgentKind.ASSISTANT and not client.redirect_uris:
        step = {"text": _("It does not say yet where people return to.")}
        if user.has_perm(May.MANAGE_CLIENT, agent):
            step |= {"url": reverse("client-edit", args=[agent.pk, client.pk]), "link": _("Add an address")}
        steps.append(step)
    return steps


def _heard(request: HttpRequest, agent: Agent, client: Client | None) -> dict[str, Any]:
    """Return whether this client got a token, the first of them and the newest answer among the agent's latest events.

    mark: what a page that shows this has seen.

    It is asked every few seconds, and no index leads from a client to its events: so it looks at a bounded number of those
    of the agent. A token further back is known from when the client was last used, without its event.
    """
    if client is None:
        return {"has_token": False, "first_token": None, "latest_answer": None, "mark": ""}
    user = person_of(request)
    now = moment_of(request)
    latest = Event.objects.of_agent(agent.pk).order_by("-pk")[:LOOKED_AT]
    answers = [event for event in latest if event.client_id == client.pk and event.kind in _ANSWERS]
    newest = answers[0] if answers else None
    first = next((event for event in reversed(answers) if event.kind == Kind.TOKEN_ISSUED), None)
    events = [event for event in (first, newest) if event is not None]
    told = dict(zip((event.pk for event in events), tell(events, Names.of(events, user), now), strict=True))
    return {
        "has_token": first is not None or bool(last_used([client.pk])),
        "first_token": told.get(first.pk) if first else None,
        "latest_answer": told.get(newest.pk) if newest and newest != first else None,
        "mark": str(newest.pk) if newest else "",
    }
