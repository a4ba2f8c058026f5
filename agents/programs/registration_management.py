"""What a program may change of its own registration (RFC 7592): all that it says of itself, but never how it proves itself.

What people who adopted or allowed it have read waits until somebody has seen the difference (``changed_registrations.py``);
its keys may rotate at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from agents import credentials
from agents.actors import Actor
from agents.errors import Ended
from agents.models import Client
from agents.programs.changed_registrations import note_claims
from agents.programs.registration import BadMetadata, Claims
from agents.programs.self_registered import TooManyRegistrations
from agents.shares import takes_one
from agents.trail.kinds import Kind
from agents.trail.record import record

MOST_CHANGES, CHANGES_WITHIN = 30, timedelta(hours=1)
"""Of one registration: each is an event, and whoever registers need not say who they are."""


@transaction.atomic
def change(client: Client, claims: Claims, *, by: Actor, now: datetime) -> Client:
    """Take over what a program says of itself now, or let it wait. Returns the registration that counts.

    Raises TooManyRegistrations, BadMetadata (another way to prove itself), InvalidInput (a key that some client has), Ended.
    Records ``client.changed`` or ``client.registration_waits``, and what becomes of its keys.
    """
    client = _locked(client)
    if not takes_one("registration-changes", client.pk, most=MOST_CHANGES, within=CHANGES_WITHIN, now=now):
        raise TooManyRegistrations(int(CHANGES_WITHIN.total_seconds() // 4))
    if claims.auth_method != client.auth_method or bool(claims.jwks_uri) != bool(client.jwks_uri):
        raise BadMetadata("invalid_client_metadata", "To prove itself in another way a client registers anew.")
    if claims.keys:
        credentials.replace_public_keys(client, claims.keys, by=by, now=now)
    return note_claims(client, claims, by=by, now=now)


@transaction.atomic
def remove(client: Client, *, by: Actor, now: datetime) -> Client:
    """End a registration at its program's own word. What it did stays in the trail; its tokens are refused from now on.

    Raises Ended. Records ``client.ended``.
    """
    client = _locked(client)
    client.ended_at, client.registration_digest = now, ""
    client.pending_metadata, client.pending_since = None, None
    client.save(update_fields=["ended_at", "registration_digest", "pending_metadata", "pending_since"])
    record(Kind.CLIENT_ENDED, by=by, now=now, agent_id=client.agent_id, client_id=client.pk)
    return client


def _locked(client: Client) -> Client:
    locked = Client.objects.select_for_update(of=("self",)).get(pk=client.pk)
    if locked.ended_at is not None:
        raise Ended(_("This client was removed already."))
    return locked
