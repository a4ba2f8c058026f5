"""Registering, editing and handing over agents, and what they may ask for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from agents import agent_scopes, credentials, lifecycle, people, registry, resources
from agents.actors import Actor
from agents.errors import Ended, Forbidden, InvalidInput
from agents.models import Agent, AgentScope, Ownership, Role, User
from agents.trail.kinds import Kind
from agents.trail.record import text_of
from tests import builders
from tests.builders import actor

pytestmark = pytest.mark.django_db


def test_a_new_agent_is_a_draft_with_one_owner_and_an_event(ada, now):
    agent = builders.agent(owner=ada, active=False, now=now)
    assert (agent.state, agent.owner, agent.deputies) == ("draft", ada, [])
    event = builders.events(Kind.AGENT_REGISTERED)[0]
    assert (event.agent_id, event.user_id, event.actor_id, event.at) == (agent.pk, ada.pk, ada.pk, now)
    assert event.detail == {"name": agent.name, "kind": "assistant", "environment": "production"}
    assert text_of([event.purpose_digest])[event.purpose_digest] == agent.purpose


@pytest.mark.parametrize("role", ["user", "auditor"])
def test_an_owner_must_be_able_to_answer_for_agents(mara, now, role):
    person = builders.person("Li Wen", role)
    with pytest.raises(InvalidInput, match="cannot answer"):
        registry.register(name="X", purpose="Y", kind="assistant", owner=person, by=actor(mara), now=now)


def test_only_an_administrator_registers_for_somebody_else(ada, mara, mallory, now):
    facts = {"name": "X", "purpose": "Y", "kind": "assistant", "owner": ada, "now": now}
    with pytest.raises(Forbidden):
        registry.register(**facts, by=actor(mallory))
    assert registry.register(**facts, by=actor(mara)).owner == ada


def test_an_event_of_an_edit_holds_what_changed_and_the_purpose_beside_the_trail(ada, now):
    agent = builders.agent(owner=ada)
    registry.edit(agent, name="Discharge Helper", purpose="Draft letters.", by=actor(ada), now=now)
    event = builders.events(Kind.AGENT_EDITED)[0]
    assert event.detail["before"] == {"name": "Discharge Assistant"}
    assert event.detail["after"] == {"name": "Discharge Helper", "purpose": "changed"}
    assert text_of([event.purpose_digest])[event.purpose_digest] == "Draft letters."


def test_an_edit_to_what_already_holds_is_no_event(ada, now):
    agent = builders.agent(owner=ada)
    registry.edit(agent, name=f" {agent.name} ", unit=agent.unit, by=actor(ada), now=now)
    assert builders.events(Kind.AGENT_EDITED) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a" * 81}, "name"),
        ({"name": "Lab\u200b\x07Monitor"}, "name"),
        ({"name": "Pay\u202etnegA"}, "name"),
        ({"purpose": " "}, "purpose"),
        ({"purpose": "x\0y"}, "purpose"),
        ({"environment": "moon"}, "environment"),
        ({"data_classes": ["gossip"]}, "data_classes"),
    ],
)
def test_what_may_not_be_is_refused_by_its_field(ada, now, change, field):
    agent = builders.agent(owner=ada)
    with pytest.raises(InvalidInput) as refused:
        registry.edit(agent, **change, by=actor(ada), now=now)
    assert refused.value.field == field


def test_an_end_must_lie_ahead(ada, now):
    agent = builders.agent(owner=ada)
    with pytest.raises(InvalidInput):
        registry.edit(agent, ends_at=now, by=actor(ada), now=now)
    assert registry.edit(agent, ends_at=now + timedelta(days=1), by=actor(ada), now=now).ends_at


def test_strangers_and_auditors_edit_nothing(ada, mallory, omar, weber, now):
    agent = builders.agent(owner=ada)
    for person in (mallory, omar, weber):
        with pytest.raises(Forbidden):
            registry.edit(agent, name="Mine", by=actor(person), now=now)
    with pytest.raises(Forbidden):
        registry.edit(agent, name="Mine", by=Actor(actor(ada).kind.ANONYMOUS), now=now)


@pytest.mark.parametrize("role", [Role.USER, Role.AUDITOR])
@pytest.mark.parametrize("part", ["owner", "deputy"])
def test_who_was_given_a_role_that_keeps_no_agents_changes_nothing(ada, mara, mallory, now, role, part):
    agent = builders.agent(owner=ada, deputies=[mallory])
    client = builders.client(agent)
    key = builders.key(client)
    moved = ada if part == "owner" else mallory
    people.change_role(moved, role=role, reason="They moved.", by=actor(mara), now=now)
    by = actor(User.objects.get(pk=moved.pk))
    with pytest.raises(Forbidden):
        registry.edit(agent, name="Still mine", by=by, now=now)
    with pytest.raises(Forbidden):
        registry.hand_over(agent, owner=mara, reason="Take it.", by=by, now=now)
    with pytest.raises(Forbidden):
        credentials.issue(client, by=by, now=now)
    with pytest.raises(Forbidden):
        credentials.revoke(key.credential, reason="Mine.", by=by, now=now)
    with pytest.raises(Forbidden):
        lifecycle.retire(agent, reason="Mine.", by=by, now=now)


def test_handing_over_leaves_one_owner_and_the_history(ada, mallory, now):
    agent = builders.agent(owner=ada, deputies=[mallory])
    agent = registry.hand_over(agent, owner=mallory, reason="She runs it.", by=actor(ada), now=now)
    assert (agent.owner, agent.deputies) == (mallory, [])
    assert Ownership.objects.filter(agent=agent).count() == 3
    event = builders.events(Kind.AGENT_HANDED_OVER)[0]
    assert event.detail == {"before": str(ada.pk), "after": str(mallory.pk)}
    with pytest.raises(Forbidden):
        registry.hand_over(agent, owner=ada, reason="Back.", by=actor(ada), now=now)


def test_a_deputy_does_not_hand_over(ada, mallory, now):
    agent = builders.agent(owner=ada, deputies=[mallory])
    with pytest.raises(Forbidden):
        registry.hand_over(agent, owner=mallory, reason="Mine.", by=actor(mallory), now=now)
    with pytest.raises(Forbidden):
        registry.set_deputies(agent, deputies=[], by=actor(mallory), now=now)


def test_nobody_is_owner_and_deputy(ada, now):
    agent = builders.agent(owner=ada)
    with pytest.raises(InvalidInput):
        registry.set_deputies(agent, deputies=[ada], by=actor(ada), now=now)


@pytest.mark.engine
def test_the_database_refuses_a_second_owner(ada, mallory, now):
    agent = builders.agent(owner=ada)
    with pytest.raises(IntegrityError), transaction.atomic():
        Ownership.objects.create(agent=agent, user=mallory, role="owner", since=now)


def test_an_agent_whose_owner_left_is_not_usable(ada, now):
    agent = builders.agent(owner=ada)
    assert list(Agent.objects.usable(now)) == [agent]
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert not Agent.objects.usable(now).exists()


def test_what_an_agent_may_ask_for_is_ended_by_date_and_told(ada, read_records, look_up_staff, now):
    agent = builders.agent(owner=ada, scopes=[read_records], required=[read_records])
    agent_scopes.set_scopes(
        agent, scopes=frozenset({look_up_staff}), required=frozenset(), by=actor(ada), now=now + timedelta(1)
    )
    assert [row.scope for row in AgentScope.objects.live()] == [look_up_staff]
    assert AgentScope.objects.get(scope=read_records).ended_at == now + timedelta(1)
    detail = builders.events(Kind.AGENT_SCOPES_CHANGED)[-1].detail
    assert detail["added"] == [f"{look_up_staff.resource.identifier}/staff:read"]
    assert detail["removed"] == [f"{read_records.resource.identifier}/records:read"]


def test_a_scope_that_is_no_longer_offered_cannot_be_asked_for(ada, mara, read_records, now):
    resources.end_scope(read_records, reason="Gone.", by=actor(mara), now=now)
    with pytest.raises(Ended):
        builders.agent(owner=ada, scopes=[read_records])


def test_a_sensitive_required_scope_waits_for_an_administrator_who_has_no_part_in_the_agent(
    ada, mara, read_records, now
):
    agent = builders.agent(owner=mara, scopes=[read_records], required=[read_records])
    row = AgentScope.objects.get()
    assert not row.is_locked
    for person in (mara, ada):
        with pytest.raises(Forbidden):
            agent_scopes.confirm_required(agent, read_records, by=actor(person), now=now)
    with pytest.raises(Forbidden):
        agent_scopes.confirm_required(agent, read_records, by=Actor.system(), now=now)
    second = builders.person("Li Wen", "administrator")
    assert agent_scopes.confirm_required(agent, read_records, by=actor(second), now=now).is_locked


def test_changing_what_is_required_asks_for_a_new_confirmation(ada, mara, read_records, now):
    agent = builders.agent(owner=ada, scopes=[read_records], required=[read_records])
    agent_scopes.confirm_required(agent, read_records, by=actor(mara), now=now)
    both = frozenset({read_records})
    agent_scopes.set_scopes(agent, scopes=both, required=frozenset(), by=actor(ada), now=now)
    agent_scopes.set_scopes(agent, scopes=both, required=both, by=actor(ada), now=now)
    assert not AgentScope.objects.live().get().is_locked


def test_a_scope_that_is_not_sensitive_needs_no_confirmation(ada, mara, look_up_staff, now):
    agent = builders.agent(owner=ada, scopes=[look_up_staff], required=[look_up_staff])
    assert AgentScope.objects.get().is_locked
    with pytest.raises(InvalidInput):
        agent_scopes.confirm_required(agent, look_up_staff, by=actor(mara), now=now)


def test_a_required_scope_is_one_of_those_asked_for(ada, read_records, look_up_staff, now):
    agent = builders.agent(owner=ada)
    with pytest.raises(InvalidInput):
        agent_scopes.set_scopes(
            agent, scopes=frozenset({look_up_staff}), required=frozenset({read_records}), by=actor(ada), now=now
        )


def test_the_list_and_the_rule_agree_on_who_sees_an_agent(ada, mara, omar, weber, mallory, now):
    agent = builders.agent(owner=ada, deputies=[])
    for person in (ada, mara, omar, weber, mallory):
        listed = Agent.objects.visible_to(person).filter(pk=agent.pk).exists()
        assert listed == person.has_perm("agents.see_agent", agent), person
