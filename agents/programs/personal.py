"""Personal agents: a program that registered itself, as the own agent of whoever allows it something.

The default, so that an MCP client works at the first try (decisions.md, Self-registered clients). The person becomes its
owner. It acts for them alone, asks for nothing sensitive, and what it is allowed ends within a month. It is made in the
transaction of the person's approval and shown to them before that (``Agent.is_made``); identical registrations of one
person share one. The client itself serves many people, so it belongs to none of these agents: each consent says which.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from agents.actors import Actor, require
from agents.errors import FactsChanged
from agents.models import Adoption, Agent, AgentScope, Client, Organisation, Ownership, Scope, State, User
from agents.models.agent import Kind as AgentKind
from agents.permissions import May
from agents.trail.kinds import Kind
from agents.trail.record import record

LIFE = timedelta(days=30)
"""How long what a personal agent is allowed may hold, and the agent itself without a new approval."""
ORIGIN = "personal"


def are_offered() -> bool:
    """Whether policy lets everybody have personal agents."""
    organisation = Organisation.current()
    return organisation is not None and organisation.adoption == Adoption.EVERYBODY


def agent_of(client: Client, person: User, now: datetime) -> Agent:
    """Return the person's own agent of this program: the one they have, or one as it would be made (``is_made``).

    Nothing is stored. Until when it may be allowed something is counted from now.
    """
    agent = _existing(client, person)
    if agent is None:
        agent = Agent(
            name=client.name or _("Unnamed program"),
            purpose=_("Help me with what I ask it to do"),
            kind=AgentKind.ASSISTANT,
            state=State.ACTIVE,
            created_at=now,
            origin=ORIGIN,
            personal_of=person,
            software_key=client.software_key,
        )
        agent.live_ownership_list = [Ownership(agent=agent, user=person, role=Ownership.Part.OWNER, since=now)]
    agent.ends_at = now + LIFE
    return agent


def _existing(client: Client, person: User) -> Agent | None:
    mine = Agent.objects.filter(personal_of=person, software_key=client.software_key)
    return mine.exclude(state=State.RETIRED).first()


def acts_for(client: Client, agent: Agent) -> bool:
    """Whether this client is one by which somebody's own agent acts."""
    return bool(client.agent_id is None and agent.is_personal and client.software_key == agent.software_key)


def acting_for(client: Client, agent: Agent) -> Client:
    """Return the client as one of the agent by which it acts here: for a personal agent that is said by the consent."""
    if acts_for(client, agent):
        client.agent = agent  # for whoever asks this object; the row goes on to serve everybody
    return client


def offered_to(agent: Agent, *, resources: Iterable[str], names: Iterable[str]) -> list[AgentScope]:
    """Return what a personal agent may ask for at these resources, or by these names where it names no resource.

    All that is not sensitive: those that it has asked for before, and the others as they would be added.
    """
    at = Q(resource__uri__in=list(resources)) if resources else Q(name__in=list(names))
    scopes = Scope.objects.live().filter(at).select_related("resource").prefetch_related("wordings")
    kept = {row.scope_id: row for row in AgentScope.objects.offered_by(agent)} if agent.is_made else {}
    return [
        kept.get(scope.pk) or AgentScope(agent=agent, scope=scope, required=False, added_at=agent.created_at)
        for scope in scopes.order_by("resource__name", "name")
        if not scope.is_sensitive
    ]


def sensitive_of(resources: Iterable[str], names: Iterable[str]) -> list[Scope]:
    """Return what was asked for and is sensitive: no personal agent gets it, an administrator can let another have it.

    Without names only where the resources offer nothing else: nobody asked for what they did not name.
    """
    found, at, named = Scope.objects.live().sensitive(), list(resources), list(names)
    if at:
        found = found.filter(resource__uri__in=at)
    if named:
        found = found.filter(name__in=named)
    return list(found.select_related("resource").prefetch_related("wordings").order_by("resource__name", "name"))


@transaction.atomic
def take_up(client: Client, agent: Agent, *, scopes: Iterable[Scope], by: Actor, now: datetime) -> Agent:
    """Make the personal agent that was shown, or let the one that stands ask for these as well. For its person alone.

    In the transaction of the approval that it is for: of fifty at once, one makes it. Raises Forbidden, FactsChanged
    (the client was adopted or removed, the agent retired, or policy is another now). Records ``agent.personal_made``, ``client.adopted`` and
    ``agent.personal_grew``.
    """
    require(by, May.HAVE_PERSONAL_AGENT)
    person = agent.personal_of
    if person is None or by.user is None or by.user.pk != person.pk:
        raise FactsChanged
    # One person's approvals in a row: their own row is the lock that exists before the agent does.
    User.objects.select_for_update(no_key=True).get(pk=person.pk)
    standing = _existing(client, person)
    made = Agent.objects.locked(standing.pk) if standing else _make(client, agent, person, by=by, now=now)
    client = Client.objects.select_for_update(of=("self",)).get(pk=client.pk)
    gone = made.state == State.RETIRED or not client.is_unclaimed
    if gone or client.software_key != made.software_key or not are_offered():
        raise FactsChanged
    if standing is None or client.personal_since is None:
        record(
            Kind.CLIENT_ADOPTED,
            by=by,
            now=now,
            agent_id=made.pk,
            client_id=client.pk,
            user_id=person.pk,
            how="personal",
            name=client.name,
        )
    if client.personal_since is None:
        client.personal_since = now
        client.save(update_fields=["personal_since"])
    made.ends_at = now + LIFE
    made.save(update_fields=["ends_at"])
    _let_ask(made, scopes, by=by, now=now)
    return made


def _make(client: Client, shown: Agent, person: User, *, by: Actor, now: datetime) -> Agent:
    made = Agent.objects.create(
        name=shown.name,
        purpose=shown.purpose,
        kind=AgentKind.ASSISTANT,
        state=State.ACTIVE,
        created_at=now,
        ends_at=now + LIFE,
        origin=ORIGIN,
        personal_of=person,
        software_key=client.software_key,
    )
    Ownership.objects.create(agent=made, user=person, role=Ownership.Part.OWNER, since=now)
    record(
        Kind.PERSONAL_AGENT_MADE,
        by=by,
        now=now,
        agent_id=made.pk,
        client_id=client.pk,
        user_id=person.pk,
        name=made.name,
    )
    return made


def _let_ask(agent: Agent, scopes: Iterable[Scope], *, by: Actor, now: datetime) -> None:
    has = set(AgentScope.objects.filter(agent=agent, ended_at=None).values_list("scope_id", flat=True))
    more = [scope for scope in scopes if scope.pk not in has and not scope.is_sensitive]
    for scope in sorted(more, key=lambda scope: scope.pk):
        AgentScope.objects.create(agent=agent, scope=scope, required=False, added_at=now)
    if more:
        added = sorted(f"{scope.resource.identifier}/{scope.name}" for scope in more)
        record(Kind.PERSONAL_AGENT_GREW, by=by, now=now, agent_id=agent.pk, user_id=agent.personal_of_id, added=added)
