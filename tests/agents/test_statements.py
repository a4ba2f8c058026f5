"""The hand-written statements: prepared on PostgreSQL, plain on SQLite, and Django's to everybody around."""

from __future__ import annotations

import uuid

import pytest
from django.db import DatabaseError, DataError, IntegrityError, close_old_connections, connection, transaction
from django.test.utils import CaptureQueriesContext

from agents.database import prepared
from agents.database.statements import changed_by, rows_of
from agents.models import EventText

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.engine]
INSERT = "INSERT INTO agents_eventtext (digest, kind, text, subject_id) VALUES (%s, 'reason', %s, %s)"
SELECT = "SELECT text, subject_id FROM agents_eventtext WHERE digest = %s ORDER BY digest"


def keep(digest: str, text: str = "Text", subject: uuid.UUID | None = None) -> int:
    return changed_by(INSERT, [digest, text, subject])


def test_rows_come_as_they_were_written():
    subject = uuid.uuid4()
    assert (keep("a", "Größe % %s", subject), keep("b", "")) == (1, 1)
    [(text, who)] = rows_of(SELECT, ["a"])
    assert (text, uuid.UUID(str(who))) == ("Größe % %s", subject)
    assert rows_of(SELECT, ["b"]) == [("", None)]
    assert rows_of(SELECT, ["c"]) == []


def test_changes_are_counted():
    keep("a"), keep("b")
    assert changed_by("UPDATE agents_eventtext SET text = %s", ["New"]) == 2
    assert changed_by("UPDATE agents_eventtext SET text = %s WHERE digest = %s", ["Newer", "c"]) == 0


def test_errors_are_those_of_django():
    keep("a")
    with pytest.raises(IntegrityError):
        keep("a")
    with pytest.raises(DatabaseError):
        rows_of("SELECT nothing FROM nowhere WHERE 1 = %s", [1])
    assert keep("b") == 1


def test_they_belong_to_the_transaction_around_them():
    with transaction.atomic():
        keep("a")
        transaction.set_rollback(True)
    assert not EventText.objects.exists()
    with transaction.atomic():
        keep("a")
        with pytest.raises(IntegrityError), transaction.atomic():
            keep("a")
        keep("c")
    assert set(EventText.objects.values_list("digest", flat=True)) == {"a", "c"}


def test_a_broken_transaction_takes_no_more():
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(transaction.TransactionManagementError):
            keep("b")
    assert not EventText.objects.exists()


def test_who_counts_queries_sees_them():
    with CaptureQueriesContext(connection) as captured:
        keep("a")
    assert len(captured) == 1


def test_one_connection_keeps_no_more_statements_than_it_may(monkeypatch):
    monkeypatch.setattr(prepared, "MOST", 3)
    for number in range(8):
        assert rows_of(f"SELECT {number} + CAST(%s AS integer)", [number]) == [(2 * number,)]
    assert rows_of("SELECT 0 + CAST(%s AS integer)", [5]) == [(5,)]


def test_values_of_other_kinds_are_another_statement():
    for value in (1, None, 2**40, "3"):
        [(found,)] = rows_of("SELECT CAST(%s AS bigint)", [value])
        assert found == (None if value is None else int(value))


def test_after_a_lost_connection_the_next_request_has_a_new_one():
    if connection.vendor != "postgresql":
        return
    keep("a")
    lost = connection.connection.info.backend_pid
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [lost])
    other.close()
    with pytest.raises(DatabaseError):
        keep("b")
    close_old_connections()
    assert keep("c") == 1


def test_a_value_that_cannot_be_is_refused_by_the_database():
    if connection.vendor == "postgresql":
        with pytest.raises(DataError):
            rows_of("SELECT CAST(%s AS uuid)", ["no id"])


def test_what_somebody_throws_away_is_prepared_anew():
    keep("a")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DEALLOCATE ALL")
        assert keep("b") == 1
        with connection.cursor() as cursor:
            cursor.execute("DEALLOCATE ALL")
        with pytest.raises(DatabaseError), transaction.atomic():
            keep("c")
    assert keep("d") == 1


def test_what_others_prepare_and_throw_away_is_not_ours():
    keep("a")
    for _ in range(9):
        with CaptureQueriesContext(connection):
            assert rows_of(SELECT, ["a"])
    with pytest.raises(IntegrityError), transaction.atomic():
        keep("a")
    with transaction.atomic():
        assert keep("b") == 1


def test_two_behind_one_pooled_connection_run_each_their_own():
    if connection.vendor != "postgresql":
        return
    connection.ensure_connection()
    one, other = (prepared.PreparedStatements(connection.connection) for _ in range(2))
    for asked in ("SELECT 'a' WHERE %s = 1", "SELECT 'b' WHERE %s = 1"):
        letter = asked[8]
        assert one.run(asked, [1], as_django=True) == ([(letter,)], 1)
    for asked in ("SELECT 'b' WHERE %s = 1", "SELECT 'c' WHERE %s = 1", "SELECT 'a' WHERE %s = 1"):
        letter = asked[8]
        assert other.run(asked, [1], as_django=True) == ([(letter,)], 1)
