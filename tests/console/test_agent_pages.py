"""The pages of one agent: what they show, what they change, and who is refused."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from agents import agent_scopes, clients, credentials, lifecycle, registry
from agents.models import Agent, AgentScope, Credential, State
from agents.trail.kinds import Kind
from consent.models import Consent
from tests import builders
from tests.builders import actor, browser

pytestmark = pytest.mark.django_db

READING = ["agent", "agent-consents", "agent-clients", "agent-activity", "agent-connect"]
CHANGING = ["agent-edit", "agent-scopes", "client-add"]


@pytest.mark.parametrize("page", READING)
def test_owner_administrator_and_auditor_read_it(ada, mara, omar, discharge_key, discharge_assistant, page):
    for person in (ada, mara, omar):
        response = browser(person).get(reverse(page, args=[discharge_assistant.pk]))
        assert response.status_code == 200, person
        assert "Discharge Assistant" in response.content.decode()


@pytest.mark.parametrize("page", [*READING, *CHANGING, "agent-people", "agent-hand-over"])
def test_for_a_stranger_the_agent_does_not_exist(mallory, weber, discharge_client, discharge_assistant, page):
    for person in (mallory, weber):
        assert browser(person).get(reverse(page, args=[discharge_assistant.pk])).status_code == 404


@pytest.mark.parametrize("page", CHANGING)
def test_an_auditor_is_refused_what_would_change_it_and_that_is_an_event(omar, discharge_assistant, page):
    with builders.one_refusal(Kind.AGENT_MOVE_REFUSED, "forbidden"):
        response = browser(omar).post(reverse(page, args=[discharge_assistant.pk]), {"name": "Mine now"})
    assert response.status_code == 403
    assert "You may not do this" in response.content.decode()


def test_the_overview_says_what_it_may_do_and_who_answers(ada, discharge_assistant, discharge_key, weber, now):
    builders.consent(weber, discharge_key.credential.client, now=now)
    page = browser(ada).get(reverse("agent", args=[discharge_assistant.pk])).content.decode()
    for words in ("Ada Duarte", "Read patient files of ward 3B", "one person allows it", "within 5 minutes"):
        assert words in page
    assert f"mdt_{discharge_key.credential.handle}_…" in page
    assert discharge_key.key not in page


def test_the_promise_is_that_of_the_slowest_resource_behind_its_consents(
    ada, weber, discharge_assistant, discharge_client, read_records, look_up_staff, now
):
    url = reverse("agent-move", args=[discharge_assistant.pk, "suspend"])
    builders.consent(weber, discharge_client, [read_records], now=now)
    assert "refused from its next request." in browser(ada).get(url).content.decode()
    builders.consent(weber, discharge_client, [look_up_staff], purpose="Find the ward doctor", now=now)
    assert "refused within 5 minutes." in browser(ada).get(url).content.decode()


def test_the_overview_costs_the_same_however_much_there_is(
    ada, discharge_assistant, discharge_client, django_assert_max_num_queries, weber, now
):
    opened = browser(ada)
    url = reverse("agent", args=[discharge_assistant.pk])
    with django_assert_max_num_queries(40) as few:
        opened.get(url)
    for number in range(5):
        builders.consent(builders.person(f"Person {number}"), discharge_client, now=now)
        builders.key(discharge_client)
    with django_assert_max_num_queries(len(few) + 2):
        opened.get(url)


def test_suspending_asks_for_a_reason_says_what_stops_and_is_done(
    ada, weber, discharge_assistant, discharge_client, now
):
    builders.consent(weber, discharge_client, now=now)
    opened = browser(ada)
    url = reverse("agent-move", args=[discharge_assistant.pk, "suspend"])
    asked = opened.get(url).content.decode()
    assert "Suspend Discharge Assistant?" in asked
    assert "Live consents" in asked
    refused = opened.post(url, {"reason": ""})
    assert refused.status_code == 200
    assert Agent.objects.get(pk=discharge_assistant.pk).state == State.ACTIVE
    done = opened.post(url, {"reason": "It behaves oddly."}, follow=True)
    assert done.redirect_chain == [(reverse("agent-stopped", args=[discharge_assistant.pk]), 302)]
    assert "is suspended" in done.content.decode()
    assert Agent.objects.get(pk=discharge_assistant.pk).state == State.SUSPENDED


def test_pressing_twice_moves_once_and_the_second_is_a_refusal(ada, mara, discharge_assistant):
    url = reverse("agent-move", args=[discharge_assistant.pk, "suspend"])
    browser(ada).post(url, {"reason": "It behaves oddly."})
    with builders.one_refusal(Kind.AGENT_MOVE_REFUSED, "illegal_move"):
        second = browser(mara).post(url, {"reason": "Me too."})
    assert second.status_code == 200
    assert "cannot be suspended" in second.content.decode()


def test_an_owner_is_refused_to_activate_their_own_agent(ada, now):
    agent = builders.agent(owner=ada, active=False)
    lifecycle.submit(agent, reason="Ready.", by=actor(ada), now=now)
    with builders.one_refusal(Kind.AGENT_MOVE_REFUSED, "forbidden"):
        response = browser(ada).post(reverse("agent-move", args=[agent.pk, "activate"]), {"reason": "I trust it."})
    assert response.status_code == 403
    assert Agent.objects.get(pk=agent.pk).state == State.PENDING


def seen_on(page):
    (digest,) = re.findall(r'name="seen" value="(\w+)"', page.content.decode())
    return digest


def test_activating_approves_what_was_looked_at_and_nothing_else(ada, mara, see_appointments, read_records, now):
    """The owner can change the agent while an administrator's page is open: what was not read is not approved."""
    agent = builders.agent(owner=ada, scopes=[see_appointments], active=False)
    client = builders.client(agent)
    lifecycle.submit(agent, reason="Ready.", by=actor(ada), now=now)
    url = reverse("agent-move", args=[agent.pk, "activate"])
    act = {"by": actor(ada), "now": now}
    changes = [
        lambda: registry.edit(agent, name="St. Anna Patient Safety", **act),
        lambda: registry.edit(agent, purpose="Required yearly check", **act),
        lambda: registry.edit(agent, unit="Management", **act),
        lambda: agent_scopes.set_scopes(
            agent, scopes=frozenset({see_appointments, read_records}), required=frozenset(), **act
        ),
        lambda: clients.change(client, redirect_uris=["https://elsewhere.example/cb"], **act),
    ]
    for change in changes:
        seen = seen_on(browser(mara).get(url))
        change()
        with builders.one_refusal(Kind.AGENT_MOVE_REFUSED, "facts_changed"):
            again = browser(mara).post(url, {"seen": seen, "reason": "Looked at it."})
        assert "has changed since you looked" in again.content.decode()
        assert Agent.objects.get(pk=agent.pk).state == State.PENDING
    shown = again.content.decode()
    assert "https://elsewhere.example/cb" in shown
    assert "records:read" in shown
    assert "Required yearly check" in shown
    assert browser(mara).post(url, {"reason": "No digest."}).status_code == 200
    assert Agent.objects.get(pk=agent.pk).state == State.PENDING
    browser(mara).post(url, {"seen": seen_on(again), "reason": "Looked at it."})
    assert Agent.objects.get(pk=agent.pk).state == State.ACTIVE


def test_a_get_moves_nothing(mara, discharge_assistant):
    for name in lifecycle.MOVES:
        browser(mara).get(reverse("agent-move", args=[discharge_assistant.pk, name]), {"reason": "Because."})
    assert Agent.objects.get(pk=discharge_assistant.pk).state == State.ACTIVE
    assert browser(mara).get(f"/agents/{discharge_assistant.pk}/move/explode/").status_code == 404


def test_only_the_moves_that_exist_now_are_offered(mara, ada, discharge_assistant):
    page = browser(mara).get(discharge_assistant.get_absolute_url()).content.decode()
    assert "Suspend…" in page
    assert "Activate…" not in page
    assert "Resume…" not in page


def test_editing_keeps_what_was_entered_when_something_is_wrong(ada, discharge_assistant):
    url = reverse("agent-edit", args=[discharge_assistant.pk])
    facts = {"name": "Discharge Helper", "purpose": "", "environment": "staging", "data_classes": ["health"]}
    response = browser(ada).post(url, facts)
    assert response.status_code == 200
    assert 'value="Discharge Helper"' in response.content.decode()
    assert browser(ada).post(url, facts | {"purpose": "Draft letters"}).status_code == 302
    assert Agent.objects.get(pk=discharge_assistant.pk).environment == "staging"


def test_an_end_in_the_past_is_said_beside_the_day(ada, discharge_assistant):
    facts = {"name": "X", "purpose": "Y", "environment": "production", "ends_on": "2001-01-01"}
    response = browser(ada).post(reverse("agent-edit", args=[discharge_assistant.pk]), facts)
    assert response.context["form"].errors.keys() == {"ends_on"}


def test_handing_over_leaves_the_former_owner_outside(ada, mallory, discharge_assistant):
    opened = browser(ada)
    response = opened.post(
        reverse("agent-hand-over", args=[discharge_assistant.pk]), {"owner": mallory.pk, "reason": "She runs it now."}
    )
    assert response.url == reverse("agents")
    assert Agent.objects.get(pk=discharge_assistant.pk).owner == mallory
    assert opened.get(discharge_assistant.get_absolute_url()).status_code == 404


def test_handing_over_revokes_the_keys_made_before_unless_unticked(
    ada, mallory, discharge_assistant, discharge_key, now
):
    assert (
        "Revoke the keys made before"
        in browser(ada).get(reverse("agent-people", args=[discharge_assistant.pk])).content.decode()
    )
    ended = builders.key(discharge_key.credential.client)
    credentials.revoke(ended.credential, reason="Lost.", by=actor(ada), now=now)
    form = {"owner": mallory.pk, "reason": "She runs it now.", "revoke_keys": "on"}
    browser(ada).post(reverse("agent-hand-over", args=[discharge_assistant.pk]), form)
    assert not Credential.objects.live(timezone.now()).filter(client__agent=discharge_assistant).exists()
    told = builders.events(Kind.CREDENTIAL_REVOKED)
    assert [event.credential_id for event in told] == [ended.credential.pk, discharge_key.credential.pk]
    assert (told[1].agent_id, told[1].actor_id) == (discharge_assistant.pk, ada.pk)
    kept = builders.key(discharge_key.credential.client, by=mallory)
    form = {"owner": ada.pk, "reason": "Back to her."}
    browser(mallory).post(reverse("agent-hand-over", args=[discharge_assistant.pk]), form)
    assert Credential.objects.live(timezone.now()).filter(client__agent=discharge_assistant).get() == kept.credential


def test_a_deputy_edits_but_does_not_hand_over(ada, mallory, discharge_assistant, now):
    registry.set_deputies(discharge_assistant, deputies=[mallory], by=actor(ada), now=now)
    assert browser(mallory).get(reverse("agent-edit", args=[discharge_assistant.pk])).status_code == 200
    with builders.one_refusal(Kind.AGENT_MOVE_REFUSED, "forbidden"):
        response = browser(mallory).post(
            reverse("agent-hand-over", args=[discharge_assistant.pk]), {"owner": mallory.pk, "reason": "Mine."}
        )
    assert response.status_code == 403


def test_deputies_are_exactly_those_ticked(ada, mara, mallory, discharge_assistant):
    url = reverse("agent-deputies", args=[discharge_assistant.pk])
    browser(ada).post(url, {"deputies": [mallory.pk, mara.pk]})
    browser(ada).post(url, {"deputies": [mara.pk]})
    assert Agent.objects.get(pk=discharge_assistant.pk).deputies == [mara]


def test_permissions_are_exactly_those_ticked(ada, discharge_assistant, read_records, look_up_staff):
    url = reverse("agent-scopes", args=[discharge_assistant.pk])
    response = browser(ada).post(url, {"scopes": [read_records.pk], "required": [read_records.pk, look_up_staff.pk]})
    assert response.status_code == 302
    row = AgentScope.objects.live().get(agent=discharge_assistant)
    assert (row.scope, row.required) == (read_records, True)


def test_an_administrator_confirms_a_required_sensitive_permission(ada, mara, now, discharge_assistant, read_records):
    agent_scopes.set_scopes(
        discharge_assistant,
        scopes=frozenset({read_records}),
        required=frozenset({read_records}),
        by=actor(ada),
        now=now,
    )
    url = reverse("agent-scope-confirm", args=[discharge_assistant.pk, read_records.pk])
    assert "Waits for you" in browser(mara).get(discharge_assistant.get_absolute_url()).content.decode()
    assert browser(ada).post(url).status_code == 403
    browser(mara).post(url)
    assert AgentScope.objects.live().get(agent=discharge_assistant).is_locked
    assert browser(mara).get(url).status_code == 405


def test_activity_pages_by_number(ada, mara, discharge_assistant, now):
    for number in range(60):
        registry.edit(discharge_assistant, unit=f"Unit {number}", by=actor(ada), now=now)
    opened = browser(ada)
    url = reverse("agent-activity", args=[discharge_assistant.pk])
    first = opened.get(url)
    older = opened.get(url + first.context["older_url"], HTTP_HX_REQUEST="true")
    assert len(first.context["activity"]) == 50
    assert len(older.context["activity"]) >= 10
    assert older.content.decode().lstrip().startswith('<div class="body"')
    assert opened.get(url + "?before=nonsense").status_code == 200


def test_the_plot_counts_the_days(ada, discharge_assistant):
    response = browser(ada).get(discharge_assistant.get_absolute_url())
    assert len(response.context["days"]) == 14
    with builders.one_refusal(Kind.AGENT_MOVE_REFUSED):
        browser(ada).post(reverse("agent-move", args=[discharge_assistant.pk, "resume"]), {"reason": "Go on."})
    days = browser(ada).get(discharge_assistant.get_absolute_url()).context["days"]
    assert (days[-1].issued, days[-1].refused) == (0, 1)


def test_consents_of_the_agent_are_listed_with_their_words(ada, weber, discharge_assistant, discharge_client, now):
    builders.consent(weber, discharge_client, purpose="discharge letters, ward 3B", now=now - timedelta(minutes=5))
    page = browser(ada).get(reverse("agent-consents", args=[discharge_assistant.pk])).content.decode()
    assert "discharge letters, ward 3B" in page
    assert "Dr. Jonas Weber" in page
    assert Consent.objects.count() == 1
