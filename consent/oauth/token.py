"""The token endpoint (RFC 6749 §3.2): read the form, ask the server, answer; the border where refusals are recorded."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseFault
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from agents.trail.kinds import Kind
from consent.oauth.client_authentication import named_client
from consent.oauth.errors import OAuthRefusal, json_response, refuse, refuse_method, unavailable
from consent.oauth.guessing import check_not_guessing, note_wrong_guess
from consent.oauth.parameters import read_form
from consent.oauth.server import GRANTS, server


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
        grant, named = grant_told(form.get("grant_type", "")), named_client(authorization, form)
        check_not_guessing(Kind.TOKEN_REFUSED, named, facts)
        return json_response(server().token(form, authorization, facts))
    except OAuthRefusal as refusal:
        response = refuse(Kind.TOKEN_REFUSED, refusal, facts, grant=grant)
        if refusal.reason_code == "invalid_client":
            note_wrong_guess(refusal, named, facts)
        return response
    except DatabaseFault:
        return unavailable()


def grant_told(asked: str) -> str:
    """Return the grant for the event: one that there is, or ``other``. What a stranger writes there stays out of it."""
    return asked if asked in GRANTS or not asked else "other"
