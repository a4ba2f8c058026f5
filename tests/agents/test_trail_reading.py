"""Who finds what in the trail, and how long a search may take."""

from __future__ import annotations

import pytest
from django.db import connection
from django.utils import timezone

from agents.ids import uuid7
from agents.models import Event
from agents.trail import indexes
from agents.trail import search as trail_search
from agents.trail.search import Search, find_events
from tests import builders
from tests.agents.trail_events import happens, numbers

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def test_search_and_queryset_agree_on_what_each_may_read(
    mara, ada, omar, weber, mallory, discharge_assistant, discharge_client, weber_allows
):
    builders.agent("Bed Finder", owner=mallory)
    happens(agent_id=uuid7(), user_id=uuid7())
    for viewer in (mara, ada, omar, weber, mallory):
        allowed = set(Event.objects.visible_to(viewer).values_list("pk", flat=True))
        assert set(numbers(find_events(Search(), viewer=viewer, size=1_000))) == allowed
        for search in (
            Search(group="agents"),
            Search(words="Discharge"),
            Search(outcome="allowed"),
            Search(person=ada.pk),
        ):
            all_of_it = set(numbers(find_events(search, viewer=mara, size=1_000)))
            assert set(numbers(find_events(search, viewer=viewer, size=1_000))) == all_of_it & allowed, search


def test_a_stranger_finds_nothing_of_another_owners_agent(mallory, discharge_assistant, weber_allows):
    for search in (
        Search(agent=discharge_assistant.pk),
        Search(consent=weber_allows.pk),
        Search(words=str(weber_allows.pk)),
        Search(words="Discharge"),
        Search(words=str(Event.objects.filter(agent_id=discharge_assistant.pk).latest("pk").pk)),
    ):
        assert find_events(search, viewer=mallory).events == []


def test_who_hands_an_agent_over_no_longer_reads_what_it_does(ada, mallory, discharge_assistant):
    from agents import registry

    registry.hand_over(
        discharge_assistant, owner=mallory, reason="New team.", by=builders.actor(ada), now=timezone.now()
    )
    number = happens(agent_id=discharge_assistant.pk)
    assert number not in numbers(find_events(Search(), viewer=ada))
    assert number in numbers(find_events(Search(), viewer=mallory))


def test_an_owner_of_very_many_agents_still_reads_them(ada, monkeypatch, discharge_assistant):
    monkeypatch.setattr("agents.trail.plan.MOST_BRANCHES", 0)
    number = happens(agent_id=discharge_assistant.pk)
    assert number in numbers(find_events(Search(), viewer=ada))


def test_a_long_walk_stops_and_says_how_far_it_came(mara, monkeypatch):
    monkeypatch.setattr(trail_search, "NEAREST", 2)
    monkeypatch.setattr(trail_search, "FURTHEST", 4)
    monkeypatch.setattr(trail_search, "FEW", 0)
    rare = happens(data_class="financial")
    for _ in range(10):
        happens(data_class="health")
    found = find_events(Search(data_class="financial"), viewer=mara)
    assert found.events == []
    assert found.looked_back_to is not None
    assert found.count is None
    steps = 0
    while found.older is not None and not found.events:
        found = find_events(Search(data_class="financial"), viewer=mara, before=found.older)
        steps += 1
    assert numbers(found) == [rare]
    assert steps >= 2


def test_a_long_walk_towards_newer_events_goes_on_too(mara, monkeypatch):
    monkeypatch.setattr(trail_search, "NEAREST", 2)
    monkeypatch.setattr(trail_search, "FURTHEST", 4)
    start = happens(data_class="health")
    for _ in range(10):
        happens(data_class="health")
    rare = happens(data_class="financial")
    found = find_events(Search(data_class="financial"), viewer=mara, after=start)
    while not found.events and found.newer is not None:
        found = find_events(Search(data_class="financial"), viewer=mara, after=found.newer)
    assert numbers(found) == [rare]


def test_matches_are_counted_up_to_a_limit(mara, monkeypatch):
    agent = uuid7()
    for _ in range(5):
        happens(agent_id=agent)
    assert find_events(Search(agent=agent), viewer=mara, size=2).count == 5
    monkeypatch.setattr(trail_search, "COUNTED", 3)
    assert find_events(Search(agent=agent), viewer=mara, size=2).count == 4


def test_the_number_of_queries_does_not_grow_with_the_trail(mara, django_assert_num_queries):
    agent = uuid7()
    happens(agent_id=agent)
    with django_assert_num_queries(4):
        find_events(Search(agent=agent), viewer=mara)
    for _ in range(60):
        happens(agent_id=agent, user_id=uuid7(), consent_id=uuid7())
    with django_assert_num_queries(4):
        find_events(Search(agent=agent), viewer=mara)


def plan_of(rows):
    return rows.explain()


def test_partial_indexes_serve_the_conditions_that_are_written_out():
    """SQLite proves a partial index only from a condition that it can read; PostgreSQL decides by its statistics."""
    if connection.vendor != "sqlite":
        assert plan_of(indexes.issued().filter(at__gte=timezone.now()).order_by("at"))
        return
    day = timezone.now()
    assert "event_issued_by_time" in plan_of(indexes.issued().filter(at__gte=day).order_by("at")[:1])
    assert "event_by_time" in plan_of(indexes.all_but_issued().filter(at__gte=day).order_by("at")[:1])
    assert "event_refused" in plan_of(indexes.refused().order_by("-pk")[:50])
