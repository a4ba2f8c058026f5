"""Many workers at once: one signal in flight for each stream, in order, each thing told once."""

from __future__ import annotations

import pytest
from django.utils import timezone

from agents.models import Notice
from consent import mandate
from consent.models import Signal
from consent.signals.delivery import deliver, deliver_all
from consent.signals.spreading import spread
from tests import grants, receiving
from tests.builders import actor
from tests.services.parallel import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.engine, pytest.mark.usefixtures("nothing_noted")]


@pytest.fixture
def many_changes(discharge_client, weber, read_records, write_letters):
    told = []
    for number in range(6):
        scopes = [read_records, write_letters]
        given = grants.consent(discharge_client, scopes=scopes, user=weber, purpose=f"Reason {number}")
        mandate.narrow(given.pk, keep=frozenset({read_records}), reason="Less.", by=actor(weber), now=timezone.now())
        mandate.revoke(given.pk, reason="Enough.", by=actor(weber), now=timezone.now())
        told += [str(given.pk)] * 2
    return told


def test_two_workers_send_each_signal_once_and_in_order(records, receiver, many_changes):
    stream = receiving.stream(records, receiver)
    spread(now=timezone.now())
    outcome = at_once(6, lambda _: deliver(stream.pk))
    assert outcome.raised == []
    assert sum(outcome.returned) == 12
    assert receiver.most_at_once == 1
    assert receiver.subjects("session") == many_changes


def test_many_workers_spread_each_note_once(records, receiver, another, many_changes):
    ours = [receiving.stream(records, receiver), receiving.stream(records, another)]
    outcome = at_once(6, lambda _: spread(now=timezone.now()))
    assert outcome.raised == []
    assert sum(outcome.returned) == 24
    assert not Notice.objects.exists()
    for stream in ours:
        rows = Signal.objects.filter(stream=stream)
        assert list(rows.values_list("number", flat=True)) == list(range(1, 13))
        assert [str(about) for about in rows.values_list("about", flat=True)] == many_changes


def test_workers_that_do_everything_at_once_while_things_happen(
    records, receiver, discharge_client, weber, read_records, write_letters
):
    receiving.stream(records, receiver)
    given = [
        grants.consent(discharge_client, scopes=[read_records, write_letters], user=weber, purpose=f"Reason {number}")
        for number in range(4)
    ]
    Notice.objects.all().delete()

    def one(number: int) -> None:
        if number < 4:
            mandate.revoke(given[number].pk, reason="Enough.", by=actor(weber), now=timezone.now())
        else:
            deliver_all(now=timezone.now())

    assert at_once(8, one).raised == []
    deliver_all(now=timezone.now())
    assert sorted(receiver.subjects("session")) == sorted(str(consent.pk) for consent in given)
    assert receiver.most_at_once == 1
    numbers = Signal.objects.filter(delivered_at__isnull=False).order_by("number").values_list("about", flat=True)
    assert [str(about) for about in numbers] == receiver.subjects("session")
