"""Adopting clients that registered themselves into an agent of the organisation, refusing them, and asking for it.

Identical registrations are adopted in one step (``unclaimed.py``). Only a person's own session adopts, or a rule that an
administrator made for what Mandate verified (``adoption_rules.py``). Adopting lets nothing be done yet: the agent's owner
says what it may ask for, and each person what they allow. What people allowed a personal agent stands until it ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from agents import registry
from agents.actors import Actor, allowed, require
from agents.errors import Ended, FactsChanged, Forbidden, InvalidInput, Refused
from agents.models import AdoptionAsk, Agent, Client, Scope, State, User
from agents.models.agent import Kind as AgentKind
from agents.models.moments import not_before
from agents.permissions import May
from agents.programs.unclaimed import mark_of
from agents.review import before_change, note_change
from agents.texts import one_line, reason_of
from agents.trail.kinds import Kind
from agents.trail.record import record

MOST_OPEN_ASKS = 20
"""What one person can have asked for and not been answered."""
LONGEST_WHY = 500


class AskedForAlready(Refused):
    """The person has asked for this program and waits for an answer, or waits for too many."""

    code = "asked_for_already"

    def __init__(self) -> None:
        super().__init__(_("You asked for this already. An administrator sees it among what waits."))


class UsedByOthers(Refused):
    """Other people have the program as agents of their own: whose it becomes is not for one owner to say."""

    code = "used_by_others"

    def __init__(self) -> None:
        super().__init__(_("Other people use this program as an agent of their own. Ask an administrator to adopt it."))


@transaction.atomic
def adopt(key: str, agent: Agent, *, reason: str, by: Actor, now: datetime, seen: str | None = None) -> list[Client]:
    """Make every unclaimed registration of this software a client of the agent. Returns them.

    seen: ``unclaimed.mark_of`` what the person looked at. Raises Forbidden, InvalidInput (no reason, or an agent that takes
    none), Ended (somebody decided a moment ago), FactsChanged, UsedByOthers. Records ``client.adopted`` for each.
    """
    reason = reason_of(reason)
    agent = Agent.objects.locked(agent.pk)
    require(by, May.ADOPT_CLIENT, agent)
    return _adopt_all(key, agent, reason=reason, seen=seen, by=by, now=now)


@transaction.atomic
def adopt_into_new(
    key: str,
    *,
    name: str,
    purpose: str,
    owner: User,
    reason: str,
    by: Actor,
    now: datetime,
    seen: str | None = None,
) -> Agent:
    """Register an agent for this software, a draft, and make its registrations the clients of it.

    Raises what ``registry.register`` and ``adopt`` raise. Records ``agent.registered`` and ``client.adopted``.
    """
    reason = reason_of(reason)
    made = registry.register(name=name, purpose=purpose, kind=AgentKind.ASSISTANT, owner=owner, by=by, now=now)
    agent = Agent.objects.locked(made.pk)
    require(by, May.ADOPT_CLIENT, agent)
    _adopt_all(key, agent, reason=reason, seen=seen, by=by, now=now)
    return agent


def _adopt_all(key: str, agent: Agent, *, reason: str, seen: str | None, by: Actor, now: datetime) -> list[Client]:
    must_take_clients(agent)
    clients = list(Client.objects.unclaimed().filter(software_key=key).select_for_update(of=("self",)).order_by("pk"))
    if not clients:
        raise Ended(_("Somebody has decided about this program already. Load the page again."))
    if seen is not None and seen != mark_of(clients):
        raise FactsChanged
    _must_not_be_others(key, by)
    so_far = before_change(agent)
    for client in clients:
        take(client, agent, how="person", reason=reason, by=by, now=now)
    note_change(agent, so_far, by=by, now=now)
    _answer(AdoptionAsk.objects.open().filter(client__in=clients), by=by, now=now)
    return clients


def _must_not_be_others(key: str, by: Actor) -> None:
    """Raise UsedByOthers where it is in use, for whoever could not refuse it to everybody either.

    From then on it asks people as the new agent, which could be a draft, and could be suspended.
    """
    used = Agent.objects.filter(software_key=key, personal_of__isnull=False).exclude(state=State.RETIRED)
    if used.exclude(personal_of=by.user).exists() and not allowed(by, May.REFUSE_CLIENT):
        raise UsedByOthers


def must_take_clients(agent: Agent) -> None:
    """Raise InvalidInput unless programs that registered themselves can belong to this agent."""
    if agent.kind != AgentKind.ASSISTANT or agent.is_personal or agent.state == State.RETIRED:
        raise InvalidInput(
            "agent", _("Choose an agent that acts for people: not somebody’s own, and not one that is retired.")
        )


def take(client: Client, agent: Agent, *, how: str, by: Actor, now: datetime, reason: str = "", **more: Any) -> None:
    """Make a locked client one of a locked agent, in the caller's transaction. Records ``client.adopted``."""
    client.agent = agent
    client.save(update_fields=["agent"])
    record(
        Kind.CLIENT_ADOPTED,
        by=by,
        now=now,
        agent_id=agent.pk,
        client_id=client.pk,
        reason=reason,
        how=how,
        name=client.name,
        **more,
    )


@transaction.atomic
def refuse(key: str, *, reason: str, by: Actor, now: datetime) -> list[Client]:
    """Remove every unclaimed registration of this software for good. One known by its document cannot come back.

    What people allowed it as a personal agent counts no more. Raises Forbidden, InvalidInput, Ended. Records
    ``client.ended`` for each.
    """
    reason = reason_of(reason)
    require(by, May.REFUSE_CLIENT)
    clients = list(Client.objects.unclaimed().filter(software_key=key).select_for_update(of=("self",)).order_by("pk"))
    if not clients:
        raise Ended(_("Somebody has decided about this program already. Load the page again."))
    for client in clients:
        client.ended_at = now
        client.save(update_fields=["ended_at"])
        record(Kind.CLIENT_ENDED, by=by, now=now, client_id=client.pk, reason=reason)
    _answer(AdoptionAsk.objects.open().filter(client__in=clients), by=by, now=now)
    return clients


@transaction.atomic
def ask(client: Client, *, scopes: Iterable[Scope], why: str, by: Actor, now: datetime) -> AdoptionAsk:
    """Ask the administrators to adopt a program, for what it wanted. Nothing is allowed by it.

    why: in the person's own words, or empty. Raises Forbidden, InvalidInput, Ended, AskedForAlready. Records
    ``client.adoption_asked``.
    """
    require(by, May.APPROVE_CONSENT)  # whoever could let it act for them, were it adopted; an auditor asks for nothing
    if by.user is None:
        raise Forbidden(May.APPROVE_CONSENT)
    why = one_line("why", why, longest=LONGEST_WHY, needed=False)
    person = User.objects.select_for_update(no_key=True).get(pk=by.user.pk)  # two at once: the second finds the first
    # And the client's: whoever decides about it answers all who have asked by then.
    client = Client.objects.select_for_update(of=("self",), no_key=True).get(pk=client.pk)
    if not client.is_unclaimed:
        raise Ended(_("Somebody has decided about this program already. Start again from it."))
    mine = AdoptionAsk.objects.open().filter(user=person)
    if mine.filter(client__software_key=client.software_key).exists() or mine.count() >= MOST_OPEN_ASKS:
        raise AskedForAlready
    wanted = list(scopes)
    number = record(
        Kind.ADOPTION_ASKED,
        by=by,
        now=now,
        client_id=client.pk,
        user_id=person.pk,
        reason=why,
        scopes=sorted(scope.name for scope in wanted),
        name=client.name,
    )
    return AdoptionAsk.objects.create(
        client=client, user=person, scopes=[str(scope.pk) for scope in wanted], event=number, asked_at=now
    )


def _answer(asks: QuerySet[AdoptionAsk], *, by: Actor, now: datetime) -> None:
    asks.update(answered_at=not_before("asked_at", now), answered_by=by.user)
