"""Clients: the OAuth registrations of an agent. What may stand in one: ``client_facts.py``. Secrets: ``credentials.py``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from agents import drift
from agents.actors import Actor, require
from agents.client_facts import checked, columns, told
from agents.drift import Drift, What
from agents.errors import Ended, InvalidInput
from agents.ids import random_handle
from agents.models import Agent, AuthMethod, Client, FetchedKeys, State
from agents.permissions import May
from agents.redirects import hosts_of
from agents.review import before_change, note_change
from agents.texts import reason_of
from agents.trail.kinds import Kind
from agents.trail.record import record

CHANGEABLE = frozenset(
    {
        "name",
        "auth_method",
        "grant_types",
        "redirect_uris",
        "notification_endpoint",
        "require_par",
        "jwks_uri",
        "older_reason",
        "require_dpop",
    }
)


@transaction.atomic
def add(
    agent: Agent,
    *,
    name: str,
    auth_method: str,
    grant_types: Iterable[str],
    redirect_uris: Iterable[str],
    notification_endpoint: str = "",
    require_par: bool = False,
    jwks_uri: str = "",
    older_reason: str = "",
    require_dpop: bool = False,
    by: Actor,
    now: datetime,
) -> Client:
    """Register one more client of the agent. Its id is made here and never changes.

    Raises Forbidden, Ended (the agent is retired), InvalidInput. Records ``client.created``.
    """
    agent = Agent.objects.locked(agent.pk)
    require(by, May.MANAGE_CLIENT, agent)
    _must_not_be_retired(agent)
    if agent.is_personal:
        # Nobody activated it: another client would be a way past whoever decides which agents there are.
        raise InvalidInput("name", _("A personal agent has the program that its person allowed, and no other client."))
    facts = checked(
        agent,
        name,
        auth_method,
        grant_types,
        redirect_uris,
        notification_endpoint,
        require_par=require_par,
        jwks_uri=jwks_uri,
        older_reason=older_reason,
        require_dpop=require_dpop,
    )
    so_far = before_change(agent)
    client = Client.objects.create(agent=agent, client_id=new_client_id(facts["name"]), **columns(facts))
    reason = facts["older_reason"]
    record(Kind.CLIENT_CREATED, by=by, now=now, agent_id=agent.pk, client_id=client.pk, reason=reason, **told(facts))
    note_change(agent, so_far, by=by, now=now)
    return client


@transaction.atomic
def change(client: Client, *, by: Actor, now: datetime, **changes: Any) -> Client:
    """Change a client's registration: any of ``CHANGEABLE``. A change to what already holds is no change and no event.

    Consents of the client pause where people would return to another host (``drift_of_redirects``).
    Raises Forbidden, Ended, InvalidInput. Records ``client.changed``.
    """
    unknown = changes.keys() - CHANGEABLE
    if unknown:
        raise TypeError(f"not changeable: {sorted(unknown)}")
    client, agent = locked(client)
    require(by, May.MANAGE_CLIENT, agent)
    _must_not_be_retired(agent)
    _must_be_there(client)
    if client.is_self_registered:
        raise InvalidInput("name", _("This program describes itself. What it says changes only at its own word."))
    before = {
        "name": client.name,
        "auth_method": client.auth_method,
        "grant_types": client.grant_types,
        "redirect_uris": client.redirect_uris.split(),
        "notification_endpoint": client.notification_endpoint,
        "require_par": client.require_par,
        "jwks_uri": client.jwks_uri,
        "older_reason": client.older_reason,
        "require_dpop": client.require_dpop,
    }
    after = checked(agent, **{**before, **changes}, device_codes=bool(client.device_reason))
    differing = {name for name in CHANGEABLE if before[name] != after[name]}
    if not differing:
        return client
    if after["auth_method"] == AuthMethod.NONE and client.credentials.live(now).exists():
        raise InvalidInput("auth_method", _("Revoke its keys first: a public client keeps no secret."))
    drifts, so_far = drift_of_redirects(client, after["redirect_uris"]), before_change(agent)
    kept = columns(after)
    for name, value in kept.items():
        setattr(client, name, value)
    client.save(update_fields=[*kept])
    record(
        Kind.CLIENT_CHANGED,
        by=by,
        now=now,
        agent_id=agent.pk,
        client_id=client.pk,
        reason=after["older_reason"] if "older_reason" in differing else "",
        before=told({name: before[name] for name in sorted(differing)}),
        after=told({name: after[name] for name in sorted(differing)}),
    )
    if "jwks_uri" in differing:
        FetchedKeys.objects.filter(client=client).delete()  # those of another address count for nothing
    note_change(agent, so_far, by=by, now=now)
    drift.tell(drifts, by=by, now=now)
    return client


def drift_of_redirects(client: Client, redirect_uris: Iterable[str]) -> list[Drift]:
    """Return whether people would return to other hosts than those of now. Another path on the same host is no drift."""
    before, after = hosts_of(client.redirect_uris.split()), hosts_of(redirect_uris)
    return [Drift(What.REDIRECT_HOST, sorted(before), sorted(after), client=client)] if before != after else []


@transaction.atomic
def end(client: Client, *, reason: str, by: Actor, now: datetime) -> Client:
    """Remove a client for good. It gets no token any more, and those that are out are refused at their next use.

    Raises Forbidden, Ended. Records ``client.ended``.
    """
    reason = reason_of(reason)
    client, agent = locked(client)
    require(by, May.MANAGE_CLIENT, agent)
    _must_be_there(client)
    so_far = before_change(agent)
    client.ended_at = now
    client.save(update_fields=["ended_at"])
    record(Kind.CLIENT_ENDED, by=by, now=now, agent_id=agent.pk, client_id=client.pk, reason=reason)
    note_change(agent, so_far, by=by, now=now)
    return client


def locked(client: Client) -> tuple[Client, Agent]:
    """Lock agent and client, in this order: every change of an agent begins with its row.

    Raises Ended for a client that no agent has adopted.
    """
    agent_id = Client.objects.values_list("agent_id", flat=True).get(pk=client.pk)
    if agent_id is None:
        raise Ended(_("This client belongs to no agent. Somebody must adopt it first."))
    agent = Agent.objects.locked(agent_id)
    client = Client.objects.select_for_update().get(pk=client.pk)
    client.agent = agent
    return client, agent


def _must_be_there(client: Client) -> None:
    if client.ended_at is not None:
        raise Ended(_("This client was removed already."))


def _must_not_be_retired(agent: Agent) -> None:
    if agent.state == State.RETIRED:
        raise Ended(
            _("%(agent)s is retired. It gets no client any more, and those that it has stay as they are.")
            % {"agent": agent.name}
        )


def new_client_id(name: str, *, length: int = 6) -> str:
    """Return an id for a new client: its name, and so many random characters."""
    return f"{slugify(name)[:60].strip('-') or 'client'}-{random_handle(length)}"
