"""``/my-agents/stopped/``: the clock of everything that a person stopped at once."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from agents.trail.record import text_of
from consent.clock_of_all import clock_of_all
from consent.screens.storing import never_stored
from consent.screens.ticking import render_clock
from consent.screens.who_and_when import moment_of, person_of


@never_stored
@require_safe
def all_stopped(request: HttpRequest) -> HttpResponse:
    """Show what stopping all of them did: what was out, when that counts, and the first refusals as they are seen."""
    now = moment_of(request)
    clock = clock_of_all(person_of(request), now)
    if clock is None:
        raise Http404
    digest = clock.change.reason_digest
    context = {
        "clock": clock,
        "watch_url": reverse("my-agents-stopped"),
        "reason": text_of([digest]).get(digest, ""),
        "now": now,
    }
    return render_clock(request, "consent/all_stopped.html", context)
