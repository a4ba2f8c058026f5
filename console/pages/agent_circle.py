"""Whom an agent may ask out of band: people whom an administrator put into its circle."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents import circle as domain
from agents import device_codes
from agents.actors import Actor, require
from agents.models import CircleMember
from agents.permissions import May
from consent.screens.who_and_when import moment_of
from console.forms.circle import CircleForm
from console.forms.reasons import ReasonForm
from console.pages.agent_shell import agent_or_404, client_or_404, shell
from console.pages.errors import said_in
from console.pages.parts import render_page


@require_http_methods(["GET", "HEAD", "POST"])
def circle(request: HttpRequest, agent_id: uuid.UUID) -> HttpResponse:
    """List the circle, and let one more person in."""
    agent = agent_or_404(request, agent_id)
    require(Actor.of(request), May.MANAGE_CIRCLE, agent)
    form = CircleForm(request.POST or None)
    if form.is_valid():
        person = form.cleaned_data["person"]
        with said_in(form, request):
            domain.join(agent, person, reason=form.cleaned_data["reason"], by=Actor.of(request), now=moment_of(request))
            said = {"agent": agent.name, "person": person.display_name}
            messages.success(request, _("%(agent)s may ask %(person)s from now on.") % said)
            return redirect("agent-circle", agent.pk)
    members = CircleMember.objects.live().filter(agent=agent).select_related("user", "added_by").order_by("since", "pk")
    context = {**shell(request, agent, "", with_moves=False), "form": form, "members": list(members)}
    return render_page(request, "console/agent_circle.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, agent_id: uuid.UUID, person_id: uuid.UUID) -> HttpResponse:
    """Take somebody out of the circle, with a reason."""
    agent = agent_or_404(request, agent_id)
    require(Actor.of(request), May.MANAGE_CIRCLE, agent)
    member = get_object_or_404(
        CircleMember.objects.live().filter(agent=agent).select_related("user"), user_id=person_id
    )
    form = ReasonForm(request.POST or None, label=_("Why? They and the owner see this."))
    if form.is_valid():
        with said_in(form, request):
            domain.leave(
                agent, member.user, reason=form.cleaned_data["reason"], by=Actor.of(request), now=moment_of(request)
            )
            messages.success(request, _("Taken out."))
            return redirect("agent-circle", agent.pk)
    context = shell(request, agent, "", with_moves=False) | {
        "form": form,
        "title": _("Take %(person)s out of the circle?") % {"person": member.user.display_name},
        "sentence": _(
            "The agent may no longer ask them, unless they held a consent of it. What they allowed stays as it is."
        ),
        "facts": [],
        "confirm": _("Take out"),
        "back": "agent-circle",
    }
    return render_page(request, "console/agent_confirm.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def client_device_codes(request: HttpRequest, agent_id: uuid.UUID, client_id: uuid.UUID) -> HttpResponse:
    """Allow a client device codes, or take them away, with a reason."""
    agent = agent_or_404(request, agent_id)
    client = client_or_404(agent, client_id)
    require(Actor.of(request), May.ALLOW_DEVICE_CODES, agent)
    has = bool(client.device_reason)
    form = ReasonForm(request.POST or None, label=_("Why? The owner sees this."))
    if form.is_valid():
        change = device_codes.end if has else device_codes.allow
        with said_in(form, request):
            change(client, reason=form.cleaned_data["reason"], by=Actor.of(request), now=moment_of(request))
            said = _("%(client)s has no device codes any more.") if has else _("%(client)s may use device codes.")
            messages.success(request, said % {"client": client.name})
            return redirect("agent-clients", agent.pk)
    context = shell(request, agent, "", with_moves=False) | {"form": form, "client": client, "has": has}
    return render_page(request, "console/client_device.html", context)
