"""S35: no sequence of what people and clients may do yields a token worth more than its consent, or one that lives again.

A machine of hypothesis keeps its own small book of who allowed what until when, and after each step holds what Mandate
says of every token ever issued against it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from agents import lifecycle, resources
from agents.actors import Actor
from agents.models import DataClass, Scope
from agents.scopes import drift_of_facts
from consent import mandate
from tests import builders, grants
from tests.grants import Pkce, ResourceServer, TokenClient

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
NAMES = ["a:read", "b:read", "c:write"]
MORE = {
    "writes": {"access": "write"},
    "reads": {"access": "read"},
    "health": {"data_class": DataClass.HEALTH},
    "personal": {"data_class": DataClass.PERSONAL},
    "nothing": {"data_class": DataClass.NONE},
    "sensitive": {"marked_sensitive": True},
    "not marked": {"marked_sensitive": False},
}
"""What an administrator may make of a permission, by name."""
some_scopes = st.sets(st.sampled_from(NAMES), min_size=1)


class Book:
    """What this test knows of one consent, without asking Mandate: scopes held, end, and whether somebody ended it."""

    def __init__(self, consent: Any, held: set[str], ends_at: datetime) -> None:
        self.consent, self.held, self.ends_at, self.over = consent, set(held), ends_at, False
        self.paused = False


class Token:
    def __init__(self, value: str, book: Book, granted: set[str], ends_at: datetime) -> None:
        self.value, self.book, self.granted, self.ends_at = value, book, granted, ends_at
        self.dead = False


class Ceiling(RuleBasedStateMachine):
    """Approve, narrow, shorten, supersede, revoke, pause, agree, suspend, resume, wait; redeem, refresh, replay, give back."""

    codes = Bundle("codes")
    pairs = Bundle("pairs")
    used = Bundle("used")

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.atomic()
        self.savepoint._from_testcase = True  # type: ignore[attr-defined]  # as Django's own tests do: penalties commit in an outermost block
        self.savepoint.__enter__()
        self.clock = timezone.now().replace(microsecond=0)
        self.travel = time_machine.travel(self.clock, tick=False)
        self.frozen = self.travel.start()
        self.books: list[Book] = []
        self.tokens: list[Token] = []
        self.active = True
        self.edits = 0
        builders.organisation()
        self.mara = builders.person("Mara", "administrator")
        self.ada, self.weber = builders.person("Ada", "owner"), builders.person("Weber", "user")
        self.records = builders.resource("Records", "https://records.example")
        self.scopes = {name: builders.scope(self.records, name, name, data_class=DataClass.PERSONAL) for name in NAMES}
        self.agent = builders.agent("Agent", owner=self.ada, scopes=self.scopes.values())
        client = builders.client(self.agent)
        self.client = TokenClient(client, builders.key(client).key)
        self.api = ResourceServer(self.records, builders.key(self.records).key)

    def teardown(self) -> None:
        self.travel.stop()
        transaction.set_rollback(True)
        self.savepoint.__exit__(None, None, None)

    def live(self) -> list[Book]:
        """What can still be changed: a paused one too."""
        return [book for book in self.books if not book.over and self.clock < book.ends_at]

    def pause(self, name: str) -> None:
        """Note that all who hold this agreed to something else."""
        for book in self.live():
            book.paused = book.paused or name in book.held

    # ------------------------------------------------------------------------------------------------ people

    @rule(target=codes, wanted=some_scopes, minutes=st.integers(1, 120), purpose=st.sampled_from(["one", "two"]))
    def approve(self, wanted, minutes, purpose):
        return self.approve_as(wanted, minutes, purpose) if self.active else multiple()

    def approve_as(self, wanted, minutes, purpose):
        given = grants.consent(
            self.client.client,
            scopes=[self.scopes[name] for name in wanted],
            user=self.weber,
            purpose=purpose,
            life=timedelta(minutes=minutes),
            now=self.clock,
        )
        for book in self.books:
            if book.consent.purpose == purpose:
                book.over = True
        book = Book(given, wanted, given.ends_at)
        self.books.append(book)
        pkce = Pkce()
        return (grants.code(given, pkce, now=self.clock), pkce, book)

    @rule(data=st.data())
    def narrow(self, data):
        wide = [book for book in self.live() if len(book.held) > 1]
        if wide:
            book = data.draw(st.sampled_from(wide))
            gone = data.draw(st.sampled_from(sorted(book.held)))
            book.held.discard(gone)
            keep = frozenset(self.scopes[name] for name in book.held)
            mandate.narrow(book.consent.pk, keep=keep, reason="Less.", by=Actor.person(self.weber), now=self.clock)

    @rule(data=st.data(), seconds=st.integers(1, 600))
    def shorten(self, data, seconds):
        longer = [book for book in self.live() if book.ends_at > self.clock + timedelta(seconds=seconds)]
        if longer:
            book = data.draw(st.sampled_from(longer))
            book.ends_at = self.clock + timedelta(seconds=seconds)
            mandate.shorten(
                book.consent.pk, ends_at=book.ends_at, reason="Less.", by=Actor.person(self.weber), now=self.clock
            )

    @rule(data=st.data())
    def revoke(self, data):
        if self.live():
            book = data.draw(st.sampled_from(self.live()))
            book.over = True
            mandate.revoke(book.consent.pk, reason="Stop.", by=Actor.person(self.weber), now=self.clock)

    @rule(name=st.sampled_from(NAMES), typo=st.booleans())
    def reword(self, name, typo):
        self.edits += 1
        resources.reword_scope(
            self.scopes[name],
            title=f"{name} {self.edits}",
            detail="",
            same_meaning="A typo." if typo else "",
            by=Actor.person(self.mara),
            now=self.clock,
        )
        if not typo:
            self.pause(name)

    @rule(name=st.sampled_from(NAMES), facts=st.sampled_from(sorted(MORE)))
    def reclassify(self, name, facts):
        scope = Scope.objects.get(pk=self.scopes[name].pk)
        change = MORE[facts]
        more = bool(drift_of_facts(scope, change))
        resources.change_scope(scope, by=Actor.person(self.mara), now=self.clock, **change)
        self.scopes[name] = Scope.objects.get(pk=scope.pk)
        if more:
            self.pause(name)

    @rule(target=codes, data=st.data(), minutes=st.integers(1, 60))
    def agree(self, data, minutes):
        """Somebody looks at the difference and agrees to some of what it held: a new consent in the old one's place."""
        paused = [book for book in self.live() if book.paused]
        if not paused or not self.active:
            return multiple()
        book = data.draw(st.sampled_from(paused))
        wanted = set(data.draw(st.lists(st.sampled_from(sorted(book.held)), min_size=1, unique=True)))
        return self.approve_as(wanted, minutes, book.consent.purpose)

    @rule()
    def suspend_or_resume(self):
        move = lifecycle.suspend if self.active else lifecycle.resume
        move(self.agent, reason="A look.", by=Actor.person(self.mara), now=self.clock)
        self.active = not self.active

    @rule(seconds=st.sampled_from([1, 9, 11, 59, 61, 299, 301, 3601]))
    def wait(self, seconds):
        self.clock += timedelta(seconds=seconds)
        self.frozen.move_to(self.clock)

    @rule()
    def sweep(self):
        mandate.end_expired(now=self.clock)

    # ----------------------------------------------------------------------------------------------- clients

    def keep(self, answer, book, most):
        """Note what came of a request, and hold it against the book at once."""
        body = answer.json()
        if answer.status_code != 200:
            assert answer.status_code in {400, 401}, answer.content
            return None
        assert self.active
        assert not book.over
        assert not book.paused
        assert self.clock < book.ends_at
        granted = set(body["scope"].split())
        assert granted
        assert granted <= most & book.held
        ends_at = self.clock + timedelta(seconds=body["expires_in"])
        assert ends_at <= book.ends_at
        self.tokens.append(Token(body["access_token"], book, granted, ends_at))
        return body.get("refresh_token")

    @rule(target=pairs, code=codes)
    def redeem(self, code):
        value, pkce, book = code
        refresh = self.keep(self.client.redeem(value, pkce), book, set(NAMES))
        return (refresh, book) if refresh else multiple()

    @rule(target=pairs, pair=consumes(pairs), wanted=st.one_of(st.none(), some_scopes))
    def refresh(self, pair, wanted):
        value, book = pair
        form = {"scope": " ".join(sorted(wanted))} if wanted else {}
        fresh = self.keep(self.client.refresh(value, **form), book, wanted or set(NAMES))
        return (fresh, book) if fresh else multiple()

    @rule(pair=pairs)
    def replay(self, pair):
        value, book = pair
        for _ in range(3):
            self.keep(self.client.refresh(value), book, set(NAMES))

    @rule(pair=pairs)
    def give_back(self, pair):
        assert self.client.revoke(pair[0]).status_code == 200

    # -------------------------------------------------------------------------------------------- what holds

    @invariant()
    def nothing_is_worth_more_or_lives_again(self):
        for token in self.tokens[-8:]:
            seen = self.api.introspects(token.value)
            if not seen["active"]:
                # Suspending is the one thing that can be taken back. Everything else is for good.
                token.dead = token.dead or self.active
                continue
            assert not token.dead, "it was dead and lives again"
            assert self.active
            assert not token.book.over
            assert not token.book.paused
            assert self.clock < min(token.ends_at, token.book.ends_at)
            assert set(seen["scope"].split()) <= token.granted & token.book.held
            assert seen["exp"] <= token.ends_at.timestamp()


def test_s35_no_sequence_yields_more_than_its_consent():
    run_state_machine_as_test(
        Ceiling,
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
