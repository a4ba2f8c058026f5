"""Whatever happens in whatever order: each change is one signal in each stream that it concerns, and in no other."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents import lifecycle
from agents.models import Notice, Resource, Scope, User
from consent import mandate
from consent.models import Signal
from consent.signals.spreading import spread
from tests import builders, grants, receiving
from tests.builders import actor

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
CONSENTS = [{"records:read"}, {"records:read", "records:write"}, {"records:read", "staff:read"}, {"staff:read"}]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("revoke"), st.integers(0, 3)),
        st.tuples(st.just("narrow"), st.integers(0, 3)),
        st.tuples(st.just("shorten"), st.integers(0, 3)),
        st.tuples(st.sampled_from(["suspend", "resume", "spread"]), st.just(0)),
    ),
    max_size=10,
)


class World:
    """Four consents of one agent at two resources; records have two receivers, the staff directory has one."""

    def __init__(self) -> None:
        builders.organisation()
        self.ada, self.weber = builders.person("Ada Duarte", "owner"), builders.person("Jonas Weber")
        self.mara = builders.administrator()
        self.scopes: dict[str, Scope] = {}
        self.streams: dict[str, list[str]] = {}
        for name, scopes, receivers in (("records", ("read", "write"), 2), ("staff", ("read",), 1)):
            at: Resource = builders.resource(name, f"https://{name}.example")
            for scope in scopes:
                self.scopes[f"{name}:{scope}"] = builders.scope(at, f"{name}:{scope}")
            urls = [f"https://{name}.example/{number}" for number in range(receivers)]
            self.streams[name] = [str(receiving.stream(at, url).pk) for url in urls]
        self.agent = builders.agent("Robot", owner=self.ada, scopes=self.scopes.values())
        client = builders.client(self.agent)
        self.consents = [
            grants.consent(
                client, scopes=[self.scopes[name] for name in names], user=self.weber, purpose=f"Reason {number}"
            )
            for number, names in enumerate(CONSENTS)
        ]
        Notice.objects.all().delete()

    def begin(self) -> None:
        """Nothing has happened yet."""
        self.held = [set(names) for names in CONSENTS]
        self.over = [False] * len(CONSENTS)
        self.suspended = False
        self.expected: Counter[tuple[str, str, str]] = Counter()

    def expect(self, names: set[str], about: object, type_: str) -> None:
        """One signal in each stream of the resources of these scopes."""
        for resource in {name.partition(":")[0] for name in names}:
            self.expected.update((stream, str(about), type_) for stream in self.streams[resource])

    def step(self, verb: str, number: int, by: User) -> None:
        now, consent = timezone.now(), self.consents[number]
        if verb == "spread":
            spread(now=now, batch=2)
        elif verb == "suspend" and not self.suspended:
            lifecycle.suspend(self.agent, reason="Odd.", by=actor(self.ada), now=now)
            self.suspended = True
            standing = set().union(*(held for held, over in zip(self.held, self.over, strict=True) if not over), set())
            self.expect(standing, self.agent.pk, "session-revoked")
        elif verb == "resume" and self.suspended:
            lifecycle.resume(self.agent, reason="Fine.", by=actor(self.mara), now=now)
            self.suspended = False
        elif verb == "revoke" and not self.over[number]:
            mandate.revoke(consent.pk, reason="Enough.", by=actor(by), now=now)
            self.over[number] = True
            self.expect(self.held[number], consent.pk, "session-revoked")
        elif verb == "narrow" and not self.over[number] and len(self.held[number]) > 1:
            gone = max(self.held[number])
            self.held[number].discard(gone)
            keep = frozenset(self.scopes[name] for name in self.held[number])
            mandate.narrow(consent.pk, keep=keep, reason="Less.", by=actor(by), now=now)
            left = {name for name in self.held[number] if name.partition(":")[0] == gone.partition(":")[0]}
            self.expect({gone}, consent.pk, "token-claims-change" if left else "session-revoked")
        elif verb == "shorten" and not self.over[number]:
            ends_at = type(consent).objects.get(pk=consent.pk).ends_at - timedelta(minutes=1)
            mandate.shorten(consent.pk, ends_at=ends_at, reason="Sooner.", by=actor(by), now=now)
            self.expect(self.held[number], consent.pk, "token-claims-change")


@pytest.fixture
def world(db: None) -> World:
    return World()


@given(steps=STEPS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_change_is_told_once_to_everybody_whom_it_concerns(world, steps):
    with transaction.atomic():
        world.begin()
        for verb, number in steps:
            world.step(verb, number, world.weber)
        spread(now=timezone.now())
        rows = Signal.objects.values_list("stream_id", "about", "type")
        told = Counter((str(stream), str(about), type_.rpartition("/")[2]) for stream, about, type_ in rows)
        assert told == world.expected
        for streams in world.streams.values():
            for stream in streams:
                numbers = list(Signal.objects.filter(stream=stream).values_list("number", "event_id"))
                assert [event for _, event in numbers] == sorted(event for _, event in numbers)
        transaction.set_rollback(True)
