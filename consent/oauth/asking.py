"""What CIBA and the device grant share before anything is asked: the proven client, its agent, and what it asks for.

Errors: invalid_client (401), unauthorized_client, invalid_request, invalid_scope, invalid_target.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from agents.actors import RequestFacts
from agents.addresses import page_address
from agents.models import Client
from agents.models import Kind as AgentKind
from consent.oauth.authorization_reading import AuthorizationRefused
from consent.oauth.client_authentication import ProvenClient, prove_client, require_usable
from consent.oauth.endpoint import Asked
from consent.oauth.errors import OAuthRefusal
from consent.oauth.parameters import Form
from consent.oauth.what_is_asked import WhatIsAsked, read_what_is_asked


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
    agent_id = row.agent_id
    if row.agent is None:
        raise OAuthRefusal("unauthorized_client", "Nobody has adopted this client, so it may not ask in this way.")
    if row.agent.kind != AgentKind.ASSISTANT:
        said = "This agent acts for the organisation: it asks no person."
        raise OAuthRefusal("unauthorized_client", _to_the_proven(client, said, "organisation-consent", agent_id))
    if not client.allows_grant_type(grant):
        said = "This client may not ask in this way."
        raise OAuthRefusal("unauthorized_client", _to_the_proven(client, said, "agent-clients", agent_id))
    return row


def _to_the_proven(client: ProvenClient, said: str, page: str, agent_id: uuid.UUID | None) -> str:
    """Say where a person can lift it. Anybody can name a public client: it hears no address."""
    return (
        said
        if client.is_public or agent_id is None
        else f"{said} That can be changed at {page_address(page, agent_id)}"
    )


def what_is_asked(form: Form, client: Client, facts: RequestFacts) -> WhatIsAsked:
    """Return scopes and purpose. Raises OAuthRefusal."""
    sent = {name: list(values) for name, values in form.lists()}
    try:
        return read_what_is_asked(client, sent, now=facts.now)
    except AuthorizationRefused as refusal:
        raise OAuthRefusal(refusal.code, refusal.description) from refusal
