"""``/consents/<id>/changes/``: what is different from what was agreed to, and the person's answer.

Only the person (for the organisation an administrator) ends a pause, by a new screen: agreeing makes a consent that takes
the paused one's place, for the same purpose and at most what it held. Others who may see the consent read the difference.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents.acr import sign_in_of
from agents.actors import Actor, allowed, require
from agents.errors import InvalidInput, NotReady
from agents.models import AgentScope
from agents.permissions import May
from agents.programs.personal import acting_for
from agents.redirects import hosts_of
from agents.trail.kinds import Kind
from agents.trail.refusals import record_refusal
from consent import decision
from consent.approval import Approval
from consent.differences import differences_of
from consent.errors import OfferChanged, SignInNeeded
from consent.models import Consent
from consent.models.consent import fold_purpose
from consent.offer import Asking, Offer
from consent.offering import make_offer
from consent.screens.changes import seen_consent
from consent.screens.form import FormTampered, approval_of, open_sealed, read_answer
from consent.screens.proving import cannot, lead_to_proof
from consent.screens.screen import Again, show
from consent.screens.storing import never_stored
from consent.screens.tampered import cannot_be_taken
from consent.screens.who_and_when import moment_of, person_of


@never_stored
@require_http_methods(["GET", "POST"])
def changes(request: HttpRequest, consent_id: uuid.UUID) -> HttpResponse:
    """Show what is different, and take the answer of whoever may give it."""
    consent = seen_consent(request, consent_id, change="agree")
    if request.method == "POST":
        require(Actor.of(request), May.AGREE_TO_CHANGE, consent)
    if consent.status(moment_of(request)) != "paused" or not consent.waits_to_be_looked_at:
        return redirect("my-consent", consent.pk)
    offer = _offer(request, consent) if _may_agree(request, consent) else None
    if offer is None:
        return _read_only(request, consent)
    return _take(request, consent) if request.method == "POST" else _show(request, consent, offer)


def _may_agree(request: HttpRequest, consent: Consent) -> bool:
    return allowed(Actor.of(request), May.AGREE_TO_CHANGE, consent)


def _offer(request: HttpRequest, consent: Consent, *, shown_at: datetime | None = None) -> Offer | None:
    """Return what the paused consent held and what its agent may still ask for, in today's words.

    None: nothing is left of it, or its agent can be allowed nothing now.
    """
    now = moment_of(request)
    acting_for(consent.client, consent.agent)
    if not consent.client.is_live(now):
        return None
    held = [row.scope_id for row in consent.held(now)]
    rows = tuple(AgentScope.objects.offered_by(consent.agent).filter(scope__in=held))
    if not rows:
        return None
    same_as_registered = fold_purpose(consent.purpose) == fold_purpose(consent.agent.purpose)
    asking = Asking(consent.client, rows, "" if same_as_registered else consent.purpose, _way_back(consent))
    offer = make_offer(
        asking,
        person=consent.user,
        zone_name=person_of(request).time_zone,
        now=now,
        shown_at=shown_at,
    )
    return replace(offer, passing=offer.passing.at_most(consent.passes) if offer.passing else None)


def _way_back(consent: Consent) -> str:
    """Return the client's redirect URI at the host that the person returned to, otherwise its first."""
    uris = consent.client.redirect_uris.split() if consent.user_id else []
    same = [uri for uri in uris if consent.redirect_host in hosts_of([uri])]
    return next(iter(same or uris), "")


def _address(consent: Consent) -> str:
    return reverse("consent-changes", args=[consent.pk])


def _show(
    request: HttpRequest, consent: Consent, offer: Offer, *, again: Again | None = None, status: int = 200
) -> HttpResponse:
    return show(
        request,
        offer,
        sent={"renews": [str(consent.pk)]},
        action=_address(consent),
        now=moment_of(request),
        again=again,
        status=status,
        renews=consent,
    )


def _read_only(request: HttpRequest, consent: Consent) -> HttpResponse:
    own = consent.user_id == request.user.pk
    context = {
        "consent": consent,
        "differences": differences_of(consent),
        "own": own,
        "may_agree": _may_agree(request, consent),
        "usable": acting_for(consent.client, consent.agent).is_live(moment_of(request)),
        "can_revoke": allowed(Actor.of(request), May.REVOKE_CONSENT, consent),
        "back_url": reverse("my-agents") if own else consent.get_absolute_url(),
        "now": moment_of(request),
    }
    return render(request, "consent/changes.html", context)


def _take(request: HttpRequest, consent: Consent) -> HttpResponse:
    now, by = moment_of(request), Actor.of(request)
    try:
        shown = open_sealed(request.POST)
        if shown.sent != {"renews": [str(consent.pk)]} or request.POST["decision"] != "allow":
            raise FormTampered("renews")
        decision.must_be_undecided(shown.nonce)
        offer = _offer(request, consent, shown_at=shown.at)
        fresh = offer is not None and shown.is_of(request) and not shown.is_old(now)
        if offer is None or not fresh or offer.digest() != shown.digest:
            return _again(request, consent)
        given = read_answer(request.POST, offer)
        if fold_purpose(given.purpose) != fold_purpose(consent.purpose):
            raise FormTampered("purpose")
    except FormTampered as problem:
        return _refused(request, consent, problem)
    try:
        approval = approval_of(given, offer, signed_in=sign_in_of(request), now=now)
    except InvalidInput as problem:
        _record(request, consent, problem.code)
        again = Again(error=problem.sentence, error_field=problem.field, answer=given)
        return _show(request, consent, offer, again=again, status=400)
    except SignInNeeded as problem:
        _record(request, consent, problem.code)
        again = Again(error=cannot(problem), error_field="scope", answer=given)
        return lead_to_proof(request, problem, back=_address(consent)) or _show(
            request, consent, offer, again=again, status=400
        )
    done = decision.renew(consent.pk, _as_first_written(approval, consent), form_nonce=shown.nonce, by=by, now=now)
    if done.consent is None:
        return redirect(done.page)
    said = _("Agreed. %(agent)s goes on the next time it asks for a token.") % {"agent": consent.agent.name}
    if consent.user_id is not None:
        said = _("Agreed. %(agent)s goes on the next time it asks you.") % {"agent": consent.agent.name}
    messages.success(request, said)
    return redirect("my-consent", done.consent.pk)


def _as_first_written(approval: Approval, consent: Consent) -> Approval:
    """Keep with the new consent who first wrote the purpose: the person may have said it in their own words then."""
    wrote = consent.shown.get("purpose") if isinstance(consent.shown, dict) else None
    return replace(approval, shown={**approval.shown, "purpose": wrote or approval.shown["purpose"]})


def _again(request: HttpRequest, consent: Consent) -> HttpResponse:
    changed = OfferChanged(_("What is asked has changed since you saw it. Look again before you decide."))
    _record(request, consent, changed.code)
    offer = _offer(request, consent)
    if offer is None:
        raise NotReady(_("Nothing of it is offered any more, so there is nothing to agree to."))
    return _show(request, consent, offer, again=Again(note=changed.sentence), status=409)


def _refused(request: HttpRequest, consent: Consent, problem: FormTampered) -> HttpResponse:
    _record(request, consent, problem.code)
    return cannot_be_taken(request, problem, url=_address(consent))


def _record(request: HttpRequest, consent: Consent, code: str) -> None:
    record_refusal(
        Kind.CONSENT_FORM_REFUSED,
        reason_code=code,
        by=Actor.of(request),
        now=moment_of(request),
        client_id=consent.client_id,
        agent_id=consent.agent_id,
        consent_id=consent.pk,
        user_id=consent.user_id,
    )
