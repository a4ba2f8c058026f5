"""Every sweep begins at an index: it runs every few minutes beside the tokens, also over a million rows."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from agents import sweeps as sweeps_of_agents
from agents.warnings import warn_of_agents, warn_of_credentials
from consent import sweeps

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
FEW = {"consent_stream", "subquery"}
"""Five at most for each resource; and what was found already, of which as many are counted as were asked for."""
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


def walked(sql: str, plan: str) -> set[str]:
    """The tables that this plan walks from end to end."""
    whole = r"Seq Scan on (\w+)" if connection.vendor == "postgresql" else r"SCAN (\w+)"
    called = {alias: table for table, alias in re.findall(r'FROM "(\w+)" (U\d+)', sql)}
    return {called.get(name, name) for name in re.findall(whole, plan)} - FEW


@pytest.mark.parametrize("name", ALL)
def test_a_sweep_walks_no_whole_table(name):
    looks = looks_of(ALL[name])
    assert looks
    for sql, params in looks:
        plan = plan_of(sql, params)
        assert not walked(sql, plan), f"{sql}\n{plan}"
