"""The scopes that an agent may ask for, and those that people cannot untick."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from agents import drift
from agents.actors import Actor, require
from agents.drift import Drift, What
from agents.errors import Ended, Forbidden, InvalidInput
from agents.models import Agent, AgentScope, Scope
from agents.permissions import May
from agents.registry import must_not_be_retired
from agents.review import before_change, note_change
from agents.trail.kinds import Kind
from agents.trail.record import record


@transaction.atomic
def set_scopes(
    agent: Agent, *, scopes: frozenset[Scope], required: frozenset[Scope], by: Actor, now: datetime
) -> Agent:
    """Make exactly these the scopes that the agent may ask for. Consents that hold another scope keep it.

    required: those a person cannot untick. A sensitive one can be unticked until an administrator confirms it.
    Consents that hold one which becomes required pause (``drift_of_required``).
    Raises Forbidden, Ended (agent or scope), InvalidInput. Records ``agent.scopes_changed``.
    """
    agent = Agent.objects.locked(agent.pk)
    require(by, May.REQUIRE_SCOPE, agent)
    must_not_be_retired(agent)
    if agent.is_personal and any(scope.is_sensitive for scope in scopes):
        raise InvalidInput("scopes", _("A personal agent gets nothing sensitive."))
    if not required <= scopes:
        raise InvalidInput("required", _("A required permission must be among those that it may ask for."))
    live = set(Scope.objects.live().filter(pk__in=[scope.pk for scope in scopes]))
    if live != scopes:
        raise Ended(_("One of these permissions is no longer offered. Load the page again."))
    rows = list(AgentScope.objects.filter(agent=agent, ended_at=None).select_related("scope__resource"))
    ending = [row for row in rows if row.scope not in scopes or row.required != (row.scope in required)]
    kept = {row.scope for row in rows} - {row.scope for row in ending}
    adding = scopes - kept
    if not ending and not adding:
        return agent
    drifts, so_far = drift_of_required(agent, required), before_change(agent)
    AgentScope.objects.filter(pk__in=[row.pk for row in ending]).update(ended_at=now)
    for scope in sorted(adding, key=lambda scope: scope.pk):
        AgentScope.objects.create(agent=agent, scope=scope, required=scope in required, added_at=now)
    before = frozenset(row.scope for row in rows)
    record(
        Kind.AGENT_SCOPES_CHANGED,
        by=by,
        now=now,
        agent_id=agent.pk,
        added=_pairs(scopes - before),
        removed=_pairs(before - scopes),
        required=_pairs(required),
    )
    note_change(agent, so_far, by=by, now=now)
    drift.tell(drifts, by=by, now=now)
    return agent


def drift_of_required(agent: Agent, scopes: Iterable[Scope]) -> list[Drift]:
    """Return for which of these, were they required, people could no longer untick what they could untick so far.

    A sensitive one counts only when it is confirmed (``confirm_required``).
    """
    rows = AgentScope.objects.live().filter(agent=agent).select_related("scope")
    locked = {row.scope_id for row in rows if row.is_locked}
    return [
        Drift(What.REQUIRED, False, True, scope=scope, agent=agent)
        for scope in sorted(scopes, key=lambda scope: scope.pk)
        if scope.pk not in locked and not scope.is_sensitive
    ]


@transaction.atomic
def confirm_required(agent: Agent, scope: Scope, *, by: Actor, now: datetime) -> AgentScope:
    """Let a sensitive scope be required of people. Only an administrator who neither owns nor deputises the agent may.

    Consents that hold it as one that can be unticked pause.
    Raises Forbidden, Ended, InvalidInput (not required, not sensitive). Records ``agent.required_scope_confirmed``.
    """
    agent = Agent.objects.locked(agent.pk)
    require(by, May.CONFIRM_REQUIRED_SCOPE, agent)
    if by.user is None:
        raise Forbidden(May.CONFIRM_REQUIRED_SCOPE, agent)
    must_not_be_retired(agent)
    row = AgentScope.objects.live().filter(agent=agent, scope=scope).select_related("scope__resource").first()
    if row is None:
        raise Ended(_("The agent does not ask for this permission any more."))
    if not row.required or not row.scope.is_sensitive:
        raise InvalidInput("scope", _("Only a sensitive permission that its owner marked as required needs this."))
    if row.confirmed_by_id is None:
        drifts = drift_of_confirming(agent, scope)
        row.confirmed_by = by.user
        row.save(update_fields=["confirmed_by"])
        record(
            Kind.REQUIRED_SCOPE_CONFIRMED,
            by=by,
            now=now,
            agent_id=agent.pk,
            resource_id=scope.resource_id,
            scopes=[scope.name],
            scope=scope.name,
        )
        drift.tell(drifts, by=by, now=now)
    return row


def drift_of_confirming(agent: Agent, scope: Scope) -> list[Drift]:
    """Return that people could no longer untick this sensitive permission, if that is not so already."""
    row = AgentScope.objects.live().filter(agent=agent, scope=scope).select_related("scope__resource").first()
    if row is None or row.is_locked or not row.required:
        return []
    return [Drift(What.REQUIRED, False, True, scope=row.scope, agent=agent)]


def _pairs(scopes: Iterable[Scope]) -> list[str]:
    """Name scopes as they are told apart: by resource and name."""
    return sorted(f"{scope.resource.identifier}/{scope.name}" for scope in scopes)
