"""A program says something else of itself than when people agreed to it: that waits until somebody has seen it.

Where nobody relies on the client yet, what it says now simply counts. Otherwise the old words and addresses go on to count,
and the new ones wait beside them: another name, other addresses to return to, another way to prove itself or other keys
to do it with. A key that rotates at the same address is no change.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from agents.actors import Actor
from agents.models import Client
from agents.registration import Claims
from agents.self_registered import columns
from agents.trail.kinds import Kind
from agents.trail.record import record

WAITS = ("name", "auth_method", "redirect_uris", "jwks_uri")
"""What somebody who agreed has read, or relies on."""


@transaction.atomic
def note_document(client: Client, claims: Claims, *, good_until: datetime, by: Actor, now: datetime) -> Client:
    """Note what a client's document says now. Records ``client.registration_waits`` where it waits to be seen."""
    client = Client.objects.select_for_update(of=("self",)).select_related("agent").get(pk=client.pk)
    client.cimd_expires_at = good_until
    client.save(update_fields=["cimd_expires_at"])
    return note_claims(client, claims, by=by, now=now)


def note_claims(client: Client, claims: Claims, *, by: Actor, now: datetime) -> Client:
    """Take over what a locked client says now, or let it wait, in the caller's transaction."""
    after = columns(claims)
    differing = [name for name in WAITS if getattr(client, name) != after[name]]
    if differing and is_relied_on(client):
        return _let_wait(client, after, differing, by=by, now=now)
    for name, value in after.items():
        setattr(client, name, value)
    client.pending_metadata, client.pending_since = None, None
    client.save(update_fields=[*after, "pending_metadata", "pending_since"])
    return client


def is_relied_on(client: Client) -> bool:
    """Whether somebody adopted it, or has let it act for them."""
    return client.agent_id is not None or client.personal_since is not None


def _let_wait(client: Client, after: dict[str, object], differing: list[str], *, by: Actor, now: datetime) -> Client:
    waiting = {name: after[name] for name in after if name not in {"client_type", "hash_client_secret"}}
    if client.pending_metadata == waiting:
        return client
    client.pending_metadata, client.pending_since = waiting, client.pending_since or now
    client.save(update_fields=["pending_metadata", "pending_since"])
    record(
        Kind.REGISTRATION_WAITS,
        by=by,
        now=now,
        agent_id=client.agent_id,
        client_id=client.pk,
        before={name: getattr(client, name) for name in differing},
        after={name: after[name] for name in differing},
    )
    return client
