"""How many statements a token costs, transaction control apart: what a page of figures promises, held to here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import grants

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.engine]
CONTROL = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK", "SET CONSTRAINTS", "PRAGMA")


@contextmanager
def statements(most: int) -> Iterator[None]:
    """What happens inside takes at most so many statements."""
    with CaptureQueriesContext(connection) as captured:
        yield
    asked = [query["sql"] for query in captured.captured_queries if not query["sql"].upper().startswith(CONTROL)]
    assert len(asked) <= most, "\n".join(asked)
    assert asked, "nothing was counted"


@pytest.fixture
def also_offline(claims_client, mara, look_up_staff):
    """A consent for the resource that checks tokens itself."""
    return grants.consent(claims_client, scopes=[look_up_staff], user=None, by=mara, purpose="Look up staff")


def of_a_token() -> int:
    """One that reads and one that writes; SQLite, which has no way to it, reads and writes twice each."""
    return 2 if connection.vendor == "postgresql" else 4


def test_an_opaque_token_takes_one_way_to_read_and_one_to_write(claims, clinic_allows):
    claims.act_alone()  # the first one of a minute also notes the use
    with statements(most=of_a_token()):
        assert claims.act_alone().status_code == 200


def test_even_the_first_of_a_minute_takes_two_more_at_most(claims, clinic_allows):
    """It also notes when agent and client were last used, and keeps their address."""
    with statements(most=of_a_token() + 2):
        assert claims.act_alone().status_code == 200


def test_a_jwt_takes_no_more(claims, also_offline):
    claims.act_alone()
    with statements(most=of_a_token()):
        assert claims.act_alone().status_code == 200


def test_introspection_takes_at_most_two(claims, clinic_allows, records_api):
    token = claims.act_alone().json()["access_token"]
    records_api.introspects(token)
    with statements(most=2):
        assert records_api.introspects(token)["active"] is True


def test_introspecting_a_jwt_takes_at_most_two(claims, also_offline, directory_api):
    token = claims.act_alone().json()["access_token"]
    directory_api.introspects(token)
    with statements(most=2):
        assert directory_api.introspects(token)["active"] is True


def test_a_code_takes_at_most_ten(discharge, weber_allows, pkce):
    discharge.redeem(grants.code(weber_allows, pkce), pkce)
    code = grants.code(weber_allows, pkce)
    with statements(most=10):
        assert discharge.redeem(code, pkce).status_code == 200


def test_a_refresh_takes_at_most_nine(discharge, weber_allows, pkce):
    pair = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()
    pair = discharge.refresh(pair["refresh_token"]).json()
    with statements(most=9):
        assert discharge.refresh(pair["refresh_token"]).status_code == 200


def test_taking_work_over_takes_at_most_eight(planner, subject):
    planner.takes(subject)  # the first one also makes the derived consent, and notes the use
    planner.takes(subject)
    with statements(most=8):
        planner.takes(subject)


def test_introspection_of_what_was_passed_on_takes_one_more(planner, subject, records_api):
    token = planner.takes(subject)
    records_api.introspects(token)
    with statements(most=3):
        assert records_api.introspects(token)["active"] is True
