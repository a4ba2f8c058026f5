"""S35: no sequence of what people and clients may do yields a token worth more than its consent, or one that lives again.

A machine of hypothesis keeps its own small book of who allowed what until when, and after each step holds what Mandate
says of the tokens issued against it. Both ways, so that refusing everything would fail as well: a token that nothing has
touched is worth exactly what it was issued with and its consent still holds.
"""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from agents import agent_scopes, clients, lifecycle, resources
from agents.actors import Actor
from agents.models import DataClass, Scope
from agents.scopes import drift_of_facts
from consent import decision, lapsed, limiting, mandate
from consent.codes import CODE_LIFE
from consent.conditions import EVERY_DAY, Conditions, Hours
from consent.passing_on import limiting_passing
from consent.passing_on.passing import NOTHING
from tests import builders, grants
from tests.exchanging import asks_to_pass, passes, taker
from tests.grants import REDIRECT, Pkce, ResourceServer, TokenClient

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
    """What this test knows of one consent, without asking Mandate: scopes held, end, limits, and whether somebody ended it.

    left: how many tokens may still be issued. open: from and until, in minutes of the day.
    """

    def __init__(self, consent: Any, held: set[str], ends_at: datetime) -> None:
        self.consent, self.held, self.ends_at, self.over = consent, set(held), ends_at, False
        self.paused, self.tokens = False, 0
        self.passes = bool(consent.passes)
        self.left: int | None = 1 if consent.once else None
        self.open: tuple[int, int] | None = None

    def counts(self, now: datetime) -> bool:
        return not self.over and not self.paused and now < self.ends_at and self.is_open(now)

    def is_open(self, now: datetime) -> bool:
        """Whether the clock, which is that of UTC here, is within its times of day."""
        if self.open is None:
            return True
        minute, (start, end) = now.hour * 60 + now.minute, self.open
        return start <= minute < end if start < end else minute >= start or minute < end


class Code:
    """A code and all that comes of it: one family. spoiled: something was used twice or given back, so it may be over."""

    def __init__(self, value: str, pkce: Pkce, book: Book, good_until: datetime) -> None:
        self.value, self.pkce, self.book, self.good_until = value, pkce, book, good_until
        self.used = self.spoiled = False


class Token:
    def __init__(self, value: str, code: Code, granted: set[str], ends_at: datetime) -> None:
        self.value, self.code, self.book, self.granted, self.ends_at = value, code, code.book, granted, ends_at
        self.dead, self.passed = False, False


class Ceiling(RuleBasedStateMachine):
    """Approve (also for once), narrow, shorten, limit, supersede, revoke, pause for each kind of drift, agree, suspend, resume, wait;
    redeem, refresh, exchange, replay, give back.

    Few rules, each of several kinds: hypothesis chooses among rules alike, and what clients do must not be rare among them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.atomic()
        self.savepoint._from_testcase = True  # as Django's own tests do: penalties commit in an outermost block
        self.savepoint.__enter__()
        self.clock = timezone.now().replace(microsecond=0)
        self.travel = time_machine.travel(self.clock, tick=False)
        self.frozen = self.travel.start()
        self.books: list[Book] = []
        self.codes: list[Code] = []
        self.pairs: list[tuple[str, Code]] = []
        self.tokens: list[Token] = []
        self.active = True
        self.edits, self.hosts = 0, itertools.cycle(["https://else.example/callback", REDIRECT])
        self.seen: Counter[str] = Counter()
        builders.organisation()
        self.mara = builders.person("Mara", "administrator")
        self.ada, self.weber = builders.person("Ada", "owner"), builders.person("Weber", "user")
        self.records = builders.resource("Records", "https://records.example")
        self.scopes = {name: builders.scope(self.records, name, name, data_class=DataClass.PERSONAL) for name in NAMES}
        self.agent = builders.agent("Agent", owner=self.ada, scopes=self.scopes.values())
        client = builders.client(self.agent)
        self.client = TokenClient(client, builders.key(client).key)
        other = builders.agent("Other", owner=self.ada, scopes=self.scopes.values())
        asks_to_pass(self.agent, other)
        self.taker = taker(other)
        self.api = ResourceServer(self.records, builders.key(self.records).key)

    def teardown(self) -> None:
        self.travel.stop()
        transaction.set_rollback(True)
        self.savepoint.__exit__(None, None, None)

    def live(self) -> list[Book]:
        """What can still be changed: a paused one too."""
        return [book for book in self.books if not book.over and self.clock < book.ends_at]

    def paused(self) -> list[Book]:
        return [book for book in self.live() if book.paused]

    def pause(self, name: str) -> None:
        """Note that all who hold this agreed to something else."""
        for book in self.live():
            book.paused = book.paused or name in book.held

    # ------------------------------------------------------------------------------------------------ people

    @initialize(narrowed=st.booleans())
    def begin(self, narrowed):
        """Nobody can use anything before somebody has allowed something."""
        self.approve(set(NAMES), 60, "one", once=False, redeemed=True, passes_on=True)
        self.hand_over(self.tokens[-1], None)
        self.nothing_is_worth_more_or_lives_again()
        if narrowed:
            self.narrow(self.books[-1], NAMES[0])

    @precondition(lambda self: self.active)
    @rule(
        wanted=some_scopes,
        minutes=st.integers(1, 120),
        purpose=st.sampled_from(["one", "two"]),
        once=st.sampled_from([False, False, False, True]),
        redeemed=st.booleans(),
        passes_on=st.sampled_from([True, True, False]),
    )
    def approve(self, wanted, minutes, purpose, once, redeemed, passes_on):
        approval = self.approval(wanted, minutes, purpose, once, passes_on)
        self.allowed(mandate.approve(approval, by=Actor.person(self.weber), now=self.clock), wanted)
        if redeemed:
            self.redeem_code(self.codes[-1])

    def approval(self, wanted, minutes, purpose, once, passes_on):
        return mandate.Approval(
            client=self.client.client,
            user=self.weber,
            scopes={self.scopes[name]: self.scopes[name].wording for name in wanted},
            purpose=purpose,
            ends_at=self.clock + timedelta(minutes=minutes),
            once=once,
            passing=passes(self.taker.agent) if passes_on else NOTHING,
        )

    def allowed(self, given, wanted):
        """Note a consent that was just given, with a code under it."""
        for book in self.books:
            self.seen["superseded"] += book.consent.purpose == given.purpose and not book.over
            book.over = book.over or book.consent.purpose == given.purpose
        book = Book(given, wanted, given.ends_at)
        self.books.append(book)
        pkce = Pkce()
        self.codes.append(Code(grants.code(given, pkce, now=self.clock), pkce, book, self.clock + CODE_LIFE))

    @precondition(lambda self: self.live())
    @rule(data=st.data(), how=st.sampled_from(["narrow", "narrow", "shorten", "limit", "keep to itself", "revoke"]))
    def take_away(self, data, how):
        book = data.draw(st.sampled_from(self.live()))
        by = {"reason": "Less.", "by": Actor.person(self.weber), "now": self.clock}
        if how == "narrow" and len(book.held) > 1:
            self.narrow(book, data.draw(st.sampled_from(sorted(book.held))))
        if how == "shorten":
            ends_at = self.clock + timedelta(seconds=data.draw(st.integers(1, 600)))
            if ends_at < book.ends_at:
                book.ends_at = ends_at
                mandate.shorten(book.consent.pk, ends_at=ends_at, **by)
        if how == "limit" and book.open is None and book.left != 0:
            self.limit(book, data.draw(st.one_of(st.none(), st.integers(1, 3))), data.draw(st.integers(1, 90)))
        if how == "keep to itself" and book.passes:
            book.passes = False
            limiting_passing.limit_passing(book.consent.pk, to=NOTHING, **by)
        if how == "revoke":
            book.over = True
            mandate.revoke(book.consent.pk, **by)

    def narrow(self, book, name):
        book.held.discard(name)
        keep = frozenset(self.scopes[each] for each in book.held)
        mandate.narrow(book.consent.pk, keep=keep, reason="Less.", by=Actor.person(self.weber), now=self.clock)

    def limit(self, book, uses, minutes):
        """Let it count less often, and only for so many minutes of each day from now."""
        start = self.clock.hour * 60 + self.clock.minute
        book.open = (start, (start + minutes) % 1440)
        book.left = min((each for each in (book.left, uses) if each is not None), default=None)
        conditions = Conditions(hours=Hours(EVERY_DAY, *book.open), uses=book.left)
        by = Actor.person(self.weber)
        limiting.limit(book.consent.pk, conditions=conditions, reason="Less.", by=by, now=self.clock)

    @rule(
        name=st.sampled_from(NAMES),
        what=st.sampled_from(["words", "typo", "facts", "facts", "host", "required"]),
        data=st.data(),
    )
    def change_what_it_means(self, name, what, data):
        self.edits += 1
        scope, by = Scope.objects.get(pk=self.scopes[name].pk), {"by": Actor.person(self.mara), "now": self.clock}
        if what in {"words", "typo"}:
            title, same = f"{name} {self.edits}", "A typo." if what == "typo" else ""
            resources.reword_scope(scope, title=title, detail="", same_meaning=same, **by)
            concerned = {name} if what == "words" else set()
        elif what == "facts":
            facts = MORE[data.draw(st.sampled_from(sorted(MORE)))]
            concerned = {name} if drift_of_facts(scope, facts) else set()
            resources.change_scope(scope, **facts, **by)
        elif what == "host":
            # Nobody returned there when they agreed.
            clients.change(self.client.client, redirect_uris=[next(self.hosts)], **by)
            concerned = set(NAMES)
        else:
            required = frozenset({self.scopes[name]})
            concerned = {
                change.scope.name for change in agent_scopes.drift_of_required(self.agent, required) if change.scope
            }
            agent_scopes.set_scopes(self.agent, scopes=frozenset(self.scopes.values()), required=required, **by)
        self.scopes = {each: Scope.objects.get(pk=scope.pk) for each, scope in self.scopes.items()}
        for each in concerned:
            self.pause(each)

    @precondition(lambda self: self.active and self.paused())
    @rule(data=st.data(), minutes=st.integers(1, 60))
    def agree(self, data, minutes):
        """Somebody looks at the difference and agrees to some of what it held: a new consent in the old one's place."""
        book = data.draw(st.sampled_from(self.paused()))
        wanted = set(data.draw(st.lists(st.sampled_from(sorted(book.held)), min_size=1, unique=True)))
        approval = self.approval(wanted, minutes, book.consent.purpose, once=False, passes_on=book.passes)
        self.edits += 1
        by, nonce = Actor.person(self.weber), f"form {self.edits}"
        done = decision.renew(book.consent.pk, approval, form_nonce=nonce, by=by, now=self.clock)
        self.allowed(done.consent, wanted)

    @rule(how=st.sampled_from(["suspend", "wait", "wait", "sweep"]), seconds=st.sampled_from([1, 9, 11, 59, 299, 3601]))
    def let_be(self, how, seconds):
        """Time passes, with or without the agent and a worker. A suspended agent goes on the next time."""
        if not self.active or how == "suspend":
            move = lifecycle.suspend if self.active else lifecycle.resume
            move(self.agent, reason="A look.", by=Actor.person(self.mara), now=self.clock)
            self.active = not self.active
        elif how == "wait":
            self.clock += timedelta(seconds=seconds)
            self.frozen.move_to(self.clock)
        else:
            lapsed.end_expired(now=self.clock)

    # ----------------------------------------------------------------------------------------------- clients

    def keep(self, answer, code, most):
        """Note what came of a request, and hold it against the book at once."""
        body, book = answer.json(), code.book
        if answer.status_code != 200:
            assert answer.status_code in {400, 401}, answer.content
            self.seen["refused"] += 1
            return
        assert self.active
        assert book.counts(self.clock)
        assert book.left != 0
        book.left = None if book.left is None else book.left - 1
        book.tokens += 1
        assert book.tokens == 1 or not book.consent.once, "once is one access token"
        granted = set(body["scope"].split())
        assert granted
        assert granted <= most & book.held
        ends_at = self.clock + timedelta(seconds=body["expires_in"])
        assert ends_at <= book.ends_at
        self.tokens.append(Token(body["access_token"], code, granted, ends_at))
        self.seen["issued"] += 1
        if "refresh_token" in body:
            assert not book.consent.once
            self.pairs.append((body["refresh_token"], code))

    @precondition(lambda self: self.codes)
    @rule(data=st.data())
    def redeem(self, data):
        self.redeem_code(data.draw(st.sampled_from(self.codes)))

    def redeem_code(self, code):
        code.spoiled = code.spoiled or code.used
        must = self.active and not code.used and code.book.counts(self.clock) and self.clock < code.good_until
        must = must and code.book.left != 0
        code.used = True
        answer = self.client.redeem(code.value, code.pkce)
        assert not must or answer.status_code == 200, answer.content
        self.keep(answer, code, set(NAMES))

    @precondition(lambda self: self.pairs)
    @rule(data=st.data(), wanted=st.one_of(st.none(), some_scopes))
    def refresh(self, data, wanted):
        pair = self.pairs.pop(data.draw(st.integers(0, len(self.pairs) - 1)))
        value, code = pair
        must = self.active and not wanted and not code.spoiled and code.book.counts(self.clock) and code.book.left != 0
        answer = self.client.refresh(value, **({"scope": " ".join(sorted(wanted))} if wanted else {}))
        assert not must or answer.status_code == 200, answer.content
        self.seen["refreshed"] += answer.status_code == 200
        self.keep(answer, code, wanted or set(NAMES))
        if answer.status_code != 200 and not code.spoiled:
            self.pairs.append(pair)  # it was not used up, and may be good again

    @precondition(lambda self: self.tokens)
    @rule(data=st.data(), wanted=st.one_of(st.none(), st.none(), some_scopes))
    def exchange(self, data, wanted):
        self.hand_over(data.draw(st.sampled_from(self.tokens[-6:])), wanted)

    def hand_over(self, token, wanted):
        """The other agent takes a token over. What comes of it never holds more, nor longer, than what it came from."""
        book, code = token.book, token.code
        worth = token.granted & book.held
        good = self.active and book.passes and book.counts(self.clock) and book.left != 0 and not token.passed
        good = good and not code.spoiled and not token.dead and worth
        good = good and self.clock + timedelta(seconds=1) <= min(token.ends_at, book.ends_at)
        answer = self.taker.exchange(token.value, **({"scope": " ".join(sorted(wanted))} if wanted else {}))
        assert not (good and not wanted) or answer.status_code == 200 or not self.leaves_time(book), answer.content
        assert answer.status_code != 200 or book.passes
        before = len(self.tokens)
        self.keep(answer, code, token.granted & (wanted or set(NAMES)))
        if len(self.tokens) > before:
            self.tokens[-1].passed = True
            assert self.tokens[-1].ends_at <= token.ends_at
            self.seen["exchanged"] += 1

    def leaves_time(self, book):
        """Whether its hours stay open for the second that a token needs."""
        return book.is_open(self.clock + timedelta(seconds=1))

    @precondition(lambda self: self.pairs)
    @rule(data=st.data(), how=st.sampled_from(["replay", "give back"]))
    def misuse(self, data, how):
        value, code = data.draw(st.sampled_from(self.pairs))
        code.spoiled = True
        if how == "give back":
            assert self.client.revoke(value).status_code == 200
            return
        for _ in range(3):
            self.keep(self.client.refresh(value), code, set(NAMES))

    # -------------------------------------------------------------------------------------------- what holds

    @invariant()
    def nothing_is_worth_more_or_lives_again(self):
        for token in [*self.tokens[:-8][:4], *self.tokens[-8:]]:
            seen = self.api.introspects(token.value)
            worth = token.granted & token.book.held if token.book.passes or not token.passed else set()
            whole = token.book.counts(self.clock) and self.clock < token.ends_at and not token.code.spoiled
            if self.active and whole:
                assert seen["active"] is bool(worth), "nobody took anything of it away"
                self.seen["worth all"] += worth == token.granted
                self.seen["worth less"] += worth != token.granted
                assert not worth or set(seen["scope"].split()) == worth
            if not seen["active"]:
                for why in ("over", "paused"):
                    self.seen[why] += getattr(token.book, why)
                self.seen["outside its hours"] += not token.book.is_open(self.clock)
                # Suspending can be taken back, and the clock comes round again. Everything else is for good.
                token.dead = token.dead or (self.active and token.book.is_open(self.clock))
                continue
            assert not token.dead, "it was dead and lives again"
            assert self.active
            assert token.book.counts(self.clock)
            assert self.clock < token.ends_at
            assert set(seen["scope"].split()) <= worth
            assert seen["exp"] <= token.ends_at.timestamp()


MUST_BE_SEEN = {
    "issued",
    "refreshed",
    "exchanged",
    "refused",
    "superseded",
    "over",
    "paused",
    "worth all",
    "worth less",
}
"""What has to happen somewhere in the run: a machine that never gets there proves nothing."""


def test_s35_no_sequence_yields_more_than_its_consent():
    seen: Counter[str] = Counter()

    class Counted(Ceiling):
        def teardown(self) -> None:
            seen.update(self.seen)
            super().teardown()

    run_state_machine_as_test(
        Counted,
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            database=None,
            # The same walks each time: others now and then never get as far as what must be seen.
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert set(+seen) >= MUST_BE_SEEN, seen
