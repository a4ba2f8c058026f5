"""The list of agents: who sees which, finding, filtering, sorting, and its price."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents import lifecycle, people
from agents.last_use import note_use
from tests import builders
from tests.builders import actor, browser

pytestmark = pytest.mark.django_db


def _names(response) -> list[str]:
    return [row.agent.name for row in response.context["rows"]]


def test_an_owner_sees_their_own_agents_and_an_auditor_all(ada, mallory, omar, discharge_assistant, claims_filer):
    builders.agent("Roster Planner", owner=mallory, active=False)
    assert _names(browser(ada).get("/agents/")) == ["Claims Filer", "Discharge Assistant"]
    assert _names(browser(mallory).get("/agents/")) == ["Roster Planner"]
    assert _names(browser(omar).get("/agents/")) == ["Claims Filer", "Discharge Assistant", "Roster Planner"]


def test_nobody_sees_agents_without_signing_in(discharge_assistant):
    response = browser().get("/agents/")
    assert response.status_code == 302
    assert response.url.startswith("/account/login/")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("q=claims", ["Claims Filer"]),
        ("q=LETTERS", ["Discharge Assistant"]),
        ("q=duarte", ["Claims Filer", "Discharge Assistant"]),
        ("q=discharge-prod", ["Discharge Assistant"]),
        ("q=nothing+of+the+kind", []),
        ("state=suspended", ["Claims Filer"]),
        ("data_class=health", ["Discharge Assistant"]),
        ("data_class=none", ["Claims Filer"]),
        ("kind=autonomous", ["Claims Filer"]),
        ("state=bogus&kind=%00&sort=password&page=999", ["Claims Filer", "Discharge Assistant"]),
        ("sort=-name", ["Discharge Assistant", "Claims Filer"]),
        ("sort=state", ["Discharge Assistant", "Claims Filer"]),
    ],
)
def test_agents_are_found_filtered_and_sorted(ada, mara, now, discharge_client, claims_filer, asked, found):
    lifecycle.suspend(claims_filer, reason="It is odd.", by=actor(ada), now=now)
    assert _names(browser(mara).get(f"/agents/?{asked}")) == found


def test_the_agent_that_was_seen_last_comes_first_where_that_is_asked(mara, now, discharge_assistant, claims_filer):
    note_use([claims_filer.pk], now)
    note_use([discharge_assistant.pk], now - timedelta(days=9))
    assert _names(browser(mara).get("/agents/?sort=-seen")) == ["Claims Filer", "Discharge Assistant"]
    assert _names(browser(mara).get("/agents/?sort=seen")) == ["Discharge Assistant", "Claims Filer"]


def test_an_agent_without_a_live_owner_is_said_first(ada, mara, now, discharge_assistant):
    people.deactivate(ada, reason="She left.", by=actor(mara), now=now)
    response = browser(mara).get("/agents/")
    assert response.context["without_owner"] == 1
    assert "lost its owner" in response.content.decode()
    assert _names(browser(mara).get("/agents/?unowned=on")) == ["Discharge Assistant"]


def test_the_list_costs_the_same_for_two_agents_and_for_sixty(
    ada, mara, django_assert_max_num_queries, discharge_assistant, discharge_client
):
    opened = browser(mara)
    with django_assert_max_num_queries(8):
        opened.get("/agents/?q=a&sort=-seen")
    for number in range(60):
        builders.agent(f"Agent {number:02}", owner=ada, active=False)
    with django_assert_max_num_queries(8):
        response = opened.get("/agents/?q=a&sort=-seen")
    assert len(response.context["rows"]) == 25


def test_htmx_gets_the_list_alone_and_a_history_restore_the_whole_page(mara, discharge_assistant):
    opened = browser(mara)
    part = opened.get("/agents/?q=discharge", HTTP_HX_REQUEST="true")
    assert part.content.decode().lstrip().startswith('<div class="table">')
    assert '<p id="found-count" hx-swap-oob="innerHTML">1–1 of 1</p>' in part.content.decode()
    assert "HX-Request" in part["Vary"]
    restored = opened.get("/agents/", HTTP_HX_REQUEST="true", HTTP_HX_HISTORY_RESTORE_REQUEST="true")
    assert "<h1>" in restored.content.decode()


def test_a_user_who_owns_nothing_is_not_offered_to_register(weber):
    response = browser(weber).get("/agents/")
    assert "/agents/register/" not in response.content.decode()
