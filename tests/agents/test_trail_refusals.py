"""Refusals are told singly up to a limit and then counted, so that nobody fills the disk with them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from agents.actors import Actor, ActorKind
from agents.ids import uuid7
from agents.models import Event, RefusalCount
from agents.trail import refusals
from agents.trail.kinds import Kind
from agents.trail.record import text_of
from agents.trail.refusals import (
    TOLD_OF_A_PERSON,
    TOLD_OF_A_STRANGER,
    TOLD_SINGLY,
    close_minutes,
    record_refusal,
    refused_this_minute,
    source_of,
)
from tests import builders

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def _from(address):
    return Actor(ActorKind.ANONYMOUS, address=address)


def _refuse(times, *, now, address="192.0.2.7", code="invalid_client", **facts):
    for _ in range(times):
        record_refusal(Kind.TOKEN_REFUSED, reason_code=code, by=_from(address), now=now, **facts)


def test_twenty_of_one_source_are_told_and_the_rest_counted(now):
    now = now.replace(second=10)
    _refuse(TOLD_SINGLY + 30, now=now)
    assert len(builders.events(Kind.TOKEN_REFUSED)) == TOLD_SINGLY
    assert RefusalCount.objects.get().count == TOLD_SINGLY + 30
    close_minutes(now=now + timedelta(minutes=3))
    counted = builders.events(Kind.REFUSALS_COUNTED)[0]
    assert (counted.outcome, counted.reason_code) == ("refused", "invalid_client")
    assert counted.detail["count"] == 30
    assert counted.detail["kind"] == "token.refused"
    assert not RefusalCount.objects.exists()


def test_another_source_client_reason_or_minute_has_a_share_of_its_own(now):
    now = now.replace(second=10)
    _refuse(TOLD_SINGLY, now=now)
    _refuse(1, now=now, address="192.0.2.8")
    _refuse(1, now=now, code="invalid_scope")
    _refuse(1, now=now, client_id=uuid7())
    _refuse(1, now=now + timedelta(minutes=1))
    assert len(builders.events(Kind.TOKEN_REFUSED)) == TOLD_SINGLY + 4


def test_a_flood_of_one_person_hides_nobody_elses_refusals(now, omar, mallory):
    now = now.replace(second=10)
    agents = [uuid7(), uuid7()]
    for person, agent in [(mallory, agents[0])] * (TOLD_SINGLY + 5) + [(mallory, agents[1]), (omar, agents[1])]:
        by = Actor(ActorKind.USER, person.pk, person, address="192.0.2.7")
        record_refusal(Kind.AGENT_MOVE_REFUSED, reason_code="forbidden", by=by, now=now, agent_id=agent)
    told = [event.actor_id for event in builders.events(Kind.AGENT_MOVE_REFUSED)]
    # Nor does it hide what the same person is refused about another agent.
    assert (told.count(mallory.pk), told.count(omar.pk)) == (TOLD_SINGLY + 1, 1)
    close_minutes(now=now + timedelta(minutes=3))
    (counted,) = builders.events(Kind.REFUSALS_COUNTED)
    assert (counted.actor_kind, counted.actor_id, counted.detail["count"]) == ("user", mallory.pk, 5)
    assert counted.agent_id == agents[0]
    assert text_of([counted.address_digest]) == {counted.address_digest: "192.0.2.7"}
    assert Event.objects.visible_to(mallory).filter(pk=counted.pk).exists()


def test_a_person_who_tries_many_agents_is_counted_too(now, mallory):
    now = now.replace(second=10)
    by = Actor(ActorKind.USER, mallory.pk, mallory, address="192.0.2.7")
    for _ in range(TOLD_OF_A_PERSON + 7):
        record_refusal(Kind.AGENT_MOVE_REFUSED, reason_code="forbidden", by=by, now=now, agent_id=uuid7())
    assert len(builders.events(Kind.AGENT_MOVE_REFUSED)) == TOLD_OF_A_PERSON
    close_minutes(now=now + timedelta(minutes=3))
    (counted,) = builders.events(Kind.REFUSALS_COUNTED)
    assert (counted.actor_id, counted.agent_id, counted.detail["count"]) == (mallory.pk, None, 7)


def _tries(person, times, *, now):
    for _ in range(times):
        record_refusal(
            Kind.SIGN_IN_REFUSED, reason_code="wrong_password", by=_from("192.0.2.7"), now=now, user_id=person
        )


def test_tries_at_one_account_hide_no_tries_at_another(now, weber, mara):
    now = now.replace(second=10)
    _tries(weber.pk, TOLD_SINGLY + 5, now=now)
    _tries(mara.pk, 2, now=now)
    told = [event.user_id for event in builders.events(Kind.SIGN_IN_REFUSED)]
    assert (told.count(weber.pk), told.count(mara.pk)) == (TOLD_SINGLY, 2)
    close_minutes(now=now + timedelta(minutes=3))
    (counted,) = builders.events(Kind.REFUSALS_COUNTED)
    assert (counted.actor_kind, counted.user_id, counted.detail["count"]) == ("anonymous", weber.pk, 5)
    assert text_of([counted.address_digest]) == {counted.address_digest: "192.0.2.7"}


def test_a_stranger_who_names_many_is_told_no_more_often_than_the_wide_limit(now):
    now = now.replace(second=10)
    over = 15
    for _ in range(TOLD_OF_A_STRANGER + over):
        _tries(uuid7(), 1, now=now)
    assert len(builders.events(Kind.SIGN_IN_REFUSED)) == TOLD_OF_A_STRANGER
    close_minutes(now=now + timedelta(minutes=3))
    (counted,) = builders.events(Kind.REFUSALS_COUNTED)
    assert (counted.user_id, counted.detail["count"]) == (None, over)
    assert not RefusalCount.objects.exists()


def test_programs_that_anybody_registers_share_the_wide_limit_and_those_of_agents_do_not(now):
    now, agent = now.replace(second=10), uuid7()

    def refused(client, **whose):
        by = Actor(ActorKind.CLIENT, client, address="192.0.2.7")
        record_refusal(Kind.TOKEN_REFUSED, reason_code="invalid_grant", by=by, now=now, client_id=client, **whose)

    for _ in range(TOLD_OF_A_STRANGER + 15):
        refused(uuid7())
    assert len(builders.events(Kind.TOKEN_REFUSED)) == TOLD_OF_A_STRANGER
    refused(uuid7(), agent_id=agent)
    assert builders.events(Kind.TOKEN_REFUSED)[-1].agent_id == agent
    close_minutes(now=now + timedelta(minutes=3))
    assert [event.detail["count"] for event in builders.events(Kind.REFUSALS_COUNTED)] == [15]


def test_guesses_beyond_the_wide_limit_still_count_for_the_client(now):
    now = now.replace(second=10)
    for _ in range(TOLD_OF_A_STRANGER // TOLD_SINGLY):
        _refuse(TOLD_SINGLY, now=now, client_id=uuid7())
    client = uuid7()
    _refuse(30, now=now, client_id=client)
    asked = {"reason_code": "invalid_client", "client_id": client, "address": "192.0.2.7", "now": now}
    assert refused_this_minute(Kind.TOKEN_REFUSED, **asked) == 30


def test_a_whole_ipv6_network_is_one_source(now):
    now = now.replace(second=10)
    for number in range(TOLD_SINGLY + 5):
        _refuse(1, now=now, address=f"2001:db8:1:2::{number:x}")
    assert len(builders.events(Kind.TOKEN_REFUSED)) == TOLD_SINGLY


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", ""),
        ("not an address", "not an address"),
    ],
)
def test_what_counts_as_one_source(address, source):
    assert source_of(address) == source


def test_minutes_that_stayed_within_the_limit_leave_no_event(now):
    _refuse(3, now=now)
    assert close_minutes(now=now + timedelta(minutes=3)) == 1
    assert builders.events(Kind.REFUSALS_COUNTED) == []


def test_the_running_minute_is_left_open_and_closing_twice_tells_once(now):
    now = now.replace(second=10)
    _refuse(TOLD_SINGLY + 1, now=now)
    assert close_minutes(now=now + timedelta(seconds=20)) == 0
    later = now + timedelta(minutes=3)
    assert (close_minutes(now=later), close_minutes(now=later)) == (1, 0)
    assert len(builders.events(Kind.REFUSALS_COUNTED)) == 1


@pytest.mark.django_db(transaction=True)
def test_a_refusal_outlives_the_work_that_was_refused(now):
    def refused_work():
        with transaction.atomic():
            builders.person("Nobody")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        refused_work()
    _refuse(1, now=now)
    assert Event.objects.count() == 1


def test_a_refusal_stays_one_when_it_cannot_be_written(now, monkeypatch):
    def broken(facts):
        raise DatabaseError("disk full")

    monkeypatch.setattr(refusals, "write", broken)
    _refuse(1, now=now)
    assert not Event.objects.exists()
