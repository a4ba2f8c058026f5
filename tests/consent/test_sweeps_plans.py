"""Every sweep begins at an index: it runs every few minutes beside the tokens, also over a million rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from agents import sweeps as sweeps_of_agents
from agents.warnings import warn_of_agents, warn_of_credentials
from consent import sweeps

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
ALL = {
    **sweeps.SWEEPS,
    **sweeps_of_agents.SWEEPS,
    "warn of agents": warn_of_agents,
    "warn of credentials": warn_of_credentials,
    "warn of consents": sweeps.warn_of_consents,
}


def looks_of(sweep: Callable[..., int]) -> list[tuple[str, Any]]:
    """What the sweep asks the database for, with its parameters as they are bound."""
    asked: list[tuple[str, Any]] = []

    def listen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT"):
            asked.append((sql.replace(" FOR UPDATE", "").replace(" SKIP LOCKED", ""), params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen):
        sweep(now=timezone.now())
    return asked


def plan_of(sql: str, params: Any) -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {sql}", params)
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


@pytest.mark.parametrize("name", ALL)
def test_a_sweep_walks_no_whole_table(name):
    looks = looks_of(ALL[name])
    assert looks
    for sql, params in looks:
        plan = plan_of(sql, params)
        whole = "Seq Scan" if connection.vendor == "postgresql" else "SCAN "
        walked = [line for line in plan.splitlines() if whole in line]
        assert not walked, f"{sql}\n{plan}"
