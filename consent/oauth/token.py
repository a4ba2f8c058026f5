"""The token endpoint (RFC 6749 §3.2): read the form, ask the server, answer; the border where refusals are recorded."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseFault
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from agents.actors import Actor
from agents.trail.kinds import Kind
from consent.oauth.client_authentication import named_client
from consent.oauth.errors import OAuthRefusal, json_response, refuse, refuse_method, unavailable
from consent.oauth.guessing import check_not_guessing, note_wrong_guess
from consent.oauth.parameters import read_form
from consent.oauth.server import server
from consent.observed import observe_refused_request


@csrf_exempt
@login_not_required
def token(request: HttpRequest) -> HttpResponse:
    """Answer one token request."""
    facts = request.facts  # type: ignore[attr-defined]  # set by RequestFactsMiddleware
    if request.method != "POST":
        return refuse_method(Kind.TOKEN_REFUSED, facts)
    authorization, grant, named = request.headers.get("Authorization", ""), "", ""
    try:
        form = read_form(request)
        grant, named = form.get("grant_type", "")[:60], named_client(authorization, form)
        check_not_guessing(Kind.TOKEN_REFUSED, named, facts)
        return json_response(server().token(form, authorization, facts))
    except OAuthRefusal as refusal:
        response = refuse(Kind.TOKEN_REFUSED, refusal, facts, grant=grant, **_about(refusal))
        if refusal.met is not None:
            by = Actor.client(refusal.client_id, facts)
            observe_refused_request(refusal.met, refusal=refusal.code, by=by, now=facts.now)
        if refusal.code == "invalid_client":
            note_wrong_guess(refusal, named, facts)
        return response
    except DatabaseFault:
        return unavailable()


def _about(refusal: OAuthRefusal) -> dict[str, uuid.UUID]:
    """Return the consent that was asked for in vain, for the event."""
    consent_id = refusal.met.consent_id if refusal.met is not None else None
    return {"consent_id": consent_id} if consent_id is not None else {}
