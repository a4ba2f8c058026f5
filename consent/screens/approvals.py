"""``/approvals/<id>/``: what somebody allowed and somebody else must agree to, with the words that were shown.

Whoever decided sees that it waits, and can take it back; whoever has the role agrees or refuses, once.
"""

from __future__ import annotations

import uuid
from urllib.parse import urlencode

from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents.actors import Actor, require
from agents.errors import InvalidInput
from agents.permissions import May
from consent import approvers
from consent.condition_words import in_words
from consent.models import PendingConsent
from consent.oauth.authorization import AuthorizationRequest
from consent.oauth.authorization_response import answer
from consent.pending import approval_of, may_agree, role_in_words, withdraw
from consent.screens.storing import never_stored
from consent.screens.who_and_when import moment_of, person_of

BACK = "back"
"""Our own parameter: the way back to the client, signed, so that the page links to no other place."""
NOT_YET = "The person allowed it; somebody else must agree first. Ask again later."


def waits_page(waiting: PendingConsent, asked: AuthorizationRequest) -> HttpResponse:
    """Lead whoever decided to the page that says so, and from there back to the client.

    The client gets ``access_denied`` (RFC 6749 §4.1.2.1): no other code fits, and a code now would be worth nothing.
    """
    back = answer(asked.redirect_uri, state=asked.state, error="access_denied", error_description=NOT_YET).url
    signed = signing.dumps(back, salt=BACK, compress=True)
    response = redirect(f"{waiting.get_absolute_url()}?{urlencode({BACK: signed})}")
    response.status_code = 303
    return response


@never_stored
@require_http_methods(["GET", "HEAD", "POST"])
def approval(request: HttpRequest, pending_id: uuid.UUID) -> HttpResponse:
    """Show what waits, and take the word of whoever may say it."""
    found = PendingConsent.objects.visible_to(person_of(request)).with_what_is_asked()
    waiting = get_object_or_404(found, pk=pending_id)
    if request.method != "POST":
        return _show(request, waiting)
    by, now = Actor.of(request), moment_of(request)
    word = request.POST.get("decision", "")
    if word == "withdraw":
        withdraw(waiting.pk, by=by, now=now)
        messages.info(request, _("Taken back. %(agent)s gets nothing of it.") % {"agent": waiting.agent.name})
        return redirect("my-agents")
    require(by, May.AGREE_AS_APPROVER, waiting)
    try:
        if word == "agree":
            approvers.agree(waiting.pk, by=by, now=now)
            messages.success(request, _("Agreed. %(agent)s can go on.") % {"agent": waiting.agent.name})
        elif word == "refuse":
            approvers.refuse(waiting.pk, reason=request.POST.get("reason", ""), by=by, now=now)
            messages.info(request, _("Refused. %(agent)s gets nothing of it.") % {"agent": waiting.agent.name})
        else:
            return _show(request, waiting, error=_("Agree or refuse."))
    except InvalidInput as problem:
        return _show(request, waiting, error=problem.sentence)
    return redirect(waiting)


def _show(request: HttpRequest, waiting: PendingConsent, *, error: str = "") -> HttpResponse:
    now, person = moment_of(request), person_of(request)
    kept = approval_of(waiting)
    is_open = waiting.is_waiting(now)
    own = person.pk in {waiting.decided_by_id, waiting.user_id}
    context = {
        "waiting": waiting,
        "status": waiting.status(now),
        "shown": kept.shown,
        "held": [
            (scope, wording, kept.details.get(scope, ()))
            for scope, wording in sorted(kept.scopes.items(), key=lambda pair: (pair[0].resource.name, pair[0].name))
        ],
        "ends_at": kept.ends_at,
        "once": kept.once,
        "limits": in_words(kept.conditions, kept.time_zone or waiting.decided_by.time_zone),
        "methods": list(kept.signed_in.methods),
        "redirect_host": kept.redirect_host,
        "owner": waiting.agent.owner,
        "role": role_in_words(waiting.approver_role),
        "own": own,
        "may_agree": is_open and may_agree(Actor.of(request), waiting),
        "may_withdraw": is_open and own,
        "back": _back(request) if own else "",
        "error": error,
        "now": now,
    }
    return render(request, "consent/approval.html", context, status=400 if error else 200)


def _back(request: HttpRequest) -> str:
    try:
        return str(signing.loads(request.GET.get(BACK, ""), salt=BACK, max_age=3600))
    except signing.BadSignature:
        return ""
