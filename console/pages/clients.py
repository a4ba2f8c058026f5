"""The clients of an agent and their keys: list, add, edit, end."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from agents import clients as domain
from agents.actors import Actor, require
from agents.last_use import last_used
from agents.models import Agent, Client, State
from agents.models.agent import Kind as AgentKind
from agents.permissions import May
from agents.public_keys import key_of
from consent.drift import Affected
from consent.models import AccessToken, Consent
from consent.screens.who_and_when import moment_of, person_of
from console.forms.clients import ClientForm
from console.forms.reasons import ReasonForm
from console.pages.affected import to_be_shown
from console.pages.agent_shell import agent_or_404, client_or_404, shell
from console.pages.errors import said_in
from console.pages.once import sent_before, with_new_token
from console.pages.parts import render_page

PAGE_SIZE = 25


@require_safe
def clients(request: HttpRequest, agent_id: uuid.UUID) -> HttpResponse:
    """Each client with its keys and when they were last used."""
    agent = agent_or_404(request, agent_id)
    now = moment_of(request)
    user = person_of(request)
    with_keys = Client.objects.of_agent(agent).select_related("fetched_keys").prefetch_related("credentials")
    # Those in use first. An agent that adopted a program that registers itself has one for each installation.
    in_order = with_keys.order_by(F("ended_at").asc(nulls_first=True), "name", "pk")
    page = Paginator(in_order, PAGE_SIZE).get_page(request.GET.get("page"))
    used = last_used(
        subject for client in page for subject in (client.pk, *(key.pk for key in client.credentials.all()))
    )
    may_manage = user.has_perm(May.MANAGE_CLIENT, agent) and agent.state != State.RETIRED
    context = {
        **shell(request, agent, "agent-clients"),
        "page": page,
        "rows": [_row(client, used, now) for client in page],
        "may_manage": may_manage,
        "may_revoke": user.has_perm(May.REVOKE_CREDENTIAL, agent),
        "may_ask_people": agent.kind == AgentKind.ASSISTANT and agent.state != State.RETIRED,
        "may_manage_circle": user.has_perm(May.MANAGE_CIRCLE, agent),
        "may_allow_device_codes": user.has_perm(May.ALLOW_DEVICE_CODES, agent),
    }
    return render_page(request, "console/clients.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest, agent_id: uuid.UUID) -> HttpResponse:
    """Register one more client."""
    agent = agent_or_404(request, agent_id)
    require(Actor.of(request), May.MANAGE_CLIENT, agent)
    form = ClientForm(request.POST or None, agent=agent)
    if form.is_valid():
        with said_in(form, request), transaction.atomic():
            if sent_before(form, request):
                messages.info(request, _("That form was sent before. Nothing was made a second time."))
                return redirect("agent-clients", agent.pk)
            client = domain.add(agent, by=Actor.of(request), now=moment_of(request), **form.facts())
            messages.success(request, _("%(client)s is added.") % {"client": client.name})
            return redirect("agent-clients", agent.pk)
    with_new_token(form, request)
    return _form_page(request, agent, form, None)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, agent_id: uuid.UUID, client_id: uuid.UUID) -> HttpResponse:
    """Change a client's name, how it proves itself, and where people return to."""
    agent = agent_or_404(request, agent_id)
    client = client_or_404(agent, client_id)
    require(Actor.of(request), May.MANAGE_CLIENT, agent)
    form = ClientForm(request.POST or None, agent=agent, client=client)
    affected = None
    if form.is_valid():
        affected = to_be_shown(request, lambda: domain.drift_of_redirects(client, form.facts()["redirect_uris"]))
    if form.is_valid() and affected is None:
        with said_in(form, request):
            domain.change(client, by=Actor.of(request), now=moment_of(request), **form.facts())
            messages.success(request, _("Saved."))
            return redirect("agent-clients", agent.pk)
    return _form_page(request, agent, form, client, affected)


@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, agent_id: uuid.UUID, client_id: uuid.UUID) -> HttpResponse:
    """Remove a client, with a reason and a look at what stops."""
    agent = agent_or_404(request, agent_id)
    client = client_or_404(agent, client_id)
    require(Actor.of(request), May.MANAGE_CLIENT, agent)
    now = moment_of(request)
    form = ReasonForm(request.POST or None, label=_("Why? The owner sees this."))
    if form.is_valid():
        with said_in(form, request):
            domain.end(client, reason=form.cleaned_data["reason"], by=Actor.of(request), now=now)
            messages.success(request, _("%(client)s is removed.") % {"client": client.name})
            return redirect("agent-clients", agent.pk)
    context = shell(request, agent, "", with_moves=False)
    live = Consent.objects.live(now).filter(client=client)
    context |= {
        "client": client,
        "form": form,
        "title": _("Remove %(client)s?") % {"client": client.name},
        "sentence": _(
            "It gets no token any more, and those that it has are refused %(promise)s. Other clients of the agent go on."
        )
        % {"promise": context["stopping"].promise},
        "facts": [
            (_("Live consents"), live.count()),
            (_("Tokens that are out"), AccessToken.objects.out(now).filter(consent__in=live).count()),
        ],
        "confirm": _("Remove client"),
        "back": "agent-clients",
    }
    return render_page(request, "console/agent_confirm.html", context)


def _row(client: Client, used: dict[uuid.UUID, datetime], now: datetime) -> dict[str, Any]:
    keys = [
        {"key": key, "live": key.is_live(now), "used": used.get(key.pk)}
        for key in client.credentials.all()
        if key.is_live(now) or key.revoked_at is None or (now - key.revoked_at).days < 90
    ]
    return {
        "client": client,
        "keys": sorted(keys, key=lambda row: not row["live"]),
        "has_live_key": any(row["live"] for row in keys),
        "uris": client.redirect_uris.split(),
        "published": _published(client),
        "used": used.get(client.pk),
    }


def _published(client: Client) -> list[str]:
    """Return the thumbprints of the keys that were read from the client's own address."""
    fetched = getattr(client, "fetched_keys", None)
    if fetched is None or fetched.uri != client.jwks_uri:
        return []
    return [key_of(jwk).thumbprint for jwk in fetched.keys]


def _form_page(
    request: HttpRequest, agent: Agent, form: ClientForm, client: Client | None, affected: Affected | None = None
) -> HttpResponse:
    context = {**shell(request, agent, "", with_moves=False), "form": form, "client": client}
    context["affected"] = affected
    return render_page(request, "console/client_form.html", context)
