"""Submit, activate, send back, suspend, resume, retire: one page that asks, says what stops, and takes the reason."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from agents import lifecycle
from agents.actors import Actor, require
from agents.lifecycle import MOVES
from consent.screens.who_and_when import moment_of
from console.forms.reasons import ReasonForm
from console.pages.agent_shell import MOVE_WORDS, agent_or_404, offer, shell
from console.pages.errors import said_in
from console.pages.parts import render_page


@require_http_methods(["GET", "HEAD", "POST"])
def move(request: HttpRequest, agent_id: uuid.UUID, move: str) -> HttpResponse:
    """Ask for the reason of a move, and make it."""
    if move not in MOVES:
        raise Http404
    agent = agent_or_404(request, agent_id)
    words = MOVE_WORDS[move]
    form = ReasonForm(request.POST or None, label=words.why)
    if form.is_valid():
        with said_in(form, request):
            lifecycle.move(
                agent,
                MOVES[move],
                reason=form.cleaned_data["reason"],
                by=Actor.of(request),
                now=moment_of(request),
                # To activate is to approve what was looked at, and not what it has become since.
                seen=request.POST.get("seen", "") if move == "activate" else None,
            )
            messages.success(request, str(words.done) % {"agent": agent.name})
            return redirect(agent)
        agent.refresh_from_db()
    require(Actor.of(request), MOVES[move].permission, agent)
    context = shell(request, agent, "", with_moves=False)
    context |= {
        "form": form,
        "move": offer(agent, move, context["stopping"]),
        "possible": agent.state in MOVES[move].starts,
    }
    return render_page(request, "console/agent_move.html", context)
