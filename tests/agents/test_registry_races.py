"""Many at once: the row of the agent decides who was first, and the others are refused."""

from __future__ import annotations

import pytest

from agents import agent_scopes, clients, lifecycle, registry
from agents.errors import Ended, Forbidden, IllegalMove, InvalidInput
from agents.models import Agent, AgentScope, Ownership, State
from agents.trail.kinds import Kind
from tests import builders
from tests.builders import actor
from tests.services.parallel import at_once

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]
MANY = 8


def test_of_many_moves_at_once_one_is_made(ada, mara, now):
    agent = builders.agent(owner=ada)
    outcome = at_once(MANY, lambda _: lifecycle.suspend(agent, reason="It is odd.", by=actor(ada), now=now))
    assert len(outcome.returned) == 1
    assert outcome.raised_only(IllegalMove)
    assert len(builders.events(Kind.AGENT_SUSPENDED)) == 1


def test_suspending_and_retiring_at_once_ends_in_one_of_the_legal_ways(ada, mara, now):
    agent = builders.agent(owner=ada)
    moves = [lifecycle.suspend, lifecycle.retire]
    outcome = at_once(MANY, lambda number: moves[number % 2](agent, reason="It is odd.", by=actor(ada), now=now))
    assert outcome.raised_only(IllegalMove)
    assert Agent.objects.get(pk=agent.pk).state == State.RETIRED
    assert len(builders.events(Kind.AGENT_RETIRED)) == 1


def test_handed_over_to_many_at_once_it_has_one_owner(ada, mara, now):
    agent = builders.agent(owner=ada)
    people = [builders.person(f"Heir {number}", "owner") for number in range(MANY)]
    outcome = at_once(
        MANY, lambda number: registry.hand_over(agent, owner=people[number], reason="Yours.", by=actor(ada), now=now)
    )
    # Ada gives it away once: whoever comes second finds that it is hers no more.
    assert len(outcome.returned) == 1
    assert outcome.raised_only(Forbidden)
    assert Ownership.objects.live_owners().filter(agent=agent).count() == 1


def test_the_same_scopes_set_by_many_at_once_stand_once(ada, look_up_staff, now):
    agent = builders.agent(owner=ada)
    chosen = frozenset({look_up_staff})
    outcome = at_once(
        MANY, lambda _: agent_scopes.set_scopes(agent, scopes=chosen, required=chosen, by=actor(ada), now=now)
    )
    assert outcome.raised == []
    assert AgentScope.objects.live().filter(agent=agent).count() == 1
    assert len(builders.events(Kind.AGENT_SCOPES_CHANGED)) == 1


def test_a_client_is_removed_once(ada, discharge_client, now):
    outcome = at_once(MANY, lambda _: clients.end(discharge_client, reason="Replaced.", by=actor(ada), now=now))
    assert len(outcome.returned) == 1
    assert outcome.raised_only(Ended)


def test_of_many_resources_of_one_address_at_once_one_is_made(mara):
    outcome = at_once(MANY, lambda _: builders.resource(uri="https://records.st-anna.example", by=mara))
    assert len(outcome.returned) == 1
    assert outcome.raised_only(InvalidInput)


def test_of_many_scopes_of_one_name_at_once_one_is_made(mara, records):
    outcome = at_once(MANY, lambda _: builders.scope(records, "records:read", by=mara))
    assert len(outcome.returned) == 1
    assert outcome.raised_only(InvalidInput)
