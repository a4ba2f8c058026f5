"""Registering an agent on one page: what comes of it, and how far it goes at once."""

from __future__ import annotations

import pytest
from django.urls import reverse

from agents.models import Agent, AgentScope, Client, State
from agents.trail.kinds import Kind
from console.pages.once import form_token
from tests import builders
from tests.builders import browser

pytestmark = pytest.mark.django_db
URL = "/agents/register/"


def _facts(**changes):
    return {
        "name": "Roster Planner",
        "purpose": "Propose shift plans",
        "kind": "assistant",
        "environment": "production",
        "redirect_uris": "https://roster.st-anna.example/callback\nhttp://127.0.0.1/callback",
        **changes,
    }


def test_an_owner_registers_an_agent_of_their_own_with_all_it_needs(ada, see_appointments, look_up_staff):
    response = browser(ada).post(URL, _facts(scopes=[see_appointments.pk], data_classes=["personal"], then="submit"))
    agent = Agent.objects.get()
    assert response.url == reverse("agent-connect", args=[agent.pk])
    assert (agent.owner, agent.state, agent.data_classes) == (ada, State.PENDING, ["personal"])
    assert [row.scope for row in AgentScope.objects.live()] == [see_appointments]
    client = Client.objects.get()
    assert client.redirect_uris.split() == ["https://roster.st-anna.example/callback", "http://127.0.0.1/callback"]
    assert client.client_id.startswith("roster-planner-")


def test_an_administrator_registers_for_somebody_and_activates_at_once(mara, ada):
    browser(mara).post(URL, _facts(owner=ada.pk, then="activate"))
    agent = Agent.objects.get()
    assert (agent.owner, agent.state) == (ada, State.ACTIVE)


def test_where_two_are_needed_an_administrator_is_not_offered_to_activate_at_once(mara):
    builders.organisation(second_person_activates=True)
    page = browser(mara).get(URL).content.decode()
    assert "Register and activate" not in page
    with builders.one_refusal(Kind.AGENT_MOVE_REFUSED, "forbidden"):
        response = browser(mara).post(URL, _facts(owner=mara.pk, then="activate"))
    assert response.status_code == 403
    assert not Agent.objects.exists()


def test_an_owner_cannot_register_for_somebody_else_or_activate(ada, mallory):
    browser(ada).post(URL, _facts(owner=mallory.pk))
    assert Agent.objects.get().owner == ada
    assert browser(ada).post(URL, _facts(then="activate")).status_code == 403
    assert Agent.objects.count() == 1


@pytest.mark.parametrize("role", ["weber", "omar"])
def test_users_and_auditors_register_nothing(request, role):
    person = request.getfixturevalue(role)
    with builders.one_refusal(Kind.PAGE_REFUSED, "forbidden"):
        assert browser(person).post(URL, _facts()).status_code == 403
    assert not Agent.objects.exists()


def test_an_autonomous_agent_gets_a_client_that_proves_itself_and_returns_nowhere(ada):
    browser(ada).post(URL, _facts(kind="autonomous", public="on"))
    client = Client.objects.get()
    assert (client.grant_types, client.redirect_uris, client.is_public) == (["client_credentials"], "", False)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "Pay\u202etnegA"}, "name"),
        ({"purpose": ""}, "purpose"),
        ({"kind": "robot"}, "kind"),
        ({"redirect_uris": "http://roster.st-anna.example/callback"}, "redirect_uris"),
        ({"redirect_uris": "javascript:alert(1)"}, "redirect_uris"),
        ({"scopes": ["not-an-id"]}, "scopes"),
        ({"ends_on": "1999-12-31"}, "ends_on"),
        ({"ends_on": "9999-12-31"}, "ends_on"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_made(ada, change, field):
    response = browser(ada).post(URL, _facts(**change))
    assert response.status_code == 200
    assert field in response.context["form"].errors
    assert not Agent.objects.exists()
    assert not Client.objects.exists()


def test_a_null_byte_is_said_and_never_a_fault(ada):
    assert browser(ada).post(URL, _facts(name="Ros\0ter")).status_code == 200
    assert not Agent.objects.exists()


def test_pressed_twice_it_registers_one_agent(ada):
    opened = browser(ada)
    assert 'name="once"' in opened.get(URL).content.decode()
    sent = _facts(once=form_token())
    assert opened.post(URL, sent).url == reverse("agent-connect", args=[Agent.objects.get().pk])
    again = opened.post(URL, sent, follow=True)
    assert "Nothing was made a second time." in again.content.decode()
    assert Agent.objects.count() == 1
    opened.post(URL, {**sent, "once": form_token()})
    assert Agent.objects.count() == 2


def test_what_could_not_be_registered_can_be_sent_again(ada):
    sent = _facts(once=form_token())
    browser(ada).post(URL, {**sent, "redirect_uris": "javascript:alert(1)"})
    browser(ada).post(URL, sent)
    assert Agent.objects.count() == 1


def test_each_button_says_to_the_server_what_it_says_to_people(mara):
    page = browser(mara).get(URL).content.decode()
    assert 'name="then" value="activate"' in page
    assert 'name="then" value="draft"' in page
