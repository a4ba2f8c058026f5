"""``/agents/<id>/consent/``: an administrator decides for the organisation, on the same screen that people read."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents.acr import sign_in_of
from agents.actors import Actor
from agents.errors import InvalidInput, NotReady
from agents.models import AgentScope, Client
from agents.trail.kinds import Kind
from agents.trail.refusals import record_refusal
from consent import decision
from consent.errors import OfferChanged, SignInNeeded
from consent.offer import Asking, Offer
from consent.offering import make_offer
from consent.screens.form import FormTampered, approval_of, open_sealed, read_answer
from consent.screens.organisation_client import client_to_decide
from consent.screens.organisation_details import asked_for, forget, permissions_in_detail
from consent.screens.proving import cannot, lead_to_proof
from consent.screens.screen import Again, show
from consent.screens.storing import never_stored
from consent.screens.tampered import cannot_be_taken
from consent.screens.who_and_when import moment_of, person_of


@never_stored
@require_http_methods(["GET", "POST"])
def organisation_consent(request: HttpRequest, agent_id: uuid.UUID) -> HttpResponse:
    """Show what an autonomous agent asks of the organisation, and take an administrator's decision."""
    client = client_to_decide(request, agent_id)
    if isinstance(client, HttpResponse):
        return client
    if request.method == "POST":
        return _take(request, client)
    offer = _offer(request, client)
    if not offer.lines:  # all that it may ask for is given in detail, and nobody has said any yet
        return redirect(permissions_in_detail(client, offer)[0].url)
    return _show(request, offer)


def _offer(request: HttpRequest, client: Client, *, shown_at: datetime | None = None) -> Offer:
    scopes = (
        AgentScope.objects.live()
        .filter(agent=client.agent)
        .select_related("scope__resource", "confirmed_by")
        .prefetch_related("scope__wordings")
        .order_by("scope__resource__name", "scope__name")
    )
    rows = tuple(scopes)
    if not rows:
        raise NotReady(_("This agent may not ask for anything yet. Its owner chooses that on its page."))
    return make_offer(
        Asking(client, rows, details=asked_for(request, client)),
        person=None,
        zone_name=person_of(request).time_zone,
        now=moment_of(request),
        shown_at=shown_at,
    )


def _show(request: HttpRequest, offer: Offer, *, again: Again | None = None, status: int = 200) -> HttpResponse:
    keeps = offer.agent.is_kept_by(person_of(request)) and offer.is_sensitive
    note = _(
        "You are responsible for this agent. What is sensitive must be allowed by another administrator: leave it off."
    )
    return show(
        request,
        offer,
        sent={"client": [str(offer.client.pk)]},
        action=_address(offer.client),
        now=moment_of(request),
        again=again,
        status=status,
        keeper_note=note if keeps else "",
        template="consent/organisation.html",
        more={"in_detail": permissions_in_detail(offer.client, offer)},
    )


def _address(client: Client) -> str:
    return f"{reverse('organisation-consent', args=[client.agent_id])}?client={client.pk}"


def _take(request: HttpRequest, client: Client) -> HttpResponse:
    now, by = moment_of(request), Actor.of(request)
    try:
        shown = open_sealed(request.POST)
        if shown.sent != {"client": [str(client.pk)]}:
            raise FormTampered("client")
    except FormTampered as problem:
        return _refused(request, client, problem)
    decision.must_be_undecided(shown.nonce)
    offer = _offer(request, client, shown_at=shown.at)
    refuses = request.POST["decision"] == "refuse"  # a no to something that has changed since is still a no
    changed_since = not refuses and (shown.is_old(now) or offer.digest() != shown.digest)
    if not shown.is_of(request) or changed_since:
        changed = OfferChanged(_("What is asked has changed since you saw it. Look again before you decide."))
        _record(request, client, changed.code)
        return _show(request, _offer(request, client), again=Again(note=changed.sentence), status=409)
    if refuses:
        decision.refuse(offer, form_nonce=shown.nonce, by=by, now=now)
        forget(request, client)
        messages.info(request, _("Refused. %(agent)s gets nothing.") % {"agent": offer.agent.name})
        return redirect(offer.agent.get_absolute_url())
    try:
        given = read_answer(request.POST, offer)
    except FormTampered as problem:
        return _refused(request, client, problem)
    try:
        approval = approval_of(given, offer, signed_in=sign_in_of(request), now=now)
    except InvalidInput as problem:
        _record(request, client, problem.code)
        again = Again(error=problem.sentence, error_field=problem.field, answer=given)
        return _show(request, offer, again=again, status=400)
    except SignInNeeded as problem:
        _record(request, client, problem.code)
        again = Again(error=cannot(problem), error_field="scope", answer=given)
        return lead_to_proof(request, problem, back=_address(client)) or _show(request, offer, again=again, status=400)
    done = decision.allow(approval, form_nonce=shown.nonce, request=None, by=by, now=now)
    forget(request, client)
    if done.consent is None:
        return redirect(done.page)
    messages.success(request, _("Allowed. %(agent)s can get tokens now.") % {"agent": offer.agent.name})
    return redirect(done.consent.get_absolute_url())


def _refused(request: HttpRequest, client: Client, problem: FormTampered) -> HttpResponse:
    _record(request, client, problem.code)
    return cannot_be_taken(request, problem, url=_address(client))


def _record(request: HttpRequest, client: Client, code: str) -> None:
    record_refusal(
        Kind.CONSENT_FORM_REFUSED,
        reason_code=code,
        by=Actor.of(request),
        now=moment_of(request),
        client_id=client.pk,
        agent_id=client.agent_id,
    )
