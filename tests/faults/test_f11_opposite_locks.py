"""F11: everything that takes locks on one consent and its tokens, at once and at random: no deadlock, and nothing lives on.

Revoking, narrowing, limiting, superseding, suspending, refreshing, replaying, exchanging, giving back, and the sweeps. On SQLite the
one write lock makes them wait for each other; on PostgreSQL their order does.
"""

from __future__ import annotations

import random
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from agents import lifecycle
from agents.actors import Actor
from agents.errors import MandateError
from agents.models import Agent, Event, State
from consent import limiting, mandate, sweeps
from consent.conditions import Conditions
from consent.models import AccessToken, Consent, RefreshToken
from consent.passing_on.limiting_passing import limit_passing
from tests import grants
from tests.exchanging import allow, asks_to_pass, passes
from tests.grants import Pkce
from tests.services.parallel import at_once

pytestmark = [
    pytest.mark.faults,
    pytest.mark.engine,
    pytest.mark.timeout(300),
    pytest.mark.django_db(transaction=True),
]
ROUNDS = 40
AT_ONCE = 8
ANSWERS = {200, 400, 401}


class Round:
    """One consent with its first tokens, and all that may be done to it at once."""

    def __init__(self, client, weber, mara, scopes, takers):
        self.client, self.weber, self.mara, self.scopes = client, weber, mara, scopes
        self.taker, self.next_taker = takers
        self.agent = client.client.agent
        self.consent = self.allow()
        pkce = Pkce()
        self.first = client.redeem(grants.code(self.consent, pkce), pkce).json()
        self.second = client.refresh(self.first["refresh_token"]).json()
        self.pkce = Pkce()
        self.code = grants.code(self.consent, self.pkce)
        self.passed = self.taker.exchange(self.second["access_token"]).json()["access_token"]
        self.answers: list[int] = []

    def allow(self):
        to = passes(self.taker.agent, self.next_taker.agent, deep=2)
        return allow(self.client.client, self.weber, self.scopes, to, life=timedelta(hours=1))

    def actions(self):
        """Each by its name. Those that the domain may refuse because another one was first say so by a typed error."""
        by, now = Actor.person(self.weber), timezone.now()
        less = {"reason": "Less.", "by": by, "now": now}
        return {
            "refresh": partial(self.asks, self.client.refresh, self.second["refresh_token"]),
            "refresh again": partial(self.asks, self.client.refresh, self.second["refresh_token"]),
            "replay": partial(self.asks, self.client.refresh, self.first["refresh_token"]),
            "redeem": partial(self.asks, self.client.redeem, self.code, self.pkce),
            "redeem again": partial(self.asks, self.client.redeem, self.code, self.pkce),
            "give back": partial(self.asks, self.client.revoke, self.second["refresh_token"]),
            "revoke": partial(mandate.revoke, self.consent.pk, **less),
            "narrow": partial(mandate.narrow, self.consent.pk, keep=frozenset(self.scopes[:1]), **less),
            "limit": partial(limiting.limit, self.consent.pk, conditions=Conditions(uses=2), **less),
            "shorten": partial(mandate.shorten, self.consent.pk, ends_at=now + timedelta(minutes=5), **less),
            "exchange": partial(self.asks, self.taker.exchange, self.second["access_token"]),
            "exchange further": partial(self.asks, self.next_taker.exchange, self.passed),
            "pass on less": partial(limit_passing, self.consent.pk, to=passes(self.next_taker.agent), **less),
            "revoke what was passed on": self.take_back,
            "supersede": self.allow,
            "suspend": self.suspend,
            "sweep": self.sweep,
        }

    def asks(self, ask, *args):
        self.answers.append(ask(*args).status_code)

    def take_back(self):
        share = Consent.objects.get(parent=self.consent, agent=self.taker.agent)
        mandate.revoke(share.pk, reason="Back.", by=Actor.person(self.weber), now=timezone.now())

    def suspend(self):
        by = {"reason": "A look.", "by": Actor.person(self.mara), "now": timezone.now()}
        lifecycle.suspend(self.agent, **by)
        lifecycle.resume(self.agent, **by)

    def sweep(self):
        now = timezone.now() + timedelta(minutes=6)  # ends what was shortened, and deletes what ran out
        sweeps.end_consents(now=now)
        sweeps.delete_dead_access_tokens(now=now)
        sweeps.delete_dead_codes(now=now)
        sweeps.delete_dead_refresh_tokens(now=now)
        sweeps.delete_dead_families(now=now)


def test_f11_whatever_is_done_at_once_no_deadlock_reaches_anybody(
    discharge, weber, mara, read_records, write_letters, records_api, planner, reader, discharge_assistant
):
    asks_to_pass(discharge_assistant, planner.agent, reader.agent, deep=2)
    chance = random.Random(11)
    for number in range(ROUNDS):
        stage = Round(discharge, weber, mara, [read_records, write_letters], (planner, reader))
        actions = stage.actions()
        chosen = chance.sample(sorted(actions), AT_ONCE)
        outcome = at_once(AT_ONCE, partial(do_one, [actions[name] for name in chosen]))
        told = (number, chosen, outcome.raised)
        assert outcome.raised_only(MandateError), told
        assert set(stage.answers) <= ANSWERS, (told, stage.answers)
        if Agent.objects.get(pk=stage.agent.pk).state == State.SUSPENDED:  # it lost the race against another resume
            lifecycle.resume(stage.agent, reason="Go on.", by=Actor.person(mara), now=timezone.now())
        nothing_lives_on(stage, records_api, told)
    tokens = set(AccessToken.objects.values_list("pk", flat=True))
    assert tokens <= set(Event.objects.filter(kind="token.issued").values_list("token_id", flat=True))


def do_one(doing, index):
    return doing[index]()


def nothing_lives_on(stage, api, told):
    """S34: what is over is over for each token that was ever issued under it, and at most one refresh token is alive."""
    consent = Consent.objects.get(pk=stage.consent.pk)
    is_over = consent.revoked_at is not None or consent.superseded_at is not None
    for pair in (stage.first, stage.second):
        seen = api.introspects(pair["access_token"])
        assert not (is_over and seen["active"]), told
        if seen["active"]:
            held = {row.scope.name for row in consent.consent_scopes.all() if row.is_held(timezone.now())}
            assert set(seen["scope"].split()) <= held, told
    if is_over or consent.passes.deep < 2:
        assert api.introspects(stage.passed) == {"active": False}, told
    if is_over:
        assert stage.client.refresh(stage.second["refresh_token"]).status_code == 400, told
    families = list(RefreshToken.objects.filter(family__consent=consent, used_at=None, replaced_at=None))
    assert len({row.family_id for row in families}) == len(families), told
