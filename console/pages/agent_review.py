"""``/agents/<id>/changes/``: what one person alone changed about an agent in use, for another one to look at."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents.actors import Actor, allowed
from agents.models import State, User
from agents.permissions import May
from agents.review import look_at_changes, looked_at_last, reviewed
from consent.screens.who_and_when import moment_of
from console.pages.agent_shell import agent_or_404, review_in_words, shell
from console.pages.parts import render_page


@dataclass(frozen=True, slots=True)
class Change:
    """One fact that is not what it was."""

    label: str
    before: object
    after: object


@require_http_methods(["GET", "HEAD", "POST"])
def changes(request: HttpRequest, agent_id: uuid.UUID) -> HttpResponse:
    """Show each fact beside what it was, and take the word of whoever may give it."""
    agent = agent_or_404(request, agent_id)
    by = Actor.of(request)
    if request.method == "POST":
        look_at_changes(agent, seen=request.POST.get("seen", ""), by=by, now=moment_of(request))
        messages.success(request, _("Noted: you have looked at it."))
        return redirect(agent)
    before, after = looked_at_last(agent), reviewed(agent)
    if before is None:
        return redirect(agent)
    was, now_it_is = review_in_words(before), review_in_words(after)
    context = shell(request, agent, "", with_moves=False) | {
        "changes": [
            Change(label, old, new) for (label, old), (_same, new) in zip(was, now_it_is, strict=True) if old != new
        ],
        "changed_by": User.objects.filter(pk__in=agent.changed_by).order_by("name", "pk"),
        "may_look": allowed(by, May.LOOK_AT_CHANGES, agent),
        "may_suspend": allowed(by, May.SUSPEND_AGENT, agent) and agent.state == State.ACTIVE,
        "seen": after.digest(),
    }
    return render_page(request, "console/agent_changes.html", context)
