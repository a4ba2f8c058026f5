"""The token endpoint (RFC 6749 §3.2): read the form, ask the server, answer; the border where refusals are recorded."""

from __future__ import annotations

from django.http import HttpResponse

from agents.actors import Actor
from agents.trail.kinds import Kind
from consent.oauth.endpoint import Asked, endpoint
from consent.oauth.errors import OAuthRefusal, json_response
from consent.oauth.parameters import Form
from consent.oauth.server import GRANTS, server
from consent.observed import observe_apart


def grant_told(form: Form) -> dict[str, str]:
    """Return the grant for the event: one that there is, or ``other``. What a stranger writes there stays out of it."""
    asked = form.get("grant_type", "")
    return {"grant": asked if asked in GRANTS or not asked else "other"}


@endpoint(Kind.TOKEN_REFUSED, tells=grant_told)
def token(asked: Asked) -> HttpResponse:
    """Answer one token request."""
    try:
        body, binding = server().token(asked)
    except OAuthRefusal as refusal:
        if refusal.met is not None:
            by = Actor.client(refusal.client_id, asked.facts)
            observe_apart(refusal.met, refusal=refusal.code, by=by, now=asked.facts.now)
        raise
    response = json_response(body)
    if binding.nonce:
        response["DPoP-Nonce"] = binding.nonce
    return response
