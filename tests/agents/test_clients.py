"""Clients: what an agent's kind allows, where people may return to, and their end."""

from __future__ import annotations

import pytest

from agents import clients, lifecycle
from agents.errors import Ended, Forbidden, InvalidInput
from agents.models import Client
from agents.trail.kinds import Kind
from tests import builders
from tests.builders import actor

pytestmark = pytest.mark.django_db


def test_a_client_has_an_id_of_its_own_and_an_event(discharge_client, ada):
    name, _, handle = discharge_client.client_id.rpartition("-")
    assert name == "discharge-prod"
    assert len(handle) == 6
    event = builders.events(Kind.CLIENT_CREATED)[0]
    assert (event.client_id, event.agent_id, event.actor_id) == (discharge_client.pk, discharge_client.agent_id, ada.pk)
    assert event.detail["redirect_uris"] == ["https://app.st-anna.example/callback"]


@pytest.mark.parametrize(
    ("name", "start"), [("Äpfel & Birnen", "apfel-birnen-"), ("測試", "client-"), ("a" * 80, "a" * 60)]
)
def test_any_name_makes_an_id_that_fits(discharge_assistant, name, start):
    made = builders.client(discharge_assistant, name)
    assert made.client_id.startswith(start)
    assert len(made.client_id) <= 100
    assert made.client_id.isascii()


def test_the_toolkit_reads_from_our_columns(discharge_client, claims_client, discharge_assistant):
    assert discharge_client.client_type == Client.CLIENT_CONFIDENTIAL
    assert not discharge_client.hash_client_secret
    assert builders.client(discharge_assistant, "Phone", auth_method="none").client_type == Client.CLIENT_PUBLIC
    assert claims_client.allows_grant_type("client-credentials")
    assert not claims_client.allows_grant_type("authorization-code", "password", "implicit")


@pytest.mark.parametrize(
    ("kind", "facts", "field"),
    [
        ("assistant", {"grant_types": ["client_credentials"]}, "grant_types"),
        ("assistant", {"grant_types": ["refresh_token"]}, "grant_types"),
        ("assistant", {"grant_types": []}, "grant_types"),
        ("assistant", {"grant_types": ["password"]}, "grant_types"),
        ("assistant", {"redirect_uris": []}, "redirect_uris"),
        ("assistant", {"redirect_uris": ["http://app.example/cb"]}, "redirect_uris"),
        ("assistant", {"redirect_uris": ["https://*.example/cb"]}, "redirect_uris"),
        ("assistant", {"redirect_uris": ["https://a.example/../cb"]}, "redirect_uris"),
        ("assistant", {"redirect_uris": ["https://a.example/cb#x"]}, "redirect_uris"),
        ("assistant", {"redirect_uris": ["myapp://cb"]}, "redirect_uris"),
        ("assistant", {"redirect_uris": [f"https://a.example/{n}" for n in range(21)]}, "redirect_uris"),
        ("assistant", {"auth_method": "magic"}, "auth_method"),
        ("autonomous", {"grant_types": ["authorization_code"]}, "grant_types"),
        ("autonomous", {"redirect_uris": ["https://a.example/cb"]}, "redirect_uris"),
        ("autonomous", {"auth_method": "none"}, "auth_method"),
    ],
)
def test_what_does_not_fit_the_kind_of_agent_is_refused(ada, kind, facts, field):
    agent = builders.agent(owner=ada, kind=kind, active=False)
    with pytest.raises(InvalidInput) as refused:
        builders.client(agent, "X", **facts)
    assert refused.value.field == field
    assert not Client.objects.exists()


def test_loopback_redirects_may_be_plain_http(discharge_assistant):
    uris = ["http://127.0.0.1/callback", "http://[::1]:8123/callback", "http://localhost:3000/cb"]
    assert builders.client(discharge_assistant, "Desktop", redirect_uris=uris).redirect_uris.split() == uris


def test_a_change_tells_what_was_and_what_is(ada, discharge_client, now):
    clients.change(discharge_client, redirect_uris=["https://new.example/cb"], by=actor(ada), now=now)
    detail = builders.events(Kind.CLIENT_CHANGED)[0].detail
    assert detail["before"] == {"redirect_uris": ["https://app.st-anna.example/callback"]}
    assert detail["after"] == {"redirect_uris": ["https://new.example/cb"]}
    clients.change(discharge_client, redirect_uris=["https://new.example/cb"], by=actor(ada), now=now)
    assert len(builders.events(Kind.CLIENT_CHANGED)) == 1


def test_a_client_becomes_public_only_without_live_keys(ada, discharge_client, discharge_key, now):
    with pytest.raises(InvalidInput, match="Revoke its keys"):
        clients.change(discharge_client, auth_method="none", by=actor(ada), now=discharge_key.credential.starts_at)


def test_a_removed_client_is_used_and_changed_no_more(ada, discharge_client, now):
    assert discharge_client.is_live(now)
    ended = clients.end(discharge_client, reason="Replaced.", by=actor(ada), now=now)
    assert not ended.is_live(now)
    with pytest.raises(Ended):
        clients.end(ended, reason="Again.", by=actor(ada), now=now)
    with pytest.raises(Ended):
        clients.change(ended, name="X", by=actor(ada), now=now)


def test_a_client_of_a_suspended_agent_is_not_usable(ada, discharge_client, now):
    lifecycle.suspend(discharge_client.agent, reason="It is odd.", by=actor(ada), now=now)
    assert not Client.objects.get(pk=discharge_client.pk).is_live(now)


def test_strangers_and_auditors_touch_no_client(discharge_client, discharge_assistant, mallory, omar, weber, now):
    for person in (mallory, omar, weber):
        for attempt in (
            lambda who: builders.client(discharge_assistant, "Mine", by=who),
            lambda who: clients.change(discharge_client, name="Mine", by=actor(who), now=now),
            lambda who: clients.end(discharge_client, reason="Mine.", by=actor(who), now=now),
        ):
            with pytest.raises(Forbidden):
                attempt(person)
