"""The states of an agent: each move, who may make it, and what it leaves in the trail."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents import agent_scopes, lifecycle, registry
from agents.actors import Actor
from agents.errors import Forbidden, IllegalMove, InvalidInput, NotReady
from agents.lifecycle import MOVES
from agents.models import State
from agents.trail.kinds import Kind
from agents.trail.record import text_of
from tests import builders
from tests.builders import actor

pytestmark = pytest.mark.django_db


def test_an_agent_goes_from_draft_to_active_and_each_step_is_an_event(ada, mara, now):
    agent = builders.agent(owner=ada, active=False)
    agent = lifecycle.submit(agent, reason="It is ready.", by=actor(ada), now=now)
    assert agent.state == State.PENDING
    agent = lifecycle.activate(agent, reason="Looked at it.", by=actor(mara), now=now)
    assert agent.state == State.ACTIVE
    submitted, activated = builders.events(Kind.AGENT_SUBMITTED)[0], builders.events(Kind.AGENT_ACTIVATED)[0]
    assert (submitted.actor_id, activated.actor_id) == (ada.pk, mara.pk)
    assert text_of([activated.reason_digest]) == {activated.reason_digest: "Looked at it."}


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("state", State.values)
def test_only_the_moves_of_the_table_exist(ada, mara, now, state, name):
    agent = _in_state(state, ada, mara, now)
    move = MOVES[name]
    if state in move.starts:
        assert lifecycle.move(agent, move, reason="Because.", by=actor(mara), now=now).state == move.end
        return
    with pytest.raises(IllegalMove):
        lifecycle.move(agent, move, reason="Because.", by=actor(mara), now=now)
    agent.refresh_from_db()
    assert agent.state == state


@pytest.mark.parametrize("name", MOVES)
def test_a_move_without_a_reason_is_not_made(ada, mara, now, name):
    agent = _in_state(min(MOVES[name].starts), ada, mara, now)
    with pytest.raises(InvalidInput):
        lifecycle.move(agent, MOVES[name], reason="  ", by=actor(mara), now=now)


@pytest.mark.parametrize("name", MOVES)
def test_a_stranger_and_an_auditor_move_nothing(ada, mara, mallory, omar, now, name):
    agent = _in_state(min(MOVES[name].starts), ada, mara, now)
    for person in (mallory, omar):
        with pytest.raises(Forbidden):
            lifecycle.move(agent, MOVES[name], reason="Let me.", by=actor(person), now=now)


@pytest.mark.parametrize("name", ["activate", "resume"])
def test_an_owner_cannot_let_their_own_agent_act(ada, mara, now, name):
    agent = _in_state(min(MOVES[name].starts), ada, mara, now)
    with pytest.raises(Forbidden):
        lifecycle.move(agent, MOVES[name], reason="I trust it.", by=actor(ada), now=now)


def test_a_deputy_suspends_but_does_not_retire(ada, mara, mallory, now):
    agent = builders.agent(owner=ada, deputies=[mallory])
    assert lifecycle.suspend(agent, reason="It is odd.", by=actor(mallory), now=now).state == State.SUSPENDED
    with pytest.raises(Forbidden):
        lifecycle.retire(agent, reason="It is odd.", by=actor(mallory), now=now)


def test_where_two_are_needed_the_one_who_submitted_does_not_activate(mara, now):
    builders.organisation(second_person_activates=True)
    agent = builders.agent(owner=mara, active=False)
    lifecycle.submit(agent, reason="Ready.", by=actor(mara), now=now)
    with pytest.raises(Forbidden):
        lifecycle.activate(agent, reason="Ready.", by=actor(mara), now=now)
    second = builders.person("Li Wen", "administrator")
    assert lifecycle.activate(agent, reason="Looked at it.", by=actor(second), now=now).state == State.ACTIVE


def test_taking_up_at_once_is_both_steps_or_none(mara, now):
    agent = builders.agent(owner=mara, active=False)
    assert lifecycle.take_up(agent, reason="A small one.", by=actor(mara), now=now).state == State.ACTIVE
    builders.organisation(second_person_activates=True)
    another = builders.agent("Another", owner=mara, active=False)
    with pytest.raises(Forbidden):
        lifecycle.take_up(another, reason="A small one.", by=actor(mara), now=now)
    another.refresh_from_db()
    assert another.state == State.DRAFT


def test_no_agent_becomes_active_without_a_purpose(ada, now):
    agent = builders.agent(owner=ada, purpose="", active=False)
    with pytest.raises(NotReady, match="purpose"):
        lifecycle.submit(agent, reason="Ready.", by=actor(ada), now=now)


def test_no_agent_becomes_active_without_a_live_owner(ada, mara, now):
    agent = builders.agent(owner=ada, active=False)
    lifecycle.submit(agent, reason="Ready.", by=actor(ada), now=now)
    type(ada).objects.filter(pk=ada.pk).update(is_active=False)
    with pytest.raises(NotReady, match="answers"):
        lifecycle.activate(agent, reason="Ready.", by=actor(mara), now=now)


def test_no_agent_becomes_active_after_its_end(ada, mara, now):
    agent = builders.agent(owner=ada, active=False, ends_at=now + timedelta(days=1))
    with pytest.raises(NotReady, match="end date"):
        lifecycle.submit(agent, reason="Ready.", by=actor(ada), now=now + timedelta(days=1))


def test_the_sweep_retires_as_mandate_itself(ada, mara, now):
    agent = builders.agent(owner=ada)
    lifecycle.retire(agent, reason="Its end date passed.", by=Actor.system(), now=now)
    assert builders.events(Kind.AGENT_RETIRED)[0].detail == {"automatic": True}


def test_a_retired_agent_cannot_be_changed(ada, mara, now):
    agent = lifecycle.retire(builders.agent(owner=ada), reason="Replaced.", by=actor(ada), now=now)
    for change in (
        lambda: registry.edit(agent, name="Other", by=actor(ada), now=now),
        lambda: registry.hand_over(agent, owner=mara, reason="Yours.", by=actor(mara), now=now),
        lambda: agent_scopes.set_scopes(agent, scopes=frozenset(), required=frozenset(), by=actor(ada), now=now),
    ):
        with pytest.raises(registry.Ended):
            change()


def _in_state(state, ada, mara, now):
    agent = builders.agent(owner=ada, active=False)
    path = {
        State.DRAFT: [],
        State.PENDING: ["submit"],
        State.ACTIVE: ["submit", "activate"],
        State.SUSPENDED: ["submit", "activate", "suspend"],
        State.RETIRED: ["retire"],
    }[State(state)]
    for name in path:
        by = ada if name == "submit" else mara
        agent = lifecycle.move(agent, MOVES[name], reason="On the way.", by=actor(by), now=now)
    return agent
