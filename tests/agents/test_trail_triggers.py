"""The trail is only ever added to: triggers say so on both engines, also past the ORM."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from agents.actors import Actor
from agents.models import Event
from agents.trail.kinds import Kind
from agents.trail.record import record

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def number(now):
    return record(Kind.SIGNED_OUT, by=Actor.system(), now=now)


def _refused(statement, *values):
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_an_event_cannot_be_changed(number):
    _refused("UPDATE agents_event SET kind = 'x' WHERE id = %s", number)
    with pytest.raises(DatabaseError), transaction.atomic():
        Event.objects.filter(pk=number).update(outcome="refused")
    assert Event.objects.get(pk=number).kind == "person.signed_out"


def test_an_event_cannot_be_deleted(number):
    _refused("DELETE FROM agents_event WHERE id = %s", number)
    with pytest.raises(DatabaseError), transaction.atomic():
        Event.objects.get(pk=number).delete()
    assert Event.objects.filter(pk=number).exists()


def test_an_event_cannot_be_put_in_the_place_of_another(number):
    columns = "id, transaction_id, at, kind, outcome, reason_code, actor_kind, scopes, data_class, purpose_digest, reason_digest, address_digest, detail"
    values = (number, 0, "2026-01-01 00:00:00+00:00", "x", "allowed", "", "system", "", "", "", "", "", "{}")
    marks = ", ".join(["%s"] * len(values))
    verb = "INSERT OR REPLACE" if connection.vendor == "sqlite" else "INSERT"
    _refused(f"{verb} INTO agents_event ({columns}) VALUES ({marks})", *values)
    assert Event.objects.get(pk=number).kind == "person.signed_out"


def test_the_whole_trail_cannot_be_emptied(number, engine):
    _refused("TRUNCATE agents_event" if engine == "postgresql" else "DELETE FROM agents_event")
    assert Event.objects.filter(pk=number).exists()
