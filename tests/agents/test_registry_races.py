"""Many at once: the row of the agent decides who was first, and the others are refused."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone

from agents import agent_scopes, clients, credentials, lifecycle, registry
from agents.actors import Actor
from agents.errors import Ended, Forbidden, IllegalMove, InvalidInput
from agents.models import AdoptionAsk, Agent, AgentScope, AuthMethod, Client, Ownership, State
from agents.programs import adoption, adoption_rules
from agents.trail.kinds import Kind
from tests import builders
from tests.builders import actor
from tests.programs import registered, registers
from tests.services.parallel import at_once
from tests.signing import gives_key, pair, public

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


def test_of_two_clients_that_are_given_one_key_at_once_one_has_it(ada, mara):
    made = [
        builders.client(builders.agent(f"Agent {number}", owner=ada), auth_method=AuthMethod.PRIVATE_KEY_JWT)
        for number in range(4)
    ]
    key = pair()
    outcome = at_once(4, lambda number: gives_key(made[number], key))
    assert len(outcome.returned) == 1
    assert outcome.raised_only(InvalidInput), outcome.raised


def test_a_key_that_is_revoked_and_replaced_at_once_ends_once(mara):
    said = registers(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [public(pair())]}).json()
    client = Client.objects.get(client_id=said["client_id"])
    key = client.credentials.get()

    def do(number):
        if number % 2:
            return credentials.revoke(key, reason="Lost.", by=actor(mara), now=timezone.now())
        with transaction.atomic():
            locked = Client.objects.select_for_update(of=("self",)).get(pk=client.pk)
            return credentials.replace_public_keys(locked, [], by=Actor.system(), now=timezone.now())

    outcome = at_once(4, do)
    assert outcome.raised_only(Ended), outcome.raised
    assert len(builders.events(Kind.CREDENTIAL_REVOKED)) == 1


def test_of_many_rules_for_one_host_made_at_once_one_stands(ada, mara):
    agents = [builders.agent(f"Agent {number}", owner=ada) for number in range(4)]
    outcome = at_once(
        4,
        lambda number: adoption_rules.make_rule(
            match="document_host",
            host="app.example.org",
            agent=agents[number],
            reason="Ours.",
            by=actor(mara),
            now=timezone.now(),
        ),
    )
    assert len(outcome.returned) == 1
    assert outcome.raised_only(InvalidInput), outcome.raised


def test_whoever_asks_while_a_program_is_adopted_is_answered_or_told(ada, mara):
    program = registered()
    agent = builders.agent(owner=ada)
    people = [builders.person(f"Person {number}") for number in range(5)]

    def do(number):
        if number == 5:
            return adoption.adopt(program.software_key, agent, reason="Ours.", by=actor(mara), now=timezone.now())
        return adoption.ask(program, scopes=[], why="", by=actor(people[number]), now=timezone.now())

    outcome = at_once(6, do)
    assert outcome.raised_only(Ended), outcome.raised
    assert not AdoptionAsk.objects.open().exists()
