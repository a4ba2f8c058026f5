"""F2 and the first half of F20: web workers that are killed, or told to stop, lose nothing that somebody received."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from threading import Event as Signal

import psutil
import pytest
import requests

from agents.models import Event
from consent.models import AccessToken
from consent.models.token import digest_of
from tests.services.processes import until

pytestmark = [pytest.mark.faults, pytest.mark.engine, pytest.mark.django_db(transaction=True)]


class Load:
    """Four clients that ask for tokens until they are told to stop. ``received``: what reached them whole."""

    def __init__(self, mandate, client):
        self.url, self.auth = f"{mandate.url}/oauth/token", (client.client.client_id, client.key)
        self.stopped = Signal()
        self.received: list[str] = []
        self.faults: list[object] = []
        self.lost = 0

    def _one(self, _number):
        session = requests.Session()
        while not self.stopped.is_set():
            try:
                answer = session.post(self.url, data={"grant_type": "client_credentials"}, auth=self.auth, timeout=20)
                if answer.status_code == 200:
                    self.received.append(answer.json()["access_token"])
                elif answer.status_code != 503:
                    self.faults.append((answer.status_code, answer.text[:200]))
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                self.lost += 1
                session = requests.Session()
                self.stopped.wait(0.02)

    def __enter__(self):
        self.pool = ThreadPoolExecutor(4)
        for number in range(4):
            self.pool.submit(self._one, number)
        return self

    def __exit__(self, *_exception):
        self.stopped.set()
        self.pool.shutdown()

    def reaches(self, count):
        until(lambda: len(self.received) >= count, within=60, because=lambda: str(self.faults[:3]))


def every_token_received_is_there_with_its_event(load):
    assert not load.faults, load.faults[:3]
    rows = dict(AccessToken.objects.values_list("token_checksum", "pk"))
    missing = [token for token in load.received if digest_of(token) not in rows]
    assert not missing
    told = set(Event.objects.filter(kind="token.issued").values_list("token_id", flat=True))
    assert told == set(rows.values())  # no row without its event, and no event without its row


def reached(mandate, load, count):
    """Whether so many tokens came through. The server gives up on workers that die at once; a supervisor starts it anew."""
    if mandate.web.poll() is not None:
        mandate.start()
    return len(load.received) >= count


def test_f02_workers_killed_ten_times_under_load(running_mandate, claims, clinic_allows):
    with Load(running_mandate, claims) as load:
        for _ in range(10):
            until(partial(reached, running_mandate, load, len(load.received) + 60), within=60)
            for worker in psutil.Process(running_mandate.web.pid).children():
                with suppress(psutil.NoSuchProcess):
                    worker.kill()
        until(partial(reached, running_mandate, load, len(load.received) + 60), within=60)
    every_token_received_is_there_with_its_event(load)
    assert claims.act_alone().status_code == 200


def test_f20_sigterm_under_load_finishes_what_runs_and_takes_no_more(running_mandate, claims, clinic_allows):
    with Load(running_mandate, claims) as load:
        load.reaches(100)
        running_mandate.web.send_signal(signal.SIGTERM)
        assert running_mandate.web.wait(timeout=20) == 0
        load.stopped.set()
    every_token_received_is_there_with_its_event(load)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{running_mandate.url}/healthz", timeout=5)
    running_mandate.start()
    assert requests.get(f"{running_mandate.url}/healthz", timeout=10).status_code == 200
