"""Where two are needed: what one person changes about an agent in use waits for another to look at it, and it goes on."""

from __future__ import annotations

import pytest
from django.urls import reverse

from agents import agent_scopes, clients, lifecycle, registry
from agents.errors import Ended, FactsChanged, Forbidden
from agents.models import Agent
from agents.review import look_at_changes, looked_at_last, reviewed
from agents.trail.kinds import Kind
from consent.models import Consent
from console.waiting.for_person import waiting_for
from tests import builders, grants
from tests.builders import actor, browser, events
from tests.services.parallel import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture
def zoe(organisation):
    """Another administrator."""
    return builders.person("Zoe Brandt", "administrator")


@pytest.fixture
def assistant(ada, zoe, look_up_staff, see_appointments, discharge_client, discharge_assistant):
    """In use before two were needed."""
    builders.organisation(second_person_activates=True)
    return discharge_assistant


def edit(agent, by, now, **changes):
    return registry.edit(agent, by=actor(by), now=now, **changes)


def waits(person, now) -> list[str]:
    return [row.action_url for row in waiting_for(person, now) if row.icon == "git-compare"]


def looks(agent, by, now, seen=None):
    seen = reviewed(Agent.objects.get(pk=agent.pk)).digest() if seen is None else seen
    return look_at_changes(agent, seen=seen, by=actor(by), now=now)


def test_a_new_name_waits_for_another_person_and_the_agent_goes_on(
    assistant, ada, mara, zoe, weber, now, look_up_staff
):
    given = grants.consent(assistant.clients.get(), scopes=[look_up_staff], user=weber, now=now)
    edit(assistant, ada, now, name="Discharge Helper")
    assistant.refresh_from_db()
    assert assistant.changed_since == now
    assert looked_at_last(assistant).name == "Discharge Assistant"
    assert waits(mara, now) == waits(zoe, now) == [reverse("agent-changes", args=[assistant.pk])]
    assert not waits(ada, now)
    assert Consent.objects.effective(now).filter(pk=given.pk).exists()


def test_another_person_looks_at_it_and_that_is_an_event(assistant, ada, mara, now):
    edit(assistant, ada, now, name="Discharge Helper", purpose="Draft letters for Mr. Sommer")
    looks(assistant, mara, now)
    assistant.refresh_from_db()
    assert (assistant.looked_at, assistant.changed_since, assistant.changed_by) == ({}, None, [])
    (event,) = events(Kind.AGENT_CHANGES_LOOKED_AT)
    assert event.detail == {"changed": ["name", "purpose"], "changed_by": [str(ada.pk)]}
    assert "Sommer" not in str(event.detail)
    assert not waits(mara, now)


def test_whoever_changed_it_is_not_the_other_person(assistant, ada, mara, zoe, omar, mallory, now):
    edit(assistant, mara, now, name="Discharge Helper")
    for person in (mara, ada, omar, mallory):
        with pytest.raises(Forbidden):
            looks(assistant, person, now)
    edit(assistant, zoe, now, unit="Ward 3B")
    with pytest.raises(Forbidden):
        looks(assistant, zoe, now)
    third = builders.person("Tom Third", "administrator")
    assert waits(third, now)
    assert not waits(mara, now)
    looks(assistant, third, now)


def test_scopes_and_addresses_to_return_to_wait_too(assistant, ada, mara, now, look_up_staff, see_appointments):
    client = assistant.clients.get()
    by = {"by": actor(ada), "now": now}
    for change in (
        lambda: agent_scopes.set_scopes(assistant, scopes=frozenset({look_up_staff}), required=frozenset(), **by),
        lambda: agent_scopes.set_scopes(
            assistant, scopes=frozenset({look_up_staff}), required=frozenset({look_up_staff}), **by
        ),
        lambda: clients.change(client, redirect_uris=["https://else.st-anna.example/cb"], **by),
        lambda: builders.client(assistant, "another", redirect_uris=["https://third.st-anna.example/cb"]),
        lambda: clients.end(client, reason="Old.", **by),
    ):
        change()
        assert waits(mara, now)
        looks(assistant, mara, now)
    names = [event.detail["changed"] for event in events(Kind.AGENT_CHANGES_LOOKED_AT)]
    assert names == [["scopes"], ["scopes"], ["redirect_uris"], ["redirect_uris"], ["redirect_uris"]]


def test_what_is_taken_back_waits_no_more(assistant, ada, mara, now):
    edit(assistant, ada, now, name="Discharge Helper")
    edit(assistant, ada, now, name="Discharge Assistant")
    assert not waits(mara, now)
    with pytest.raises(Ended):
        looks(assistant, mara, now)


def test_what_nobody_reads_before_they_allow_it_does_not_wait(assistant, ada, mara, now):
    edit(assistant, ada, now, environment="staging", data_classes=["health"])
    assert not waits(mara, now)


def test_what_was_not_looked_at_is_not_looked_at(assistant, ada, mara, now):
    edit(assistant, ada, now, name="Discharge Helper")
    seen = reviewed(Agent.objects.get(pk=assistant.pk)).digest()
    edit(assistant, ada, now, name="Discharge Hacker")
    with pytest.raises(FactsChanged):
        looks(assistant, mara, now, seen=seen)
    assert waits(mara, now)


@pytest.mark.parametrize("active", [False, True])
def test_without_the_policy_and_before_its_use_nothing_waits(ada, mara, now, active):
    builders.organisation(second_person_activates=not active)
    agent = builders.agent("Bed Finder", owner=ada, active=active)
    edit(agent, ada, now, name="Bed Seeker")
    assert Agent.objects.get(pk=agent.pk).changed_since is None


def test_a_retired_agent_waits_for_nobody(assistant, ada, mara, now):
    edit(assistant, ada, now, name="Discharge Helper")
    lifecycle.retire(assistant, reason="Over.", by=actor(ada), now=now)
    assert not waits(mara, now)


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_of_two_who_look_at_once_one_is_told_and_one_was_late(assistant, ada, mara, zoe, now):
    edit(assistant, ada, now, name="Discharge Helper")
    outcome = at_once(2, lambda number: looks(assistant, (mara, zoe)[number], now))
    assert len(outcome.returned) == 1
    assert outcome.raised_only(Ended)
    assert len(events(Kind.AGENT_CHANGES_LOOKED_AT)) == 1


# --------------------------------------------------------------------------------------------------------------- pages


def test_the_difference_is_shown_and_noted_with_one_button(assistant, ada, mara, now):
    edit(assistant, ada, now, name="Discharge <b>Helper</b>")
    url = reverse("agent-changes", args=[assistant.pk])
    told = browser(ada).get(reverse("agent", args=[assistant.pk])).content.decode()
    assert "It was changed since somebody looked at it" in told
    assert url in told
    own = browser(ada).get(url).content.decode()
    assert "another administrator looks at it" in own
    assert "I have looked at it" not in own
    page = browser(mara).get(url)
    text = page.content.decode()
    assert "<del><bdi>Discharge Assistant</bdi></del>" in text
    assert "Discharge &lt;b&gt;Helper&lt;/b&gt;" in text
    assert "Ada Duarte" in text
    seen = page.context["seen"]
    assert browser(mara).post(url, {"seen": "0" * 64}).status_code == 409
    assert browser(mara).post(url, {"seen": seen}).status_code == 302
    assert browser(mara).get(url).status_code == 302  # nothing waits any more: on to the agent
    assert browser(mara).post(url, {"seen": seen}).status_code == 409


def test_an_owner_a_stranger_and_an_auditor_cannot_say_it(assistant, ada, omar, mallory, now):
    edit(assistant, ada, now, name="Discharge Helper")
    url = reverse("agent-changes", args=[assistant.pk])
    seen = reviewed(Agent.objects.get(pk=assistant.pk)).digest()
    assert [browser(person).post(url, {"seen": seen}).status_code for person in (ada, omar, mallory)] == [403, 403, 404]
    assert Agent.objects.get(pk=assistant.pk).changed_since is not None
