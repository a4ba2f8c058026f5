"""What every test may ask for: an engine, services, and Mandate itself as real processes."""

from __future__ import annotations

import io
import itertools
import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.services import run
from tests.services.mandate import RunningMandate
from tests.services.migrated import DATABASE, migrated_folder
from tests.services.postgresql import PostgreSQL
from tests.services.redis import Redis
from tests.services.shared import SharedMandate, forget_what_is_not_rolled_back

pytest_plugins = ["tests.cast", "tests.endpoints", "tests.exchanging", "tests.outside", "tests.receiving", "tests.ward"]
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


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests come first, so that the run does not end with one process at work and another idle.

    Those that use the tables stay where they are: what needs rolling back comes before what empties them.
    """
    items.sort(key=lambda item: "slow" not in item.keywords or _uses_the_tables(item))


def _uses_the_tables(item: pytest.Item) -> bool:
    asked = getattr(item, "fixturenames", ())
    return item.get_closest_marker("django_db") is not None or "db" in asked or "transactional_db" in asked


def pytest_report_header(config: pytest.Config) -> str:
    """Say which engine this run is about."""
    return f"engine: {run.engine()}"


@pytest.fixture(scope="session")
def engine() -> str:
    """The engine of this run: ``sqlite`` or ``postgresql``."""
    return run.engine()


@pytest.fixture(scope="session")
def django_db_keepdb(request: pytest.FixtureRequest, django_db_modify_db_settings: None) -> bool:
    """On SQLite the tests begin with a copy of tables that were migrated before. The folder of the run goes at its end."""
    from django.db import connections

    if run.engine() != "sqlite":
        return False
    shutil.copyfile(_migrated_folder(request.config) / DATABASE, connections.settings["default"]["TEST"]["NAME"])
    return True


def _migrated_folder(config: pytest.Config) -> Path:
    return migrated_folder(config.cache.mkdir("mandate") if config.cache else run.run_folder())


@pytest.fixture(autouse=True)
def _nobody_remembers_the_last_test() -> Iterator[None]:
    """What is not rolled back with a transaction must not hit the next test: limits in Redis, keys that a process read."""
    yield
    forget_what_is_not_rolled_back()
    if os.environ.get("REDIS_URL"):
        from django.core.cache import cache

        cache.clear()


@pytest.fixture
def log() -> Iterator[Callable[[], str]]:
    """Call it for what Mandate has written to its log since the test began, as it stands there.

    Its handler holds the output that there was when logging was configured, so that ``capsys`` and ``capfd`` never see it.
    """
    written = io.StringIO()
    (out,) = (handler for handler in logging.getLogger().handlers if type(handler) is logging.StreamHandler)
    before = out.setStream(written)
    yield written.getvalue
    out.setStream(before or sys.stdout)


# -------------------------------------------------------------------------------------------- Mandate as real processes


@pytest.fixture(scope="session")
def _shared_mandate(django_db_setup: None) -> Iterator[SharedMandate]:
    """The web server on the database of the tests. It starts when the first of them needs it."""
    from django.conf import settings

    shared = SharedMandate(_on_the_database_of_the_tests(Path(settings.DATA_DIR)))
    yield shared
    shared.mandate.stop()


@pytest.fixture
def running_mandate(
    request: pytest.FixtureRequest, transactional_db: None, _shared_mandate: SharedMandate
) -> Iterator[RunningMandate]:
    """The web server, on the database of this test: what the test has made, it serves, and the other way round.

    One for many tests, which forgets in between. A test that wants other environment variables gets one of its own, by
    ``pytest.mark.parametrize("running_mandate", [{…}], indirect=True)``; that takes about two seconds.
    """
    if hasattr(request, "param"):
        own = _on_the_database_of_the_tests(_shared_mandate.mandate.data_dir)
        own.settings = request.param
        own.log_file.unlink(missing_ok=True)
        try:
            yield own.start()
        finally:
            own.stop()
        return
    try:
        yield _shared_mandate.open()
    finally:
        _shared_mandate.shut()


@pytest.fixture(scope="session")
def _migrated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: object
) -> RunningMandate:
    """A Mandate that is migrated once and never started: the others are copies of it."""
    if run.engine() == "sqlite":
        return RunningMandate(_migrated_folder(request.config))
    mandate = RunningMandate(tmp_path_factory.mktemp("migrated") / "data", settings={"HOST": "127.0.0.1"})
    mandate.database_url = _empty_database(f"mandate_template_{run.worker()}")
    mandate.manage("migrate", "--verbosity=0")
    return mandate


@pytest.fixture
def new_mandate(_migrated: RunningMandate, tmp_path: Path) -> Iterator[Callable[..., RunningMandate]]:
    """Call it for a Mandate with a data folder and a database of its own, migrated and not yet started.

    For tests that kill, move or fill one: ``mandate = new_mandate(); mandate.start()``. Each is stopped at the end.
    """
    made: list[RunningMandate] = []
    numbers = itertools.count()

    def make(**changes: object) -> RunningMandate:
        folder = tmp_path / f"mandate-{next(numbers)}"
        shutil.copytree(_migrated.data_dir, folder, ignore=shutil.ignore_patterns("*.lock"))
        mandate = RunningMandate(folder, **changes)
        if run.engine() == "postgresql":
            mandate.database_url = _empty_database(f"{folder.parent.name}_{folder.name}_{run.worker()}", like=_migrated)
            mandate.redis_url = os.environ["REDIS_URL"]
        made.append(mandate)
        return mandate

    yield make
    for mandate in made:
        mandate.stop()


def _on_the_database_of_the_tests(data_dir: Path) -> RunningMandate:
    from django.db import connection

    name = connection.settings_dict["NAME"]
    return RunningMandate(
        data_dir,
        database_url=f"sqlite:///{name}" if connection.vendor == "sqlite" else _database_url(str(name)),
        redis_url=os.environ.get("REDIS_URL", ""),
    )


def _database_url(name: str) -> str:
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    return f"{server}/{name}"


def _empty_database(name: str, *, like: RunningMandate | None = None) -> str:
    import psycopg

    template = like.database_url.rpartition("/")[2] if like else None
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
    return _database_url(name)
