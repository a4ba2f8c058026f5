"""A consent is narrowed while its tokens are used as fast as they can be: the very next use is refused, and that is measured.

Real HTTP over two web processes. Several threads introspect and refresh without a pause; somebody narrows in the middle. What counts
is when a use began: one that began after the narrowing had returned must find nothing of what was taken away.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import pytest
import requests
from django.utils import timezone

from agents.trail.kinds import Kind
from consent import mandate
from consent.clock import clock_of_consent
from consent.models import Consent
from tests import builders, grants

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.engine]
INTROSPECTING, REFRESHING, USES_EACH = 4, 2, 25
TAKEN = "records:read"
WITHIN = 30.0
"""Seconds in which the first use after the click is answered, on the busiest machine. Usually it is some milliseconds; the report says how many."""


@dataclass(frozen=True)
class Use:
    """One use of a token: when it began and was answered, and the scopes that it was worth (none: refused)."""

    began: float
    ended: float
    scopes: frozenset[str]


@dataclass
class Load:
    """Threads that use a token again and again: ``USES_EACH`` times before the change, and as often after it."""

    uses: dict[str, list[Use]] = field(default_factory=dict)
    changed: threading.Event = field(default_factory=threading.Event)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(INTROSPECTING + REFRESHING))
    running: list[Future[None]] = field(default_factory=list)
    busy: list[threading.Event] = field(default_factory=list)

    def start(self, name: str, use: Callable[[requests.Session], frozenset[str]]) -> None:
        busy = threading.Event()
        self.busy.append(busy)
        self.running.append(self.pool.submit(self._run, name, use, busy))

    def _run(self, name: str, use: Callable[[requests.Session], frozenset[str]], busy: threading.Event) -> None:
        seen = self.uses.setdefault(name, [])
        after = 0
        try:
            with requests.Session() as session:
                while after < USES_EACH:
                    # Looked at before the use begins, so that what counts as after it really is.
                    after += self.changed.is_set()
                    began = monotonic()
                    scopes = use(session)
                    seen.append(Use(began, monotonic(), scopes))
                    if len(seen) >= USES_EACH:
                        busy.set()
        finally:
            busy.set()

    def until_everybody_is_busy(self) -> None:
        for busy in self.busy:
            assert busy.wait(timeout=60)

    def finish(self) -> None:
        self.changed.set()
        for thread in self.running:
            thread.result(timeout=60)


class Caller:
    """The endpoints of the running server, for a client or a resource."""

    def __init__(self, url: str, auth: tuple[str, str]) -> None:
        self.url, self.auth = url, auth

    def introspects(self, token: str) -> Callable[[requests.Session], frozenset[str]]:
        def use(session: requests.Session) -> frozenset[str]:
            answer = session.post(f"{self.url}/oauth/introspect", data={"token": token}, auth=self.auth, timeout=30)
            assert answer.status_code == 200, answer.text
            body = answer.json()
            return frozenset(body["scope"].split()) if body["active"] else frozenset()

        return use

    def refreshes(self, token: str) -> Callable[[requests.Session], frozenset[str]]:
        live = [token]

        def use(session: requests.Session) -> frozenset[str]:
            form = {"grant_type": "refresh_token", "refresh_token": live[0]}
            answer = session.post(f"{self.url}/oauth/token", data=form, auth=self.auth, timeout=30)
            body = answer.json()
            if answer.status_code != 200:
                assert body["error"] in {"invalid_scope", "invalid_grant"}, body
                return frozenset()
            live[0] = body["refresh_token"]
            return frozenset(body["scope"].split())

        return use


def pairs(consent: Consent, discharge: Any, count: int) -> list[dict[str, Any]]:
    found = []
    for _ in range(count):
        pkce = grants.Pkce()
        found.append(discharge.redeem(grants.code(consent, pkce), pkce).json())
    return found


@pytest.fixture
def load(running_mandate, discharge, records_api, weber, read_records, see_appointments, request):
    """Weber's consent, and everybody who uses it. Narrowing is done with what the test says it keeps."""
    given = grants.consent(discharge.client, scopes=[read_records, see_appointments], user=weber)
    load = Load()
    resource = Caller(running_mandate.url, (records_api.resource.identifier, records_api.key))
    client = Caller(running_mandate.url, (discharge.client.client_id, discharge.key))
    wide, *others = pairs(given, discharge, 1 + REFRESHING)
    only = discharge.refresh(others[0]["refresh_token"], scope=TAKEN).json()
    others[0]["refresh_token"] = only["refresh_token"]
    for number in range(INTROSPECTING):
        token = only if number % 2 else wide
        kind = "holds nothing else" if number % 2 else "holds more"
        load.start(f"introspects {number}, {kind}", resource.introspects(token["access_token"]))
    for number, pair in enumerate(others):
        load.start(f"refreshes {number}", client.refreshes(pair["refresh_token"]))
    return given, load


def measured(load: Load, change: Callable[[], Any]) -> tuple[float, float]:
    """Make the change in the middle of the load. Returns when it began and when it had returned."""
    load.until_everybody_is_busy()
    began = monotonic()
    change()
    done = monotonic()
    load.finish()
    return began, done


def check(load: Load, began: float, done: float, taken: frozenset[str], record_property: Any) -> None:
    for name, uses in load.uses.items():
        before = [use for use in uses if use.ended <= began]
        after = [use for use in uses if use.began >= done]
        assert len(before) >= USES_EACH - 1, name
        assert len(after) >= USES_EACH, name
        assert all(use.scopes for use in before), f"{name}: it was refused before anybody took anything away"
        wrong = [round(use.began - done, 4) for use in after if use.scopes & taken]
        assert not wrong, f"{name}: worth what was taken away, {wrong} s after it was"
    first = min((use for uses in load.uses.values() for use in uses if use.began >= done), key=lambda use: use.began)
    seconds = first.ended - done
    record_property("seconds_from_the_change_to_the_first_refused_answer", round(seconds, 4))
    assert seconds < WITHIN


def test_the_very_next_use_after_narrowing_is_worth_less(load, weber, see_appointments, record_property):
    given, everybody = load
    began, done = measured(everybody, lambda: grants.keeps(given, see_appointments, by=weber))
    check(everybody, began, done, frozenset({TAKEN}), record_property)
    for name, uses in everybody.uses.items():
        rest = frozenset() if "nothing else" in name else {"calendar:read"}
        assert uses[-1].scopes == rest, name
    (event,) = builders.events(Kind.REVOCATION_OBSERVED)
    assert event.detail["change"] == "consent.narrowed"
    assert 0 <= event.detail["seconds"] < WITHIN
    clock = clock_of_consent(given, timezone.now())
    assert clock is not None
    assert clock.refused == event
    assert clock.settled


def test_the_very_next_use_after_revoking_is_refused(load, weber, record_property):
    given, everybody = load
    by = builders.actor(weber)
    began, done = measured(everybody, lambda: mandate.revoke(given.pk, reason="Stop.", by=by, now=timezone.now()))
    check(everybody, began, done, frozenset({TAKEN, "calendar:read"}), record_property)
    (event,) = builders.events(Kind.REVOCATION_OBSERVED)
    assert event.detail["seconds"] < WITHIN
