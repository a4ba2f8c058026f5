"""Programs that registered and were never used are forgotten after a while; used ones never."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from agents.models import Client, Credential
from agents.programs import adoption
from consent import unused_clients
from consent.unused_clients import forget_unused_clients
from tests import builders
from tests.builders import actor, events
from tests.programs import allows, opens, registered, registers

pytestmark = [pytest.mark.django_db, pytest.mark.engine, pytest.mark.usefixtures("organisation", "look_up_staff")]


def after(days):
    return timezone.now() + timedelta(days=days)


def test_one_that_nobody_used_is_forgotten_with_its_secret():
    said = registers(token_endpoint_auth_method="client_secret_basic").json()
    assert forget_unused_clients(now=after(6)) == 0
    assert forget_unused_clients(now=after(8)) == 1
    assert forget_unused_clients(now=after(8)) == 0
    assert not Client.objects.filter(client_id=said["client_id"]).exists()
    assert not Credential.objects.exists()
    assert [event.detail["name"] for event in events("client.swept")] == ["Note Helper"]


def test_many_go_in_batches():
    for number in range(5):
        registered(client_name=f"Program {number}")
    assert forget_unused_clients(now=after(8), batch=2) == 5


def test_what_was_used_adopted_or_asked_for_stays(weber, mara, ada, directory, look_up_staff, see_appointments):
    used, adopted, asked = (registered(client_name=name) for name in ("Used", "Adopted", "Asked"))
    allows(weber, used.client_id, resource=directory.uri)
    agent = builders.agent("Notes", owner=ada, scopes=[see_appointments])
    adoption.adopt(adopted.software_key, agent, reason="Ours.", by=actor(mara), now=timezone.now())
    adoption.ask(asked, scopes=[], why="", by=actor(weber), now=timezone.now())
    assert forget_unused_clients(now=after(400)) == 0
    adoption.refuse(asked.software_key, reason="No.", by=actor(mara), now=timezone.now())
    assert forget_unused_clients(now=after(400)) == 1
    assert opens(weber, used.client_id, resource=directory.uri).status_code == 200


def test_among_many_that_fill_the_table_unused_ones_go_after_hours(weber, directory, monkeypatch):
    """Whoever fills it keeps everybody else from registering: for hours then, and not for a week."""
    monkeypatch.setattr(unused_clients, "MANY", 3)
    used = registered(client_name="Used")
    allows(weber, used.client_id, resource=directory.uri)
    for number in range(2):
        registered(client_name=f"Flood {number}")
    assert forget_unused_clients(now=after(1)) == 0
    registered(client_name="One too many")
    assert forget_unused_clients(now=timezone.now() + timedelta(hours=1)) == 0
    assert forget_unused_clients(now=timezone.now() + timedelta(hours=3)) == 3
    assert list(Client.objects.values_list("name", flat=True)) == ["Used"]
