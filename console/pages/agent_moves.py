"""Submit, activate, send back, suspend, resume, retire: one page that asks, says what stops, and takes the reason."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from agents import lifecycle
from agents.actors import Actor, require
from agents.last_use import last_used
from agents.lifecycle import MOVES, STOPS
from agents.models import Agent
from agents.trail.record import text_of
from consent.clock import clock_of_agent
from consent.screens.ticking import render_clock
from consent.screens.who_and_when import moment_of
from console.forms.reasons import ReasonForm
from console.pages.agent_shell import MOVE_WORDS, agent_or_404, offer, shell
from console.pages.errors import said_in
from console.pages.parts import render_page
from console.templatetags.mandate import when


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
            return redirect("agent-stopped", agent.pk) if MOVES[move] in STOPS else redirect(agent)
        agent.refresh_from_db()
    require(Actor.of(request), MOVES[move].permission, agent)
    context = shell(request, agent, "", with_moves=False)
    offered = offer(agent, move, context["stopping"])
    context |= {
        "form": form,
        "move": offered,
        "possible": agent.state in MOVES[move].starts,
        "facts": [*offered.facts, *(_last_activity(request, agent) if MOVES[move] in STOPS else [])],
    }
    return render_page(request, "console/agent_move.html", context)


def _last_activity(request: HttpRequest, agent: Agent) -> list[tuple[str, object]]:
    used = last_used([agent.pk]).get(agent.pk)
    at = {"now": moment_of(request)}
    return [(_("Last activity"), when(at, used, "words", _("never")))]


@require_safe
def stopped(request: HttpRequest, agent_id: uuid.UUID) -> HttpResponse:
    """Show what the last suspension or retirement stopped, and the first refusal as soon as it is seen."""
    agent = agent_or_404(request, agent_id)
    clock = clock_of_agent(agent, moment_of(request))
    if clock is None:
        return redirect(agent)
    digest = clock.change.reason_digest
    context = shell(request, agent, "", with_moves=False)
    context |= {
        "clock": clock,
        "watch_url": reverse("agent-stopped", args=[agent.pk]),
        "reason": text_of([digest]).get(digest, ""),
        "now": moment_of(request),
    }
    return render_clock(request, "console/agent_stopped.html", context)
