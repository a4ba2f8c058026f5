"""The services that the other tests stand on."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.db import connection

from tests.services.parallel import at_once


@pytest.mark.engine
@pytest.mark.django_db
def test_the_database_is_the_one_that_was_asked_for(engine):
    assert connection.vendor == engine


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_threads_see_what_was_committed_and_write_beside_each_other(engine):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS counted (n INTEGER)")

    def insert(number: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO counted VALUES (%s)", [number])

    outcome = at_once(20, insert)

    assert outcome.raised == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM counted")
        assert cursor.fetchone()[0] == 20
        cursor.execute("DROP TABLE counted")


@pytest.mark.engine
@pytest.mark.django_db
def test_the_cache_counts():
    cache.set("tries", 1, 60)
    assert cache.incr("tries") == 2
