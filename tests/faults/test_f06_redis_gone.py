"""F6 and F7: Redis killed, stopped or emptied. Whatever is asked is answered, limits stay limits, and used stays used.

A Redis of its own, which only these tests end.
"""

from __future__ import annotations

import os
import re
import signal
import time

import pytest
import redis
import requests

from tests import builders
from tests.services.mandate import RunningMandate
from tests.services.redis import Redis
from tests.services.run import free_port
from tests.services.seeded import seeded

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
ADDS_AT_MOST = 2
"""Seconds that the fault may add to what an answer takes anyway (security.md, F6): hashing a password is slow on purpose."""
MOST_TRIES = 5
"""Wrong passwords of one account from one address within five minutes (console/accounts/guessing.py)."""
CALLBACK = "https://app.st-anna.example/callback"


@pytest.fixture
def redis_server(tmp_path):
    server = Redis(tmp_path / "redis", free_port()).start()
    yield server
    if server.process is not None and server.process.poll() is None:
        os.kill(server.pid, signal.SIGCONT)
    server.stop()


@pytest.fixture
def mandate(redis_server, tmp_path):
    running = RunningMandate(tmp_path / "mandate", redis_url=redis_server.url())
    running.data_dir.mkdir(mode=0o700)
    running.manage("migrate", "--verbosity=0")
    running.manage("createcachetable")
    yield running
    running.stop()


@pytest.fixture
def facts(mandate):
    """What requests need; the server answers by then."""
    made = seeded(mandate, codes=2)
    mandate.start()
    return made


def within(ask, *args, usual=0.0, **kwargs):
    """The answer, which came in time. usual: how long it takes while nothing is wrong."""
    began = time.monotonic()
    answer = ask(*args, timeout=20, **kwargs)
    took = time.monotonic() - began
    assert took < usual + ADDS_AT_MOST, (args, took, usual)
    return answer


def token(mandate, facts):
    form = {"grant_type": "client_credentials", "resource": facts["asking"]}
    return within(
        requests.post, f"{mandate.url}/oauth/token", data=form, headers={"Authorization": facts["autonomous"]}
    )


def introspected(mandate, facts, value):
    headers = {"Authorization": facts["resource"]}
    return within(requests.post, f"{mandate.url}/oauth/introspect", data={"token": value}, headers=headers).json()


def redeemed(mandate, facts, code):
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": facts["verifier"],
        "redirect_uri": CALLBACK,
    }
    return within(requests.post, f"{mandate.url}/oauth/token", data=form, headers={"Authorization": facts["assistant"]})


def posted(mandate, session, path, usual=0.0, **fields):
    """Send a form of a page, with the key that stands in it."""
    page = within(session.get, f"{mandate.url}{path}")
    key = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert key is not None, page.status_code
    form = {"csrfmiddlewaretoken": key[1], **fields}
    return within(session.post, f"{mandate.url}{path}", usual=usual, data=form, headers={"Referer": mandate.url})


def signed_in(mandate, facts, who="person"):
    session = requests.Session()
    name, _, value = facts[who].partition("=")
    session.cookies.set(name, value)
    return session


def tries(mandate, session, password, *, usual=20.0):
    address = "ada.bench@st-anna.example"
    return posted(mandate, session, "/account/login/", usual=usual, login=address, password=password)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_f06_without_redis_everything_is_answered_in_time(redis_server, mandate, facts, how):
    before = token(mandate, facts).json()["access_token"]
    began = time.monotonic()
    assert tries(mandate, requests.Session(), builders.PASSWORD).status_code == 200
    usual = time.monotonic() - began
    os.kill(redis_server.pid, how)
    for _ in range(3):
        assert token(mandate, facts).status_code == 200
        assert introspected(mandate, facts, before)["active"] is True
    weber = signed_in(mandate, facts)
    assert "Assistant" in within(weber.get, f"{mandate.url}/my-agents/").text
    revoked = posted(mandate, weber, f"/consents/{facts['wide'][0]}/revoke/", reason="Not now.")
    assert revoked.status_code == 200
    assert "Revoked" in revoked.text or "revoked" in revoked.text
    stranger = requests.Session()
    answer = tries(mandate, stranger, builders.PASSWORD, usual=usual)
    assert answer.url.rstrip("/") != f"{mandate.url}/account/login", "the right password signs in"


def test_f06_a_limit_stays_a_limit_without_redis(redis_server, mandate, facts):
    os.kill(redis_server.pid, signal.SIGKILL)
    stranger = requests.Session()
    answers = [tries(mandate, stranger, f"a wrong password {number}") for number in range(MOST_TRIES + 1)]
    assert [answer.status_code for answer in answers[:MOST_TRIES]] == [200] * MOST_TRIES
    assert answers[-1].status_code == 429 or "Too many" in answers[-1].text
    held_up = tries(mandate, stranger, builders.PASSWORD)
    assert held_up.status_code == 429 or "/account/login/" in held_up.url, "the right one is held up too"


def test_f07_what_was_used_stays_used_when_redis_is_emptied(redis_server, mandate, facts):
    first = redeemed(mandate, facts, facts["codes"][0])
    assert first.status_code == 200
    with redis.Redis(port=redis_server.port) as client:
        client.flushall()
    again = redeemed(mandate, facts, facts["codes"][0])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert introspected(mandate, facts, first.json()["access_token"]) == {"active": False}
    weber = signed_in(mandate, facts)
    assert within(weber.get, f"{mandate.url}/my-agents/").url.endswith("/my-agents/"), "sessions do not stand in it"
    assert redeemed(mandate, facts, facts["codes"][1]).status_code == 200
