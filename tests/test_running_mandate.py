"""Mandate as real processes, for the tests that need them."""

from __future__ import annotations

import pytest
import requests
from django.db import connection


@pytest.mark.engine
def test_it_serves_the_database_of_the_test_and_leaves_nothing_behind(running_mandate, engine):
    answer = requests.get(f"{running_mandate.url}/account/login/", timeout=10)

    assert answer.status_code == 200, running_mandate.log()
    assert connection.vendor == engine
    web = running_mandate.web
    running_mandate.stop()
    assert web.returncode is not None


@pytest.mark.engine
def test_one_of_its_own_starts_from_migrated_tables(new_mandate):
    mandate = new_mandate().start()

    assert requests.get(f"{mandate.url}/account/login/", timeout=10).status_code == 200, mandate.log()
    assert "[X]" in mandate.manage("showmigrations", "agents")
