"""The device grant, from the device's side (RFC 8628). The person's side is ``consent/screens/device.py``.

§3.1 the request                                 answer         §3.2 device_code, user_code, verification_uri     answer
§3.4, §3.5 polling, slow_down, expired_token     polling.py     §5.1 guessing user codes                          consent/user_codes.py
Off for a client until an administrator allows it with a reason; never for sensitive scopes (decisions.md, Device grant).
Left out: verification_uri_complete (§3.3.1), so that a link never stands in for typing.
Errors: unauthorized_client, invalid_scope, invalid_target, invalid_request; 429 for a device that starts too often.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from agents.actors import Actor, RequestFacts
from agents.addresses import page_address
from agents.models import AgentScope, GrantType
from agents.trail.kinds import Kind
from consent import requests
from consent.models import AccessRequest, RequestKind
from consent.oauth.asking import asking_client, proven, what_is_asked
from consent.oauth.client_authentication import ProvenClient
from consent.oauth.endpoint import Asked, endpoint
from consent.oauth.errors import OAuthRefusal, json_response
from consent.oauth.parameters import Form
from consent.oauth.what_is_asked import NO_PERMISSION
from consent.requests import DEVICE_LIFE, Question
from consent.telling_who import OPENID

MOST_WAITING = 50
"""Codes of one client that wait at a time: nobody types more, and each is a row that anybody could make."""


@endpoint(Kind.REQUEST_REFUSED, tells=lambda _form: {"way": "device"})
def device_authorization(asked: Asked) -> HttpResponse:
    """Take one device authorization request (§3.1)."""
    with proven(asked) as client:
        return json_response(answer(asked.form, client, asked.facts))


def answer(form: Form, client: ProvenClient, facts: RequestFacts) -> dict[str, Any]:
    """Make the codes and return them (§3.2). Raises OAuthRefusal."""
    row = asking_client(client, GrantType.DEVICE)
    what = what_is_asked(form, row, facts)
    waiting = AccessRequest.objects.waiting(facts.now).filter(client=row, kind=RequestKind.DEVICE, user=None)
    if waiting.count() >= MOST_WAITING:
        raise OAuthRefusal("slow_down", "Too many codes of this client wait already.", status=429, retry_after=60)
    scopes = _harmless(what.scopes, form)
    kept = {row.scope_id for row in scopes}
    question = Question(
        client=row,
        scopes=scopes,
        purpose=what.purpose,
        life=DEVICE_LIFE,
        details={scope_id: details for scope_id, details in what.details.items() if scope_id in kept},
        openid=what.openid,
    )
    asked = requests.start_device(question, by=Actor.client(client.pk, facts), now=facts.now)
    return {
        "device_code": asked.secret,
        "user_code": asked.user_code,
        "verification_uri": page_address("device"),
        "expires_in": int(DEVICE_LIFE.total_seconds()),
        "interval": requests.INTERVAL,
    }


def _harmless(scopes: tuple[AgentScope, ...], form: Form) -> tuple[AgentScope, ...]:
    """Return what a code may give: never anything sensitive. Without ``scope`` that is everything else of the agent."""
    harmless = tuple(row for row in scopes if not row.scope.is_sensitive)
    named = set(form.get("scope", "").split()) - NO_PERMISSION - {OPENID} or form.get("authorization_details")
    if named and len(harmless) < len(scopes):
        raise OAuthRefusal(
            "invalid_scope",
            f"Sensitive scopes are never given by a device code. Send the person to {page_address('authorize')}",
        )
    if not harmless:
        raise OAuthRefusal(
            "invalid_scope",
            f"All that this agent may ask for is sensitive, and a device code gives none of it. Send the person to "
            f"{page_address('authorize')}",
        )
    return harmless
