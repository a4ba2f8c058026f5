"""The inbox: what agents ask a person and what was answered, and what waits for an approver."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from agents.warnings import owners_at
from consent.models import AccessRequest, PendingConsent
from consent.screens.parts import render_live, wants_part
from consent.screens.storing import never_stored
from consent.screens.who_and_when import moment_of, person_of

ANSWERED_ON_A_PAGE = 10
WAITING_ON_A_PAGE = 25
LONGEST_COUNT = 9
"""Digits."""


@never_stored
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """List what waits for the person; to htmx only the list, and nothing while what it saw is still true."""
    now = moment_of(request)
    mine = AccessRequest.objects.visible_to(person_of(request)).with_what_is_asked()
    waiting = list(mine.to_answer(now).order_by("expires_at", "pk"))
    mark = hashlib.sha256(" ".join(str(row.pk) for row in waiting).encode()).hexdigest()[:16]
    context = {"waiting": waiting, "mark": mark, "now": now, "waiting_count": len(waiting)}
    if not wants_part(request):
        over = mine.exclude(pk__in=[row.pk for row in waiting])[:ANSWERED_ON_A_PAGE]
        context["over"] = [(row, row.status(now)) for row in over]
        own, to_agree = _approvals(request, now)
        context |= {"own_approvals": own, "to_agree": to_agree}
    still_true = request.GET.get("seen") == mark
    return render_live(request, "consent/inbox.html", "consent/inbox.html#waiting", context, still_true=still_true)


@never_stored
@require_safe
def inbox_count(request: HttpRequest) -> HttpResponse:
    """Say to htmx how many requests wait, and nothing while it is what the page shows (``seen``). One count."""
    count = AccessRequest.objects.visible_to(person_of(request)).to_answer(moment_of(request)).count()
    seen = request.GET.get("seen", "")
    if seen == str(count):
        return HttpResponse(status=204)
    more = seen.isascii() and seen.isdigit() and len(seen) < LONGEST_COUNT and count > int(seen)
    return render(request, "consent/inbox_count.html", {"waiting_count": count, "more": more})


def _approvals(request: HttpRequest, now: datetime) -> tuple[list[PendingConsent], list[PendingConsent]]:
    """Return what the person allowed and others must agree to, and what others allowed and the person may agree to."""
    person = person_of(request)
    waiting = PendingConsent.objects.waiting(now).with_what_is_asked().order_by("expires_at", "pk")
    own = waiting.filter(decided_by=person)[:WAITING_ON_A_PAGE]
    others = waiting.for_the_role_of(person).prefetch_related(owners_at("agent__ownerships"))[:WAITING_ON_A_PAGE]
    return list(own), [row for row in others if row.may_be_agreed_to_by(person)]
