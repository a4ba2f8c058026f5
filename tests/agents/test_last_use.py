"""Last use: noted in one statement, at most once a minute, apart from what decides access."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents.ids import uuid7
from agents.last_use import last_used, note_use

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def test_what_was_used_is_known_and_what_was_not_is_not(now):
    used, unused = uuid7(), uuid7()
    note_use([used, None], now)
    assert last_used([used, unused]) == {used: now}
    assert last_used([]) == {}


def test_noting_is_one_statement_for_all(now, django_assert_num_queries):
    ids = [uuid7() for _ in range(4)]
    with django_assert_num_queries(1):
        note_use(ids, now)
    later = now + timedelta(minutes=2)
    with django_assert_num_queries(1):
        note_use(reversed(ids), later)
    assert set(last_used(ids).values()) == {later}


def test_within_a_minute_nothing_is_written_again(now, django_assert_num_queries, django_capture_on_commit_callbacks):
    subject = uuid7()
    with django_capture_on_commit_callbacks(execute=True):
        note_use([subject], now)
    with django_assert_num_queries(0):
        note_use([subject], now + timedelta(seconds=59))
    note_use([subject], now + timedelta(seconds=60))
    assert last_used([subject]) == {subject: now + timedelta(seconds=60)}


def test_a_use_that_was_rolled_back_is_noted_the_next_time(now):
    subject = uuid7()
    note_use([subject], now)  # never committed: this test's transaction ends in a rollback
    note_use([subject], now + timedelta(seconds=1))
    assert last_used([subject]) == {subject: now + timedelta(seconds=1)}
