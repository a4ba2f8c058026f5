"""What somebody reads who meets a program that nobody adopted and may not act for them, and how they ask for it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.contrib.auth.decorators import login_not_required
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from agents.actors import Actor, allowed
from agents.errors import InvalidInput, Refused
from agents.models import Client, Scope
from agents.permissions import May
from agents.programs import adoption
from agents.redirects import hosts_of
from agents.trail.kinds import Kind
from agents.trail.refusals import record_refusal
from consent.screens.csp import without_form_action
from consent.screens.form import FormTampered
from consent.screens.storing import never_stored
from consent.screens.who_and_when import moment_of, person_of

SALT = "mandate.ask-to-adopt"
OPEN_FOR = 3_600


def unclaimed_page(
    request: HttpRequest,
    client: Client,
    beyond: Sequence[Scope],
    title: str,
    sentence: str,
    *,
    detail: str,
    why: str = "",
    error: str = "",
) -> HttpResponse:
    """Say what the program is and why it gets nothing, with a way to ask an administrator. beyond: what it wanted."""
    by = Actor.of(request)
    sees = allowed(by, May.SEE_UNCLAIMED) and client.is_self_registered and client.software_key
    context = {
        "title": title,
        "sentence": sentence,
        "detail": detail,
        "client": client,
        "hosts": sorted(hosts_of(client.redirect_uris.split())),
        "beyond": beyond,
        "sealed": sealed_ask(request, client, beyond),
        "why": why,
        "error": error,
        "may_ask": allowed(by, May.APPROVE_CONSENT),
        "adopt_url": reverse("unclaimed-software", args=[client.software_key]) if sees else "",
    }
    return render(request, "consent/unclaimed.html", context, status=400)


def sealed_ask(request: HttpRequest, client: Client, beyond: Sequence[Scope]) -> str:
    """Return the signed field by which this person can ask for the program: nobody asks for what they did not meet."""
    said = {"c": str(client.pk), "u": str(request.user.pk), "s": [str(scope.pk) for scope in beyond]}
    return signing.dumps(said, salt=SALT)


@login_not_required
@without_form_action
@never_stored
@require_POST
def ask_administrator(request: HttpRequest) -> HttpResponse:
    """Take what somebody asks of the administrators. It leads to no program, and allows nothing."""
    if not request.user.is_authenticated:
        return redirect("account_login")
    by, now = Actor.of(request), moment_of(request)
    try:
        client, scopes = _asked(request)
        adoption.ask(client, scopes=scopes, why=request.POST.get("why", ""), by=by, now=now)
    except InvalidInput as problem:
        title = _("Nobody has adopted this program yet")
        why = request.POST.get("why", "")
        return unclaimed_page(
            request, client, scopes, title, "", detail="client_unclaimed", why=why, error=problem.sentence
        )
    except Refused as problem:
        record_refusal(Kind.CONSENT_FORM_REFUSED, reason_code=problem.code, by=by, now=now, user_id=request.user.pk)
        return _said(request, _("Nothing new was asked"), problem.sentence, status=409)
    sentence = _(
        "The administrators see it among what waits for them. Start again from the program once one of them has decided. "
        "You can close this page."
    )
    return _said(request, _("You have asked an administrator"), sentence, icon="send")


def _asked(request: HttpRequest) -> tuple[Client, list[Scope]]:
    """Return what the page was about. Raises FormTampered for a form that is not ours, or not theirs."""
    if len(request.POST.get("asked", "")) > 8_000 or len(request.POST.get("why", "")) > 4_000:
        raise FormTampered("too long")
    try:
        said = signing.loads(request.POST.get("asked", ""), salt=SALT, max_age=OPEN_FOR)
    except signing.BadSignature as problem:
        raise FormTampered("signature") from problem
    client = Client.objects.filter(pk=uuid.UUID(said["c"])).first()
    if said["u"] != str(person_of(request).pk) or client is None:
        raise FormTampered("person")
    scopes = Scope.objects.live().filter(pk__in=[uuid.UUID(scope) for scope in said["s"]])
    return client, list(scopes.select_related("resource").prefetch_related("wordings"))


def _said(request: HttpRequest, title: str, sentence: str, *, icon: str = "", status: int = 200) -> HttpResponse:
    home = {"url": reverse("my-agents"), "way_on": _("Go to My agents")}
    return render(request, "problem.html", {"title": title, "sentence": sentence, "icon": icon, **home}, status=status)
