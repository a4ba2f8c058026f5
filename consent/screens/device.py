"""``/device``: a person types the code that their device shows (RFC 8628 §3.3). What it asks is then shown in the inbox.

A code in the address is ignored: a link must never stand in for typing (§3.3.1, §5.4; security.md S40).
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from agents.actors import Actor
from agents.trail.kinds import Kind
from agents.trail.refusals import record_refusal
from consent import user_codes
from consent.errors import UserCodesStopped, UserCodeUnknown
from consent.screens.storing import never_stored
from consent.screens.who_and_when import moment_of

LONGEST = 40


@never_stored
@require_http_methods(["GET", "HEAD", "POST"])
def device(request: HttpRequest) -> HttpResponse:
    """Ask for the code, and go on to what the device asks. A code in the address is dropped: only typing counts."""
    if request.method != "POST":
        if request.GET:
            return redirect("device")
        return render(request, "consent/device.html", {})
    try:
        found = user_codes.enter(
            request.POST.get("user_code", "")[:LONGEST], by=Actor.of(request), now=moment_of(request)
        )
    except (UserCodeUnknown, UserCodesStopped) as problem:
        record_refusal(
            Kind.USER_CODE_REFUSED,
            reason_code=problem.code,
            by=Actor.of(request),
            now=moment_of(request),
            user_id=request.user.pk,
        )
        stopped = isinstance(problem, UserCodesStopped)
        context = {"problem": problem, "stopped": stopped}
        return render(request, "consent/device.html", context, status=429 if stopped else 400)
    return redirect(found)
