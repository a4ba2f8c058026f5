"""``/agents/<id>/passing/``: to which other agents an agent may ask people to let it pass work on."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents.actors import Actor, require
from agents.passing import set_recipients
from agents.permissions import May
from consent.screens.who_and_when import moment_of, person_of
from console.forms.passing import RecipientsForm
from console.pages.agent_shell import agent_or_404, shell
from console.pages.errors import said_in
from console.pages.parts import render_page


@require_http_methods(["GET", "HEAD", "POST"])
def passing(request: HttpRequest, agent_id: uuid.UUID) -> HttpResponse:
    """Choose them. Consents that exist keep what they say."""
    agent = agent_or_404(request, agent_id)
    require(Actor.of(request), May.EDIT_AGENT, agent)
    data = request.POST if request.method == "POST" else None
    form = RecipientsForm(data, agent=agent, viewer=person_of(request))
    if form.is_valid():
        with said_in(form, request):
            set_recipients(
                agent,
                to=form.cleaned_data["to"],
                deep=form.cleaned_data["deep"],
                by=Actor.of(request),
                now=moment_of(request),
            )
            messages.success(request, _("Saved. The next person who is asked sees it so."))
            return redirect(agent)
    context = {**shell(request, agent, "", with_moves=False), "form": form}
    return render_page(request, "console/agent_passing.html", context)
