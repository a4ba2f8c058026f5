"""Who answers for an agent: hand it over, choose deputies."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from agents import registry
from agents.actors import Actor, require
from agents.models import Agent
from agents.permissions import May
from consent.screens.who_and_when import moment_of, person_of
from console.forms.agents import DeputiesForm, HandOverForm
from console.pages.agent_shell import agent_or_404, shell
from console.pages.errors import said_in
from console.pages.parts import render_page


@require_safe
def people(request: HttpRequest, agent_id: uuid.UUID) -> HttpResponse:
    """Both forms on one page."""
    agent = agent_or_404(request, agent_id)
    require(Actor.of(request), May.HAND_OVER_AGENT, agent)
    return _page(request, agent)


@require_http_methods(["GET", "HEAD", "POST"])
def hand_over(request: HttpRequest, agent_id: uuid.UUID) -> HttpResponse:
    """Give the agent to somebody else. Without anything sent it is the page with the form."""
    agent = agent_or_404(request, agent_id)
    require(Actor.of(request), May.HAND_OVER_AGENT, agent)
    form = HandOverForm(request.POST or None, agent=agent)
    if form.is_valid():
        owner = form.cleaned_data["owner"]
        with said_in(form, request):
            registry.hand_over(
                agent,
                owner=owner,
                reason=form.cleaned_data["reason"],
                revoke_keys=form.cleaned_data["revoke_keys"],
                by=Actor.of(request),
                now=moment_of(request),
            )
            said = {"person": owner.display_name, "agent": agent.name}
            messages.success(request, _("%(person)s answers for %(agent)s from now on.") % said)
            mine = Agent.objects.visible_to(person_of(request)).filter(pk=agent.pk).exists()
            return redirect(agent) if mine else redirect("agents")
    return _page(request, agent, hand_over_form=form)


@require_POST
def deputies(request: HttpRequest, agent_id: uuid.UUID) -> HttpResponse:
    """Make exactly the chosen people deputies."""
    agent = agent_or_404(request, agent_id)
    require(Actor.of(request), May.HAND_OVER_AGENT, agent)
    form = DeputiesForm(request.POST, agent=agent)
    if form.is_valid():
        with said_in(form, request):
            registry.set_deputies(
                agent,
                deputies=form.cleaned_data["deputies"],
                by=Actor.of(request),
                now=moment_of(request),
            )
            messages.success(request, _("Saved."))
            return redirect(agent)
    return _page(request, agent, deputies_form=form)


def _page(
    request: HttpRequest,
    agent: Agent,
    *,
    hand_over_form: HandOverForm | None = None,
    deputies_form: DeputiesForm | None = None,
) -> HttpResponse:
    context = {
        **shell(request, agent, "", with_moves=False),
        "hand_over_form": hand_over_form or HandOverForm(agent=agent),
        "deputies_form": deputies_form or DeputiesForm(agent=agent),
    }
    return render_page(request, "console/agent_people.html", context)
