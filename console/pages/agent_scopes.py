"""What an agent may ask for: tick permissions, say which the task needs, confirm the sensitive ones."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from agents import agent_scopes
from agents.actors import Actor, require
from agents.models import Scope
from agents.permissions import May
from consent.screens.who_and_when import moment_of
from console.forms.agents import AgentScopesForm
from console.pages.affected import to_be_shown
from console.pages.agent_shell import agent_or_404, shell
from console.pages.errors import said_in, said_in_message
from console.pages.parts import render_page


@require_http_methods(["GET", "HEAD", "POST"])
def scopes(request: HttpRequest, agent_id: uuid.UUID) -> HttpResponse:
    """Choose what the agent may ask for. Consents that exist keep what they hold."""
    agent = agent_or_404(request, agent_id)
    require(Actor.of(request), May.REQUIRE_SCOPE, agent)
    form = AgentScopesForm(request.POST if request.method == "POST" else None, agent=agent)
    affected = None
    chosen, required = frozenset[Scope](), frozenset[Scope]()
    if form.is_valid():
        chosen = frozenset(form.cleaned_data["scopes"])
        required = frozenset(form.cleaned_data["required"]) & chosen
        affected = to_be_shown(request, lambda: agent_scopes.drift_of_required(agent, required))
    if form.is_valid() and affected is None:
        with said_in(form, request):
            agent_scopes.set_scopes(
                agent,
                scopes=chosen,
                required=required,
                by=Actor.of(request),
                now=moment_of(request),
            )
            messages.success(request, _("Saved. The next person who is asked sees it so."))
            return redirect(agent)
    context = {**shell(request, agent, "", with_moves=False), "form": form, "groups": form.groups()}
    context["affected"] = affected
    return render_page(request, "console/agent_scopes.html", context)


@require_POST
def confirm(request: HttpRequest, agent_id: uuid.UUID, scope_id: uuid.UUID) -> HttpResponse:
    """Confirm that a sensitive permission is required. Whoever holds it as one to untick is told of first."""
    agent = agent_or_404(request, agent_id)
    require(Actor.of(request), May.CONFIRM_REQUIRED_SCOPE, agent)
    scope = get_object_or_404(Scope, pk=scope_id)
    affected = to_be_shown(request, lambda: agent_scopes.drift_of_confirming(agent, scope))
    if affected is not None:
        context = {**shell(request, agent, "", with_moves=False), "affected": affected}
        context["title"] = _("Confirm “%(scope)s” as required?") % {"scope": scope.wording.title}
        context["confirm"] = _("Confirm and pause them")
        return render_page(request, "console/affected_confirm.html", context)
    with said_in_message(request):
        agent_scopes.confirm_required(agent, scope, by=Actor.of(request), now=moment_of(request))
        messages.success(request, _("Confirmed: people cannot untick it any more."))
    return redirect(agent)
