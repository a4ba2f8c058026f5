"""F9: PostgreSQL stops answering without going away: each request ends with 503 within seconds, and all is good again by itself.

Its processes are stopped, not ended: the machine still acknowledges, so no time-out of the network helps.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import psycopg
import pytest
import requests

from tests.services.processes import until
from tests.services.seeded import seeded

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]
WITHIN = 15
"""Seconds: a deadline of six, and what a busy machine adds. A new connection is tried for three."""
AT_ONCE = 12
"""More than there are threads: whoever waits behind one that waits must not wait twice as long again and again."""


@contextmanager
def hanging(server) -> Iterator[None]:
    """The server and all that serve its connections stand still."""
    postmaster = psutil.Process(server.pid)
    processes = [postmaster, *postmaster.children()]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def test_f09_a_database_that_hangs_is_503_within_seconds_and_heals(postgresql, mandate):
    facts = seeded(mandate, codes=0)
    mandate.start()
    form = {"grant_type": "client_credentials", "resource": facts["asking"]}

    def ask(_number=0):
        began = time.monotonic()
        headers = {"Authorization": facts["autonomous"]}
        answer = requests.post(f"{mandate.url}/oauth/token", data=form, headers=headers, timeout=60)
        return answer, time.monotonic() - began

    good = [ask()[0] for _ in range(8)]
    assert {answer.status_code for answer in good} == {200}
    with hanging(postgresql), ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in range(2):  # connections that were open, and new ones
            told = list(pool.map(ask, range(AT_ONCE)))
            assert {answer.status_code for answer, _ in told} == {503}
            assert all(answer.json()["error"] == "server_error" for answer, _ in told)
            assert all(answer.headers["Retry-After"] for answer, _ in told)
            assert max(took for _, took in told) < 2 * WITHIN
        began = time.monotonic()
        ready = requests.get(f"{mandate.url}/readyz", timeout=60)
        assert (ready.status_code, ready.json()["database"]) == (503, "failing")
        assert requests.get(f"{mandate.url}/healthz", timeout=60).status_code == 200
        page = requests.get(f"{mandate.url}/account/login/", timeout=60)
        assert page.status_code in {200, 503}  # it asks the database for nothing, or for who it is
        assert "Traceback" not in page.text
        assert "psycopg" not in page.text
        assert time.monotonic() - began < 4 * WITHIN
    until(lambda: ask()[0].status_code == 200, within=10)
    good += [ask()[0] for _ in range(8)]
    assert {answer.status_code for answer in good} == {200}
    with psycopg.connect(postgresql.url()) as connection:
        rows = connection.execute(
            "SELECT count(*) FROM consent_accesstoken t FULL JOIN agents_event e"
            " ON e.token_id = t.id AND e.kind = 'token.issued'"
            " WHERE (t.id IS NULL AND e.kind = 'token.issued') OR e.id IS NULL"
        ).fetchone()
    assert rows == (0,)
