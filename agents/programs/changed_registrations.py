"""A program says something else of itself than when people agreed to it: that waits until somebody has seen it.

Where nobody relies on the client yet, what it says now simply counts. Otherwise the old words and addresses go on to count,
and the new ones wait beside them: another name, other addresses to return to, another way to prove itself or other keys
to do it with. A key that rotates at the same address is no change.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from agents import drift
from agents.actors import Actor, require
from agents.clients import drift_of_redirects
from agents.errors import Ended, FactsChanged
from agents.models import Agent, Client, FetchedKeys
from agents.permissions import May
from agents.programs.registration import Claims
from agents.programs.self_registered import columns
from agents.review import before_change, note_change
from agents.texts import reason_of
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
    changed = [name for name in sorted(after) if getattr(client, name) != after[name]]
    if changed:
        record(
            Kind.CLIENT_CHANGED,
            by=by,
            now=now,
            agent_id=client.agent_id,
            client_id=client.pk,
            before={name: getattr(client, name) for name in changed},
            after={name: after[name] for name in changed},
        )
    for name, value in after.items():
        setattr(client, name, value)
    key = claims.software_key(str(client.registration_source), client.client_id if client.document_host else "")
    if not is_relied_on(client):
        client.software_key = key
    client.pending_metadata, client.pending_since = None, None
    client.save(update_fields=[*after, "software_key", "pending_metadata", "pending_since"])
    return client


def digest_of_waiting(client: Client) -> str:
    """Return the SHA-256 of what waits to be seen. Empty: nothing does."""
    if client.pending_since is None:
        return ""
    return hashlib.sha256(json.dumps(client.pending_metadata, sort_keys=True).encode()).hexdigest()


@transaction.atomic
def see(client: Client, *, take: bool, seen: str, reason: str, by: Actor, now: datetime) -> Client:
    """Let what a program says of itself now count, or go on with what it said before. Consents pause where it matters.

    What was refused waits no more, however often the program says it again. seen: the digest of what was looked at
    (``digest_of_waiting``): a program can say something else between the look and the answer.
    For keepers of its agent, and for administrators where nobody adopted it. Raises Forbidden, InvalidInput, Ended (nothing
    waits), FactsChanged. Records ``client.registration_seen``.
    """
    reason = reason_of(reason)
    agent_id = Client.objects.values_list("agent_id", flat=True).get(pk=client.pk)
    agent = Agent.objects.locked(agent_id) if agent_id else None
    client = Client.objects.select_for_update(of=("self",)).get(pk=client.pk)
    require(by, May.MANAGE_CLIENT if agent else May.REFUSE_CLIENT, agent)
    waiting = client.pending_metadata
    if client.agent_id != agent_id or client.ended_at is not None or waiting is None or client.pending_since is None:
        raise Ended(_("Somebody has looked at this already, or the program took it back."))
    if seen != digest_of_waiting(client):
        raise FactsChanged
    client.agent = agent
    before = {name: getattr(client, name) for name in WAITS if getattr(client, name) != waiting[name]}
    so_far = before_change(agent) if agent else None
    # What was refused stays, and so is known again when the program says it anew.
    client.pending_metadata, client.pending_since = None if take else waiting, None
    drifts = drift_of_redirects(client, waiting["redirect_uris"].split()) if take else []
    if take:
        for name, value in waiting.items():
            setattr(client, name, value)
        client.client_type = client.CLIENT_PUBLIC if client.is_public else client.CLIENT_CONFIDENTIAL
    client.save(update_fields=[*waiting, "client_type", "pending_metadata", "pending_since"])
    record(
        Kind.REGISTRATION_SEEN,
        by=by,
        now=now,
        agent_id=agent_id,
        client_id=client.pk,
        reason=reason,
        before=before,
        after={name: waiting[name] for name in before},
        taken=take,
    )
    if take and "jwks_uri" in before:
        FetchedKeys.objects.filter(client=client).delete()  # those of another address count for nothing
    if agent:
        note_change(agent, so_far, by=by, now=now)
    drift.tell(drifts, by=by, now=now)
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
