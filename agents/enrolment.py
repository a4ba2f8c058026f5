"""Register an agent with all that it needs to begin, in one step: scopes, one client, and how far it goes at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import transaction

from agents import agent_scopes, client_facts, clients, lifecycle, registry
from agents.actors import Actor
from agents.models import Agent, AuthMethod, Client, Environment, Scope, User
from agents.models.agent import Kind as AgentKind


class Then(StrEnum):
    """What follows at once."""

    DRAFT = "draft"
    SUBMIT = "submit"
    ACTIVATE = "activate"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What somebody fills in to register an agent. An assistant without a redirect gets no client yet."""

    name: str
    purpose: str
    kind: str
    owner: User
    environment: str = Environment.PRODUCTION
    unit: str = ""
    data_classes: frozenset[str] = frozenset()
    ends_at: datetime | None = None
    deputies: tuple[User, ...] = ()
    scopes: frozenset[Scope] = frozenset()
    auth_method: str = AuthMethod.BASIC
    redirect_uris: tuple[str, ...] = ()


@transaction.atomic
def enrol(enrolment: Enrolment, *, then: Then, reason: str, by: Actor, now: datetime) -> tuple[Agent, Client | None]:
    """Register the agent, its scopes and its client; submit or activate it where that is asked. All of it or nothing.

    Raises and records what the functions that it calls raise and record.
    """
    agent = registry.register(
        name=enrolment.name,
        purpose=enrolment.purpose,
        kind=enrolment.kind,
        environment=enrolment.environment,
        unit=enrolment.unit,
        data_classes=enrolment.data_classes,
        ends_at=enrolment.ends_at,
        owner=enrolment.owner,
        deputies=enrolment.deputies,
        by=by,
        now=now,
    )
    if enrolment.scopes:
        required = frozenset(scope for scope in enrolment.scopes if scope.required_by_default)
        agent_scopes.set_scopes(agent, scopes=enrolment.scopes, required=required, by=by, now=now)
    client = None
    if enrolment.kind == AgentKind.AUTONOMOUS or enrolment.redirect_uris:
        client = clients.add(
            agent,
            name=enrolment.name,
            auth_method=enrolment.auth_method,
            grant_types=client_facts.GRANTS_OF[AgentKind(agent.kind)],
            redirect_uris=enrolment.redirect_uris,
            by=by,
            now=now,
        )
    if then == Then.SUBMIT:
        agent = lifecycle.submit(agent, reason=reason, by=by, now=now)
    elif then == Then.ACTIVATE:
        agent = lifecycle.take_up(agent, reason=reason, by=by, now=now)
    return agent, client
