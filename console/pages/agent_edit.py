"""Edit the facts of an agent."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents import registry
from agents.actors import Actor, require
from agents.permissions import May
from consent.screens.who_and_when import moment_of
from console.forms.agents import EditAgentForm
from console.pages.agent_shell import agent_or_404, shell
from console.pages.errors import said_in
from console.pages.parts import render_page


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, agent_id: uuid.UUID) -> HttpResponse:
    """Change name, purpose, environment, data, unit and end."""
    agent = agent_or_404(request, agent_id)
    require(Actor.of(request), May.EDIT_AGENT, agent)
    form = EditAgentForm(request.POST or None, agent=agent)
    if form.is_valid():
        with said_in(form, request):
            registry.edit(agent, by=Actor.of(request), now=moment_of(request), **form.changes())
            messages.success(request, _("Saved."))
            return redirect(agent)
    context = {**shell(request, agent, "", with_moves=False), "form": form}
    return render_page(request, "console/agent_edit.html", context)
