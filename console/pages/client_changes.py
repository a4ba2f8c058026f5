"""A program in use says something else of itself than when people agreed to it: look at the difference, and decide."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents.actors import Actor, allowed, require
from agents.clients import drift_of_redirects
from agents.models import Agent, Client
from agents.permissions import May
from agents.programs import changed_registrations
from agents.programs.changed_registrations import WAITS
from consent.drift import affected_by
from consent.screens.who_and_when import moment_of, person_of
from console.fact_words import fact_name
from console.forms.reasons import ReasonForm
from console.pages.errors import said_in
from console.pages.parts import render_page


@require_http_methods(["GET", "HEAD", "POST"])
def client_changes(request: HttpRequest, client_id: uuid.UUID) -> HttpResponse:
    """Show what is different and whom that reaches, and take the answer of whoever answers for the program."""
    client, by, now = _seen(request, client_id), Actor.of(request), moment_of(request)
    to_answer = May.MANAGE_CLIENT if client.agent else May.REFUSE_CLIENT
    if request.method == "POST":
        require(by, to_answer, client.agent)
    form = ReasonForm(request.POST or None)
    waiting = client.pending_metadata if client.pending_since is not None else None
    if waiting is not None and form.is_valid():
        take = request.POST.get("answer") == "take"
        with said_in(form, request):
            seen, reason = request.POST.get("seen", ""), form.cleaned_data["reason"]
            changed_registrations.see(client, take=take, seen=seen, reason=reason, by=by, now=now)
            messages.success(
                request, _("It counts from now on.") if take else _("It goes on with what it said before.")
            )
            return redirect(_back(client))
    differences = [
        (fact_name(name), _shown(getattr(client, name)), _shown(waiting[name]))
        for name in WAITS
        if waiting is not None and getattr(client, name) != waiting[name]
    ]
    drifts = drift_of_redirects(client, waiting["redirect_uris"].split()) if waiting is not None else []
    context = {
        "client": client,
        "crumbs": [(_("Unclaimed"), reverse("unclaimed"))]
        if client.agent is None
        else [(_("Agents"), reverse("agents"))],
        "differences": differences,
        "affected": affected_by(drifts, now),
        "form": form,
        "seen": changed_registrations.digest_of_waiting(client),
        "may_answer": allowed(by, to_answer, client.agent),
        "back": _back(client),
    }
    return render_page(request, "console/client_changes.html", context)


def _seen(request: HttpRequest, client_id: uuid.UUID) -> Client:
    """Return the client, if the person may see its agent, or unclaimed ones where it has none."""
    client = get_object_or_404(Client.objects.self_registered().filter(ended_at=None), pk=client_id)
    person = person_of(request)
    if client.agent_id is None:
        if not person.has_perm(May.SEE_UNCLAIMED):
            raise Http404
        return client
    client.agent = get_object_or_404(Agent.objects.visible_to(person), pk=client.agent_id)
    return client


def _back(client: Client) -> str:
    if client.agent_id is not None:
        return reverse("agent-clients", args=[client.agent_id])
    return reverse("unclaimed-software", args=[client.software_key])


def _shown(value: object) -> list[str]:
    return str(value).split() or ["–"]
