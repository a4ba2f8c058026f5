"""What is forgotten of signals, and when."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from agents import resources
from agents.actors import Actor
from consent.models import Signal
from consent.models.stream import StreamStatus
from consent.signals import streams
from consent.signals.delivery import deliver_all
from consent.signals.sweeping import (
    DELIVERED_KEPT_FOR,
    OFF_KEPT_FOR,
    PAUSED_FOR_AT_MOST,
    delete_old_signals,
    switch_off_forgotten_streams,
)
from tests import receiving
from tests.builders import actor, events

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def test_delivered_signals_go_after_a_week_in_batches(records, receiver, mara, now):
    stream = receiving.stream(records, receiver)
    for number in range(5):
        streams.verify(stream, by=Actor.system(), now=now + timedelta(minutes=number))
    deliver_all(now=timezone.now())
    assert delete_old_signals(now=timezone.now(), batch=2) == 0
    assert delete_old_signals(now=timezone.now() + DELIVERED_KEPT_FOR, batch=2) == 5


def test_what_waits_is_kept(records, receiver, now):
    stream = receiving.stream(records, receiver)
    streams.verify(stream, by=Actor.system(), now=now)
    assert delete_old_signals(now=now + timedelta(days=365)) == 0


def test_signals_of_a_removed_stream_go(records, receiver, mara, now):
    stream = receiving.stream(records, receiver)
    streams.verify(stream, by=Actor.system(), now=now)
    streams.end(stream, by=actor(mara), now=now, reason="Gone.")
    assert delete_old_signals(now=now) == 1


def test_a_receiver_that_is_gone_with_its_resource_is_not_tried_for_ever(records, receiver, mara, now):
    stream = receiving.stream(records, receiver)
    streams.verify(stream, by=Actor.system(), now=now)
    receiver.stop()
    resources.end(records, reason="Gone.", by=actor(mara), now=now)
    deliver_all(now=now)
    assert Signal.objects.waiting().count() == 2  # the test signal, and the word that the stream is off
    assert delete_old_signals(now=now + OFF_KEPT_FOR) == 0
    assert delete_old_signals(now=now + OFF_KEPT_FOR + timedelta(minutes=1)) == 2


def test_a_stream_that_was_paused_for_a_month_is_switched_off(records, receiver, mara, now):
    stream = receiving.stream(records, receiver)
    streams.set_status(stream, StreamStatus.PAUSED, by=actor(mara), now=now, reason="Work there.")
    assert switch_off_forgotten_streams(now=now) == 0
    assert switch_off_forgotten_streams(now=now + PAUSED_FOR_AT_MOST) == 1
    stream.refresh_from_db()
    assert (stream.status, stream.status_because) == ("disabled", "waited_too_long")
    assert not Signal.objects.waiting().exists()
    assert [event.detail["status"] for event in events("signal_stream.paused")] == ["paused", "disabled"]
