"""S56: the trail is only added to, holds one event for one thing whatever a name contains, and cannot be used to fill a disk."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from agents.models import Event, RefusalCount
from agents.trail.refusals import close_minutes
from tests import builders
from tests.grants import basic, post

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
UGLY = "a\x1b[31m\u202egnp.exe\u2028line\x85two"


def test_s56_no_statement_changes_an_event(discharge_assistant, engine):
    event = Event.objects.order_by("pk").first()
    columns = ", ".join(f'"{field.column}"' for field in Event._meta.fields)
    insert = "INSERT OR REPLACE" if engine == "sqlite" else "INSERT"
    again = "" if engine == "sqlite" else "ON CONFLICT (id) DO UPDATE SET kind = 'x'"
    statements = [
        f"UPDATE agents_event SET kind = 'x' WHERE id = {event.pk}",
        f"DELETE FROM agents_event WHERE id = {event.pk}",
        "DELETE FROM agents_event",
        f"{insert} INTO agents_event ({columns}) SELECT {columns} FROM agents_event WHERE id = {event.pk} {again}",
        f"UPDATE agents_event SET id = id + 1000000 WHERE id = {event.pk}",
    ]
    if engine == "postgresql":
        statements.append("TRUNCATE agents_event")
    before = list(Event.objects.order_by("pk").values())
    for statement in statements:
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert list(Event.objects.order_by("pk").values()) == before


def test_s56_ugly_characters_stay_one_event_and_one_line_of_the_log(claims, clinic_allows, log):
    for name in (UGLY, "x\r\nSet-Cookie: a=b", "\x1b]0;owned\x07", "{0.__class__}", "%(x)s", "' OR 1=1 --"):
        before, read = Event.objects.count(), len(log())
        with builders.one_refusal("token.refused", "invalid_client"):
            post("/oauth/token", {"grant_type": "client_credentials"}, **basic(name, "x"), HTTP_USER_AGENT=name.strip())
        written = log()[read:]
        assert Event.objects.count() == before + 1
        lines = [line for line in written.splitlines() if line.strip()]
        assert all(line.isprintable() for line in lines), lines
        assert [line.count("/oauth/token") for line in lines] == [1, 1]  # that it was asked, and that it was refused
    assert claims.act_alone().status_code == 200


def test_s56_a_flood_of_refusals_ends_in_few_rows_with_the_right_count_and_every_success_is_kept(claims, clinic_allows):
    start = timezone.now().replace(second=0, microsecond=0) + timedelta(minutes=1)
    flood, successes = 300, 30
    wrong = basic("nobody", "x")
    with time_machine.travel(start, tick=False):
        before = Event.objects.count()
        for number in range(flood):
            post("/oauth/token", {"grant_type": "password"}, **wrong, REMOTE_ADDR="198.51.100.9")
            if number % 10 == 0:
                assert post("/oauth/token", {"grant_type": "client_credentials"}, **claims.header).status_code == 200
    assert Event.objects.filter(kind="token.issued").count() == successes
    assert Event.objects.count() - before <= successes + 21
    assert RefusalCount.objects.count() <= 2
    close_minutes(now=start + timedelta(minutes=3))
    told = Event.objects.filter(kind="token.refused", reason_code="unsupported_grant_type").count()
    counted = Event.objects.get(kind="refusals.counted").detail["count"]
    assert told + counted == flood
    assert close_minutes(now=start + timedelta(minutes=4)) == 0
