"""What every test may ask for: an engine, services, and Mandate itself as real processes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.services import run
from tests.services.postgresql import PostgreSQL
from tests.services.redis import Redis

_services: list[PostgreSQL | Redis] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--engine=postgresql`` runs the tests on a real PostgreSQL and a real Redis."""
    parser.addoption("--engine", choices=run.ENGINES, default=None, help="sqlite (default) or postgresql, with Redis")


def pytest_configure(config: pytest.Config) -> None:
    """Start the services once, in the process that leads the run; its test processes share them."""
    from tests.services.trail_triggers import let_flush_pass

    let_flush_pass()
    if run.worker() == "main" and run.engine() == "postgresql":
        if not run.external_database():
            _services.append(PostgreSQL(run.run_folder() / "postgresql", run.port_for("postgresql")))
        _services.append(Redis(run.run_folder() / "redis", run.port_for("redis")))
        for service in _services:
            service.start()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started, and delete what this run has written."""
    if run.worker() == "main":
        while _services:
            _services.pop().stop()
        run.forget_run_folder()


def pytest_report_header(config: pytest.Config) -> str:
    """Say which engine this run is about."""
    return f"engine: {run.engine()}"


@pytest.fixture(scope="session")
def engine() -> str:
    """The engine of this run: ``sqlite`` or ``postgresql``."""
    return run.engine()


@pytest.fixture(autouse=True)
def _nobody_remembers_the_last_test() -> Iterator[None]:
    """Redis is not rolled back with a transaction: limits counted by one test must not hit the next."""
    yield
    if os.environ.get("REDIS_URL"):
        from django.core.cache import cache

        cache.clear()
