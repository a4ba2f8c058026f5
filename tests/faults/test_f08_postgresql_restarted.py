"""F8: PostgreSQL crashes and comes back under load: 503 meanwhile, good again by itself, and every token received is there.

A server of its own that really writes to the disk, whichever engine the run is about.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event as Signal

import psycopg
import pytest
import requests

from consent.models.token import digest_of
from tests.services.processes import until
from tests.services.seeded import seeded

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]
CLIENTS = 4
GOOD_AGAIN_WITHIN = 5


class Load:
    """Clients that ask for tokens until they are told to stop, and note each answer with its time."""

    def __init__(self, mandate, authorization, resource):
        self.url, self.form = f"{mandate.url}/oauth/token", {"grant_type": "client_credentials", "resource": resource}
        self.headers = {"Authorization": authorization}
        self.stopped = Signal()
        self.answers: list[tuple[float, requests.Response]] = []

    def one(self, _number):
        session = requests.Session()
        while not self.stopped.is_set():
            answer = session.post(self.url, data=self.form, headers=self.headers, timeout=20)
            self.answers.append((time.monotonic(), answer))
            if answer.status_code != 200:
                self.stopped.wait(0.02)

    def tokens(self):
        return [answer.json()["access_token"] for _, answer in self.answers if answer.status_code == 200]


def test_f08_a_crash_under_load_is_503_and_heals_and_loses_nothing(postgresql, mandate):
    facts = seeded(mandate, codes=0)
    mandate.start()
    load = Load(mandate, facts["autonomous"], facts["asking"])
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(load.one, number) for number in range(CLIENTS)]
        try:
            for _ in range(3):
                before = len(load.tokens())
                until(lambda before=before: len(load.tokens()) >= before + 40, within=30)
                postgresql.stop(by=signal.SIGQUIT)
                until(lambda: load.answers[-1][1].status_code != 200, within=10)
                postgresql.start()
                back = time.monotonic()
                until(lambda back=back: _good_since(load, back), within=GOOD_AGAIN_WITHIN)
        finally:
            load.stopped.set()
        for client in clients:
            client.result()  # no client met anything but an answer
    refused = [answer for _, answer in load.answers if answer.status_code != 200]
    assert {answer.status_code for answer in refused} == {503}, Counter(answer.status_code for answer in refused)
    assert all(answer.headers["Retry-After"] for answer in refused)
    assert all(answer.json()["error"] == "server_error" for answer in refused)
    assert not [answer for answer in refused if "Traceback" in answer.text or "psycopg" in answer.text]
    with psycopg.connect(postgresql.url()) as connection:
        there = {row[0] for row in connection.execute("SELECT token_checksum FROM consent_accesstoken")}
        rows = connection.execute(
            "SELECT count(*) FROM consent_accesstoken t FULL JOIN agents_event e"
            " ON e.token_id = t.id AND e.kind = 'token.issued'"
            " WHERE (t.id IS NULL AND e.kind = 'token.issued') OR e.id IS NULL"
        ).fetchone()
    missing = [token for token in load.tokens() if digest_of(token) not in there]
    assert not missing
    assert rows == (0,)


def _good_since(load, back):
    """Whether each client has had a token after this moment, as far as their answers tell."""
    recent = [answer.status_code for at, answer in load.answers if at > back]
    return recent[-CLIENTS:] == [200] * CLIENTS
