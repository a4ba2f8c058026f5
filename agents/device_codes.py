"""Device codes (RFC 8628): off for each client until an administrator allows them, with a reason (decisions.md, Device grant).

They are the way in that strangers can lend to somebody: whoever sends a person a code gets what that person allows.
Never for clients that registered themselves, and never for sensitive scopes (``consent/oauth/device.py``).
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from agents.actors import Actor, require
from agents.clients import locked
from agents.errors import Ended, InvalidInput, NotReady
from agents.models import Client, GrantType
from agents.models.agent import Kind as AgentKind
from agents.permissions import May
from agents.registry import must_not_be_retired
from agents.texts import reason_of
from agents.trail.kinds import Kind
from agents.trail.record import record


@transaction.atomic
def allow(client: Client, *, reason: str, by: Actor, now: datetime) -> Client:
    """Let this client use device codes. Raises Forbidden, Ended, NotReady, InvalidInput. Records ``client.device_codes_allowed``."""
    client, agent = locked(client)
    require(by, May.ALLOW_DEVICE_CODES, agent)
    reason = reason_of(reason)
    must_not_be_retired(agent)
    if client.ended_at is not None:
        raise Ended(_("This client was removed already."))
    if agent.kind != AgentKind.ASSISTANT:
        raise NotReady(_("This agent acts for the organisation: it asks no person."))
    if client.is_self_registered:
        raise NotReady(_("A client that registered itself never gets device codes: anybody could have made it."))
    if client.device_reason:
        raise InvalidInput("reason", _("This client may use device codes already."))
    client.device_reason = reason
    client.grant_types = sorted({*client.grant_types, GrantType.DEVICE.value})
    client.save(update_fields=["device_reason", "grant_types"])
    record(Kind.DEVICE_CODES_ALLOWED, by=by, now=now, agent_id=agent.pk, client_id=client.pk, reason=reason)
    return client


@transaction.atomic
def end(client: Client, *, reason: str, by: Actor, now: datetime) -> Client:
    """Take device codes away from this client. What people allowed before stands until they end it.

    Raises Forbidden, Ended, InvalidInput. Records ``client.device_codes_ended``.
    """
    client, agent = locked(client)
    require(by, May.ALLOW_DEVICE_CODES, agent)
    reason = reason_of(reason)
    if not client.device_reason:
        raise Ended(_("This client has no device codes any more."))
    client.device_reason = ""
    client.grant_types = sorted(set(client.grant_types) - {GrantType.DEVICE.value})
    client.save(update_fields=["device_reason", "grant_types"])
    record(Kind.DEVICE_CODES_ENDED, by=by, now=now, agent_id=agent.pk, client_id=client.pk, reason=reason)
    return client
