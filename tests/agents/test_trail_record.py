"""Writing the trail: one event with its change, texts beside it, and nothing that a kind does not declare."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection, transaction

from agents.actors import Actor, ActorKind
from agents.ids import uuid7
from agents.models import Event, EventText
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from agents.trail.record import NoTransaction, heaviest, record, text_digest, text_of, write
from tests.builders import actor

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.mark.django_db(transaction=True)
def test_there_is_no_event_outside_a_transaction(now):
    with pytest.raises(NoTransaction):
        record(Kind.SIGNED_OUT, by=Actor.system(), now=now)
    assert not Event.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_event_goes_with_its_change(now):
    def fail():
        with transaction.atomic():
            record(Kind.SIGNED_OUT, by=Actor.system(), now=now, reason="never said")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not Event.objects.exists()
    assert not EventText.objects.exists()


def test_an_event_holds_what_it_was_given(ada, now):
    ids = {name: uuid7() for name in ("agent_id", "client_id", "consent_id", "token_id", "resource_id", "request_id")}
    by = Actor(ActorKind.USER, ada.pk, ada, "192.0.2.7", ids.pop("request_id"))
    number = record(
        Kind.TOKEN_ISSUED,
        by=by,
        now=now,
        scopes=["b", "a"],
        data_class="health",
        life=timedelta(minutes=5),
        grant="x",
        **ids,
    )
    event = Event.objects.get(pk=number)
    assert (event.at, event.kind, event.outcome, event.scopes) == (now, "token.issued", Outcome.ALLOWED, "b a")
    assert event.detail == {"life": 300.0, "grant": "x"}
    assert (event.actor_kind, event.actor_id, event.request_id) == ("user", ada.pk, by.request_id)
    assert {name: getattr(event, name) for name in ids} == ids


def test_numbers_grow(now):
    numbers = [record(Kind.SIGNED_OUT, by=Actor.system(), now=now) for _ in range(3)]
    assert numbers == sorted(set(numbers))


def test_a_field_that_the_kind_does_not_declare_is_refused(now):
    with pytest.raises(ValueError, match="secret"):
        record(Kind.SIGNED_OUT, by=Actor.system(), now=now, secret="mdt_x")
    assert not Event.objects.exists()


def test_texts_and_addresses_stand_beside_the_event_and_can_be_erased(ada, now):
    by = Actor(ActorKind.USER, ada.pk, ada, "192.0.2.7")
    number = record(Kind.PERSON_DEACTIVATED, by=by, now=now, reason="She left.", purpose="letters")
    event = Event.objects.get(pk=number)
    assert "192.0.2.7" not in json.dumps({name: str(value) for name, value in vars(event).items()})
    digests = [event.reason_digest, event.purpose_digest, event.address_digest]
    assert set(text_of(digests).values()) == {"She left.", "letters", "192.0.2.7"}
    EventText.objects.filter(subject_id=ada.pk).delete()
    assert text_of(digests) == {}
    assert Event.objects.get(pk=number).reason_digest == event.reason_digest


def test_one_text_of_two_people_is_kept_for_each(ada, weber, now):
    for person in (ada, weber):
        record(Kind.SIGNED_OUT, by=actor(person), now=now, reason="same words")
    assert EventText.objects.filter(text="same words").count() == 2
    EventText.objects.filter(subject_id=ada.pk).delete()
    assert EventText.objects.filter(text="same words").count() == 1


def test_the_same_text_again_is_kept_once(ada, now):
    for _ in range(3):
        record(Kind.SIGNED_OUT, by=actor(ada), now=now, reason="same words")
    assert EventText.objects.count() == 1


def test_a_digest_says_nothing_without_the_key(settings):
    settings.TRAIL_KEY = "another key"
    from agents.trail import record as module

    before = text_digest("reason", "words", None)
    module._trail_key.cache_clear()
    after = text_digest("reason", "words", None)
    module._trail_key.cache_clear()
    assert before != after
    assert text_digest("reason", "", None) == ""


def test_odd_characters_do_not_break_an_event(ada, now):
    odd = "\ud800 lone, \0 nothing, \u202e turned, 🩺"
    number = record(Kind.ROLE_CHANGED, by=actor(ada), now=now, reason=odd, scopes=[odd], before=odd, after=[odd])
    event = Event.objects.get(pk=number)
    kept = "\ufffd lone, \ufffd nothing, \u202e turned, 🩺"
    assert text_of([event.reason_digest]) == {event.reason_digest: kept}
    assert (event.scopes, event.detail) == (kept, {"before": kept, "after": [kept]})


def test_the_heaviest_data_class_stands_for_all():
    assert heaviest(["personal", "health", "financial", "none"]) == "health"
    assert heaviest(["none"]) == ""
    assert heaviest([]) == ""


def test_every_kind_says_what_it_means():
    for kind in Kind:
        assert kind.facts.meaning.endswith(".")
        assert kind.facts.icon
        assert not {"secret", "key", "token", "code", "password"} & kind.facts.fields


def test_an_event_of_a_token_costs_one_statement_when_its_texts_are_there(now, django_assert_num_queries):
    with django_assert_num_queries(1):
        record(Kind.TOKEN_ISSUED, by=Actor.system(), now=now, purpose_digest="abc", scopes=["x"])


def test_write_takes_facts_once_made(now):
    from agents.trail.record import event_facts

    facts = event_facts(Kind.SIGNED_OUT, by=Actor.system(), now=now)
    assert write(facts) < write(facts)
    assert connection.in_atomic_block
