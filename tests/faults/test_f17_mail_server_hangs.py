"""F17: a mail server that takes the connection and says nothing. No page waits for it, and the mail is kept.

One that refuses, or rejects one address, is told in ``tests/agents/test_mail.py``.
"""

from __future__ import annotations

import socket
import time

import pytest
import requests

from tests.clients.person import Page
from tests.console.test_backup import sql
from tests.services.processes import until
from tests.services.seeded import seeded

pytestmark = [pytest.mark.faults, pytest.mark.engine, pytest.mark.timeout(180)]
ADDRESS = "ada.bench@st-anna.example"
WOULD_WAIT = 10
"""Seconds that a sender gives the server (``EMAIL_TIMEOUT``)."""


@pytest.fixture
def silent():
    """Listens, takes connections, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)
        yield listening


@pytest.fixture
def mandate(silent, new_mandate):
    """A Mandate that mails through it, with a worker."""
    running = new_mandate(settings={"EMAIL_URL": f"smtp://127.0.0.1:{silent.getsockname()[1]}"})
    seeded(running, codes=0)
    running.start_worker()
    return running.start()


def asks_for_a_new_password(mandate) -> float:
    """Returns how many seconds the answer took."""
    browser = requests.Session()
    page = browser.get(f"{mandate.url}/account/password/reset/", timeout=30)
    began = time.monotonic()
    answer = browser.post(
        f"{mandate.url}/account/password/reset/",
        data={**Page(page).fields(), "email": ADDRESS},
        headers={"Origin": mandate.url},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text[:500]
    return time.monotonic() - began


def waiting(mandate) -> list[int]:
    """How often each mail that waits was tried."""
    return [tries for (tries,) in sql(mandate, "SELECT tries FROM agents_outgoingmail ORDER BY created_at")]


def test_f17_a_mail_server_that_hangs_holds_up_no_page_and_loses_no_mail(mandate, silent):
    assert asks_for_a_new_password(mandate) < WOULD_WAIT
    connection, _ = silent.accept()
    with connection:
        assert asks_for_a_new_password(mandate) < WOULD_WAIT, "while the worker waits for the first"
        until(lambda: len(waiting(mandate)) == 2)
        until(lambda: "mail_not_sent" in mandate.log(), within=30, because=mandate.log)
    assert waiting(mandate)[0] == 1
    said = mandate.log()
    assert ADDRESS not in said
    assert "/password/reset/key/" not in said
