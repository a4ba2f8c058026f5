"""``/consents/<id>/passing/``: let an agent pass work on to fewer agents, less far, or no more. Never more."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents.actors import Actor, require
from agents.errors import NotReady, Refused
from agents.models import Agent
from agents.permissions import May
from consent.passing_on.limiting_passing import limit_passing
from consent.passing_on.passing import NOTHING, Passing
from consent.passing_on.passing_words import how_far
from consent.screens.changes import page, reason_of, seen_consent, try_change, way_back
from consent.screens.preview import preview_of
from consent.screens.storing import never_stored
from consent.screens.who_and_when import moment_of


@never_stored
@require_http_methods(["GET", "POST"])
def passing(request: HttpRequest, consent_id: uuid.UUID) -> HttpResponse:
    """Show to whom it may pass work on, ticked, and put less in its place."""
    consent = seen_consent(request, consent_id, change="passing")
    require(Actor.of(request), May.NARROW_CONSENT, consent)
    now = moment_of(request)
    consent.must_be_live(now)
    held = consent.passes
    if not held:
        raise NotReady(_("It passes no work on, so there is nothing to limit."))
    agents = list(Agent.objects.filter(pk__in=held.to).order_by("name", "pk"))
    problem: Refused | None = None
    kept, deep = held.to, held.deep
    if request.method == "POST":
        chosen = set(request.POST.getlist("to"))
        kept = frozenset(agent.pk for agent in agents if str(agent.pk) in chosen)
        # What no form of ours can send allows nothing.
        deep = next((far for far in range(1, held.deep + 1) if request.POST.get("deep") == str(far)), 0)
        less = Passing(kept, deep) if kept and deep else NOTHING

        def do() -> object:
            return limit_passing(consent.pk, to=less, reason=reason_of(request, consent), by=Actor.of(request), now=now)

        problem = try_change(request, consent, "passing", do)
        if problem is None:
            messages.success(
                request, _("It passes less on. That counts %(when)s.") % {"when": preview_of(consent, now).promise}
            )
            return redirect(way_back(request, consent))
    return page(
        request,
        "consent/limit_passing.html",
        consent,
        problem,
        agents=[(agent, agent.pk in kept) for agent in agents],
        depths=[(far, how_far(far), far == deep) for far in range(1, held.deep + 1)],
    )
