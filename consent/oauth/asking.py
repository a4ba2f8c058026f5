"""What CIBA and the device grant share before anything is asked: the proven client, its agent, and what it asks for.

Errors: invalid_client (401), unauthorized_client, invalid_request, invalid_scope, invalid_target.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import Error as DatabaseFault
from django.http import HttpRequest, HttpResponse, QueryDict

from agents.actors import RequestFacts
from agents.models import Client
from agents.models import Kind as AgentKind
from agents.trail.kinds import Kind
from agents.warnings import page_address
from consent.oauth.authorization import NO_PERMISSION, AuthorizationRefused, WhatIsAsked, read_what_is_asked
from consent.oauth.client_authentication import ProvenClient, named_client, prove_client, require_usable
from consent.oauth.errors import OAuthRefusal, json_response, refuse, refuse_method, unavailable
from consent.oauth.guessing import check_not_guessing, note_wrong_guess
from consent.oauth.parameters import read_form

OPENID = frozenset({"openid"})
"""CIBA Core §7.1 makes clients send it. It is no permission, and Mandate issues no ID token."""
Answering = Callable[[QueryDict, ProvenClient, RequestFacts], dict[str, Any]]


def answer_client(request: HttpRequest, answering: Answering, *, way: str) -> HttpResponse:
    """Prove the client, let ``answering`` do the rest, and record what is refused. way: how it asks, for the event."""
    facts: RequestFacts = request.facts  # type: ignore[attr-defined]  # set by RequestFactsMiddleware
    if request.method != "POST":
        return refuse_method(Kind.REQUEST_REFUSED, facts)
    authorization, named = request.headers.get("Authorization", ""), ""
    try:
        form = read_form(request)
        named = named_client(authorization, form)
        check_not_guessing(Kind.REQUEST_REFUSED, named, facts)
        client = prove_client(authorization, form, facts)
        require_usable(client)
        return json_response(_answered(answering, form, client, facts))
    except OAuthRefusal as refusal:
        response = refuse(Kind.REQUEST_REFUSED, refusal, facts, way=way)
        if refusal.code == "invalid_client":
            note_wrong_guess(refusal, named, facts)
        return response
    except DatabaseFault:
        return unavailable()


def _answered(answering: Answering, form: QueryDict, client: ProvenClient, facts: RequestFacts) -> dict[str, Any]:
    try:
        return answering(form, client, facts)
    except OAuthRefusal as refusal:
        refusal.client_id, refusal.agent_id = client.pk, client.agent_id
        raise


def asking_client(client: ProvenClient, grant: str) -> Client:
    """Return the client's row with its agent. Raises OAuthRefusal unauthorized_client, with where that can be changed."""
    row = Client.objects.select_related("agent").get(pk=client.pk)
    if row.agent is None or row.agent.kind != AgentKind.ASSISTANT:
        raise OAuthRefusal("unauthorized_client", "This agent acts for the organisation: it asks no person.")
    if not client.allows_grant_type(grant):
        page = page_address("agent-clients", row.agent.pk)
        raise OAuthRefusal("unauthorized_client", f"This client may not ask in this way. It can be let at {page}")
    return row


def what_is_asked(form: QueryDict, client: Client, facts: RequestFacts) -> WhatIsAsked:
    """Return scopes and purpose. Raises OAuthRefusal."""
    sent = {name: list(values) for name, values in form.lists()}
    names = [name for name in form.get("scope", "").split() if name not in OPENID | NO_PERMISSION]
    sent["scope"] = [" ".join(names)]
    try:
        return read_what_is_asked(client, sent, now=facts.now)
    except AuthorizationRefused as refusal:
        raise OAuthRefusal(refusal.code, refusal.description) from refusal
