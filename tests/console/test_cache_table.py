"""The table of the shared cache, by which sign-in is limited, comes with the other tables."""

from __future__ import annotations

import pytest
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_migrating_makes_the_table_of_the_cache():
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE mandate_cache")
    call_command("migrate", verbosity=0)
    cache = caches["database"] if "database" in caches.settings else caches["default"]
    cache.set("here", "yes")
    assert cache.get("here") == "yes"
