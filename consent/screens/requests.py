"""What an agent asks a person: the page on which they decide, with the same screen as everywhere.

The list of these is ``inbox.py``.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from agents.acr import sign_in_of
from agents.actors import Actor, allowed
from agents.errors import InvalidInput
from agents.models import Agent, AgentScope, DetailVersion
from agents.permissions import May
from agents.trail.kinds import Kind
from agents.trail.refusals import record_refusal, source_of
from consent import request_answers, silences
from consent.errors import DecisionMadeAlready, OfferChanged, RequestClosed, SignInNeeded
from consent.models import AccessRequest, Consent, PendingConsent, Silence
from consent.oauth import authorization_details
from consent.offer import Asking, Offer
from consent.offering import make_offer
from consent.screens.authorize import AUDITOR
from consent.screens.form import Answer, FormTampered, Shown, approval_of, open_sealed, read_answer
from consent.screens.proving import cannot, lead_to_proof
from consent.screens.screen import Again, show
from consent.screens.storing import never_stored
from consent.screens.tampered import cannot_be_taken
from consent.screens.who_and_when import moment_of, person_of
from consent.telling_who import is_wished


@never_stored
@require_http_methods(["GET", "HEAD", "POST"])
def one_request(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    """Show what is asked, and take the answer. A closed one says what became of it."""
    asked = seen_request(request, request_id)
    if request.method == "POST":
        return _take(request, asked)
    waiting = PendingConsent.objects.open().filter(request=asked).first()
    if waiting is not None:  # answered; an approver has not agreed yet
        return redirect(waiting)
    offer = offer_of(request, asked) if asked.is_waiting(moment_of(request)) else None
    return _show(request, asked, offer) if offer else _closed(request, asked)


@never_stored
@require_POST
def never_again(request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
    """Refuse what still waits, and let the agent ask no more, whichever of its clients it uses."""
    asked = seen_request(request, request_id)
    by, now = Actor.of(request), moment_of(request)
    offer = offer_of(request, asked) if asked.is_waiting(now) else None
    if offer is None:
        silences.silence(asked, by=by, now=now)
    else:
        silences.refuse_for_ever(asked.pk, offer, form_nonce=f"never:{asked.pk}", by=by, now=now)
    said = _("%(agent)s does not ask you again. You can take that back in My agents.")
    messages.success(request, said % {"agent": asked.agent.name})
    return redirect("inbox")


@never_stored
@require_POST
def may_ask_again(request: HttpRequest, agent_id: uuid.UUID) -> HttpResponse:
    """Take back that an agent asks no more."""
    get_object_or_404(Silence.objects.live().filter(user=person_of(request)), agent=agent_id)
    silence = silences.let_ask(agent_id, by=Actor.of(request), now=moment_of(request))
    messages.success(request, _("%(agent)s may ask you again.") % {"agent": silence.agent.name})
    return redirect("my-agents")


# ------------------------------------------------------------------------------------------------------ parts of these


def seen_request(request: HttpRequest, request_id: uuid.UUID) -> AccessRequest:
    """Return the person's own request. Somebody else's looks like one that does not exist (security.md S39)."""
    return get_object_or_404(AccessRequest.objects.visible_to(person_of(request)).with_what_is_asked(), pk=request_id)


def offer_of(request: HttpRequest, asked: AccessRequest, shown_at: datetime | None = None) -> Offer | None:
    """Return what is asked, as far as the agent may still ask for it. None: nothing is left, or the client is gone."""
    now, person = moment_of(request), person_of(request)
    if not asked.client.is_live(now):
        return None
    pairs = {tuple(pair) for pair in asked.requested}
    rows = tuple(
        row
        for row in AgentScope.objects.offered_by(asked.agent)
        if (str(row.scope.resource_id), row.scope.name) in pairs and not (asked.is_device and row.scope.is_sensitive)
    )
    if not rows:
        return None
    asking = Asking(
        asked.client,
        rows,
        asked.purpose,
        acr_values=tuple(asked.acr_values.split()),
        harmless=asked.is_device,
        details=_details(asked, rows),
        openid=is_wished(asked.requested),
    )
    return make_offer(asking, person=person, zone_name=person.time_zone, now=now, shown_at=shown_at)


def _details(asked: AccessRequest, rows: Sequence[AgentScope]) -> authorization_details.Asked:
    """Return what was asked for in detail, as far as it may still be asked for like that."""
    if not asked.details:
        return {}
    try:
        offered = DetailVersion.objects.by_scope(row.scope_id for row in rows)
        return authorization_details.read(json.dumps(asked.details), offered)
    except authorization_details.BadDetails:
        return {}


def _show(
    request: HttpRequest, asked: AccessRequest, offer: Offer, *, again: Again | None = None, status: int = 200
) -> HttpResponse:
    may = allowed(Actor.of(request), May.APPROVE_CONSENT, offer.agent)
    own_address = Actor.of(request).address
    return show(
        request,
        offer,
        sent={"request": [str(asked.pk)]},
        action=asked.get_absolute_url(),
        now=moment_of(request),
        again=again,
        status=status,
        again_url=reverse("device") if asked.is_device else asked.get_absolute_url(),
        may_not="" if may else str(AUDITOR),
        template="consent/request.html",
        more={
            "asked": asked,
            "report_url": reverse("request-report", args=[asked.pk]),
            "elsewhere": bool(asked.address) and source_of(asked.address or "") != source_of(own_address),
        },
    )


def _closed(request: HttpRequest, asked: AccessRequest, *, status: int = 200) -> HttpResponse:
    now = moment_of(request)
    may_silence = not (asked.is_device or silences.is_silenced(asked.agent, person_of(request)))
    context = {
        "asked": asked,
        "status": asked.status(now),
        "may_silence": may_silence,
        "keeps_it": Agent.objects.visible_to(person_of(request)).filter(pk=asked.agent_id).exists(),
        "now": now,
    }
    return render(request, "consent/request_closed.html", context, status=status)


def _take(request: HttpRequest, asked: AccessRequest) -> HttpResponse:
    now, by = moment_of(request), Actor.of(request)
    try:
        shown = open_sealed(request.POST)
        if shown.sent != {"request": [str(asked.pk)]}:
            raise FormTampered("request")
        offer = offer_of(request, asked, shown.at)
        if offer is None or not asked.is_waiting(now):
            raise RequestClosed
        if why := _why_again(request, offer, shown):
            return _again(request, asked, *why)
        if request.POST["decision"] == "refuse":
            request_answers.refuse(asked.pk, offer, form_nonce=shown.nonce, by=by, now=now)
            messages.info(request, _("Refused. %(agent)s gets nothing.") % {"agent": asked.agent.name})
            return redirect("inbox")
        given = read_answer(request.POST, offer)
    except FormTampered as problem:
        return _refused(request, asked, problem)
    except (RequestClosed, DecisionMadeAlready) as problem:
        return _too_late(request, asked, problem)
    try:
        approval = approval_of(given, offer, signed_in=sign_in_of(request), now=now)
    except (InvalidInput, SignInNeeded) as problem:
        return _not_yet(request, asked, offer, given, problem)
    try:
        made = request_answers.allow(asked.pk, approval, form_nonce=shown.nonce, by=by, now=now)
    except (RequestClosed, DecisionMadeAlready) as problem:
        return _too_late(request, asked, problem)
    return _done(request, made)


def _done(request: HttpRequest, made: Consent | PendingConsent) -> HttpResponse:
    """Show what came of it: the consent, or what waits for an approver."""
    if isinstance(made, PendingConsent):
        return redirect(made)
    messages.success(request, _("Allowed. %(agent)s can go on.") % {"agent": made.agent.name})
    return redirect("my-consent", made.pk)


def _not_yet(
    request: HttpRequest, asked: AccessRequest, offer: Offer, given: Answer, problem: InvalidInput | SignInNeeded
) -> HttpResponse:
    """Lead to the sign-in that it takes, or show the screen with what is to be mended. Nothing was decided."""
    _record(request, asked, problem.code)
    if isinstance(problem, SignInNeeded):
        led = lead_to_proof(request, problem, back=asked.get_absolute_url())
        if led:
            return led
        again = Again(error=cannot(problem), error_field="scope", answer=given)
    else:
        again = Again(error=problem.sentence, error_field=problem.field, answer=given)
    return _show(request, asked, offer, again=again, status=400)


def _why_again(request: HttpRequest, offer: Offer, shown: Shown) -> tuple[str, str] | None:
    """Return why the answer cannot count as it stands, in a sentence and as a code, or None."""
    if not shown.is_of(request):
        return _(
            "Somebody else had this page open, or another session. Look again: this is asked of you."
        ), "other_person"
    if request.POST["decision"] == "refuse":  # a no to something that has changed since is still a no
        return None
    if shown.is_old(moment_of(request)):
        return _("This page was open for a long time. Look again before you decide."), "form_too_old"
    if offer.digest() != shown.digest:
        return _("What is asked has changed since you saw it. Look again before you decide."), OfferChanged.code
    return None


def _again(request: HttpRequest, asked: AccessRequest, sentence: str, code: str) -> HttpResponse:
    """Show the screen of now, with what happened. Nothing was decided."""
    _record(request, asked, code)
    offer = offer_of(request, asked)
    if offer is None:
        return _closed(request, asked, status=409)
    return _show(request, asked, offer, again=Again(note=sentence), status=409)


def _too_late(request: HttpRequest, asked: AccessRequest, problem: RequestClosed | DecisionMadeAlready) -> HttpResponse:
    """Say what became of it: answered in another window, or waited too long."""
    _record(request, asked, problem.code)
    asked.refresh_from_db()
    return _closed(request, asked, status=409)


def _refused(request: HttpRequest, asked: AccessRequest, problem: FormTampered) -> HttpResponse:
    _record(request, asked, problem.code)
    return cannot_be_taken(request, problem, url=asked.get_absolute_url())


def _record(request: HttpRequest, asked: AccessRequest, code: str) -> None:
    record_refusal(
        Kind.CONSENT_FORM_REFUSED,
        reason_code=code,
        by=Actor.of(request),
        now=moment_of(request),
        client_id=asked.client_id,
        agent_id=asked.agent_id,
        user_id=asked.user_id,
    )
