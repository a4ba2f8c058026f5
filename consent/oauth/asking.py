"""What CIBA and the device grant share before anything is asked: the proven client, its agent, and what it asks for.

Errors: invalid_client (401), unauthorized_client, invalid_request, invalid_scope, invalid_target.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.http import QueryDict

from agents.actors import RequestFacts
from agents.models import Client
from agents.models import Kind as AgentKind
from agents.warnings import page_address
from consent.oauth.authorization import NO_PERMISSION, AuthorizationRefused, WhatIsAsked, read_what_is_asked
from consent.oauth.client_authentication import ProvenClient, prove_client, require_usable
from consent.oauth.endpoint import Asked
from consent.oauth.errors import OAuthRefusal

OPENID = frozenset({"openid"})
"""CIBA Core §7.1 makes clients send it. It is no permission, and Mandate issues no ID token."""


@contextmanager
def proven(asked: Asked) -> Iterator[ProvenClient]:
    """Give the client that the request proves, and say in every refusal from then on whose request it was."""
    client = prove_client(asked.authorization, asked.form, asked.facts)
    require_usable(client)
    try:
        yield client
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
