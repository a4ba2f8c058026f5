"""The overview: what waits for whom, the figures, and two weeks of tokens."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client as Browser
from django.utils import timezone

from agents import agent_scopes, lifecycle, people, registry
from agents.actors import Actor
from agents.ids import uuid7
from agents.models import Agent, DataClass, Role, User
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from agents.trail.record import record
from console.pages.overview import first_name
from console.waiting.for_person import waiting_for
from tests import builders

pytestmark = pytest.mark.django_db


def page(viewer):
    response = builders.browser(viewer).get("/")
    assert response.status_code == 200
    return response.content.decode()


def titles(viewer):
    return [str(row.sentence) for row in waiting_for(viewer, timezone.now())]


def test_a_user_goes_on_to_the_agents_they_allowed(weber):
    response = builders.browser(weber).get("/")
    assert (response.status_code, response["Location"]) == (302, "/my-agents/")


def test_nobody_sees_it_without_signing_in():
    assert Browser().get("/").status_code == 302


def test_people_are_greeted_by_their_first_name_and_doctors_by_their_whole_one(mara, weber):
    assert first_name(mara) == "Mara"
    assert first_name(weber) == "Dr. Jonas Weber"
    weber.name = ""
    assert first_name(weber) == weber.email
    assert ", Mara</h1>" in page(mara)


def test_pending_agents_wait_for_administrators_alone(mara, ada, omar):
    draft = builders.agent("Bed Finder", owner=ada, active=False)
    assert titles(mara) == []
    lifecycle.submit(draft, reason="Ready.", by=builders.actor(ada), now=timezone.now())
    assert "Bed Finder" in titles(mara)[0]
    assert "Ada Duarte" in titles(mara)[0]
    assert titles(omar) == []
    assert titles(ada) == []
    assert f'href="/agents/{draft.pk}/"' in page(mara)


def test_what_one_submitted_oneself_waits_for_another_where_two_are_needed(mara):
    builders.organisation(second_person_activates=True)
    draft = builders.agent("Bed Finder", owner=mara, active=False)
    lifecycle.submit(draft, reason="Ready.", by=builders.actor(mara), now=timezone.now())
    assert titles(mara) == []


def test_more_than_a_few_pending_agents_are_told_as_a_list(mara, ada):
    for n in range(7):
        draft = builders.agent(f"Agent {n}", owner=ada, active=False)
        lifecycle.submit(draft, reason="Ready.", by=builders.actor(ada), now=timezone.now())
    assert len(titles(mara)) == 6
    assert "/agents/?state=pending" in page(mara)


def test_a_required_sensitive_scope_waits_for_an_administrator_who_does_not_keep_the_agent(
    mara, ada, discharge_assistant, read_records, see_appointments
):
    agent_scopes.set_scopes(
        discharge_assistant,
        scopes=frozenset([read_records, see_appointments]),
        required=frozenset([read_records, see_appointments]),
        by=builders.actor(ada),
        now=timezone.now(),
    )
    assert [title for title in titles(mara) if "records:read" in title]
    assert not [title for title in titles(mara) if "calendar:read" in title]
    registry.set_deputies(discharge_assistant, deputies=[mara], by=builders.actor(ada), now=timezone.now())
    assert not [title for title in titles(mara) if "records:read" in title]


def test_ends_that_come_near_wait_for_the_owner(mara, ada, mallory):
    soon = timezone.now() + timedelta(days=3)
    agent = builders.agent("Bed Finder", owner=ada, ends_at=soon)
    client = builders.client(agent)
    builders.key(client, ends_at=soon)
    builders.key(client, ends_at=timezone.now() + timedelta(days=90))
    assert len(titles(ada)) == 2
    assert titles(mallory) == []
    assert titles(mara) == []


@pytest.mark.parametrize("leaving", ["another role", "deactivated"])
def test_an_agent_whose_owner_may_keep_none_any_more_waits_for_administrators(mara, ada, omar, weber, leaving):
    agent = builders.agent("Bed Finder", owner=ada)
    retired = builders.agent("Old Finder", owner=ada)
    lifecycle.retire(retired, reason="Over.", by=builders.actor(ada), now=timezone.now())
    assert titles(mara) == []
    change = {"reason": "They moved.", "by": builders.actor(mara), "now": timezone.now()}
    if leaving == "deactivated":
        people.deactivate(ada, **change)
        why = "cannot sign in"
    else:
        people.change_role(ada, role=Role.USER, **change)
        assert Agent.objects.usable(timezone.now()).filter(pk=agent.pk).exists()
        why = "may not keep agents"
    (told,) = titles(mara)
    assert "Bed Finder" in told
    assert why in told
    assert f"/agents/{agent.pk}/people/" in page(mara)
    assert titles(omar) == []
    assert titles(User.objects.get(pk=ada.pk)) == []
    eva = builders.person("Eva", Role.OWNER)
    registry.hand_over(agent, owner=eva, reason="She runs it.", by=builders.actor(mara), now=timezone.now())
    assert titles(mara) == []


def test_keys_of_resources_wait_for_administrators(mara, ada, records):
    builders.key(records, by=mara, ends_at=timezone.now() + timedelta(days=3))
    assert len(titles(mara)) == 1
    assert titles(ada) == []


def happens(kind, **facts):
    with transaction.atomic():
        record(kind, by=Actor.system(), now=timezone.now(), **facts)


def test_the_figures_are_those_of_what_one_may_see(mara, ada, mallory, discharge_assistant, weber_allows):
    happens(Kind.TOKEN_REFUSED, outcome=Outcome.REFUSED, agent_id=discharge_assistant.pk)
    happens(Kind.TOKEN_REFUSED, outcome=Outcome.REFUSED, agent_id=uuid7())
    expected = {mara: ["1", "1", "2"], ada: ["1", "1", "1"], mallory: ["0", "0", "0"]}
    for viewer, figures in expected.items():
        text = page(viewer)
        shown = [part.split("<")[0] for part in text.split('<span class="figure">')[1:4]]
        assert shown == figures, viewer


def test_an_owner_sees_what_their_agents_did_last_instead_of_everybodys_tokens(mara, ada, weber_allows):
    assert "Tokens, two weeks" in page(mara)
    assert "Tokens, two weeks" not in page(ada)
    assert "Latest activity" in page(ada)
    assert "Draft the discharge letters" in page(ada)


def test_a_newcomer_is_led_to_the_first_agent(mara, omar):
    assert "/agents/register/" in page(mara)
    assert "/agents/register/" not in page(omar)


def test_the_number_of_queries_does_not_grow(mara, ada, django_assert_max_num_queries, read_records):
    browser, own = builders.browser(mara), builders.browser(ada)
    browser.get("/")
    own.get("/")
    for n in range(8):
        made = builders.agent(
            f"Agent {n}", owner=ada, scopes=[read_records], required=[read_records], data_classes=[DataClass.HEALTH]
        )
        client = builders.client(made)
        builders.key(client, ends_at=timezone.now() + timedelta(days=2))
        happens(Kind.TOKEN_ISSUED, agent_id=made.pk, client_id=client.pk, purpose=f"Purpose {n}", consent_id=uuid7())
    with django_assert_max_num_queries(27):
        browser.get("/")
    with django_assert_max_num_queries(30):
        own.get("/")
