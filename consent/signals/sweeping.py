"""Sweeps of signals: what was delivered is kept for a week to be looked up, and nothing is kept for ever for nobody."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from agents.actors import Actor
from agents.sweeps import delete_in_batches, keys_in_order
from agents.trail.kinds import Kind
from agents.trail.record import record
from consent.models import Signal, Stream
from consent.models.stream import StatusReason, StreamStatus

DELIVERED_KEPT_FOR = timedelta(days=7)
SET_ASIDE_KEPT_FOR = timedelta(days=30)
OFF_KEPT_FOR = timedelta(days=30)
PAUSED_FOR_AT_MOST = timedelta(days=30)


def delete_old_signals(*, now: datetime, batch: int = 500) -> int:
    """Delete signals that arrived a week ago, were set aside or waited in a stream that is off for a month, and of removed ones."""
    off = Stream.objects.filter(status=StreamStatus.DISABLED).values("pk")
    old = (
        (Signal.objects.filter(delivered_at__lt=now - DELIVERED_KEPT_FOR), "delivered_at"),
        (Signal.objects.filter(delivered_at=None, set_aside_at__lt=now - SET_ASIDE_KEPT_FOR), "set_aside_at"),
        # Also the word that it is off: a receiver that is gone is not tried for ever.
        (Signal.objects.waiting().filter(stream__in=off, made_at__lt=now - OFF_KEPT_FOR), "number"),
        (Signal.objects.filter(stream__in=Stream.objects.filter(ended_at__isnull=False).values("pk")), "number"),
    )
    return sum(delete_in_batches(rows, by=column, batch=batch) for rows, column in old)


def switch_off_forgotten_streams(*, now: datetime, batch: int = 100) -> int:
    """Switch off streams that were paused for a month, and forget what waited in them. Returns how many.

    Records ``signal_stream.paused`` for each.
    """
    forgotten = Stream.objects.standing().filter(status=StreamStatus.PAUSED, status_at__lte=now - PAUSED_FOR_AT_MOST)
    done = 0
    for stream_id in keys_in_order(forgotten, "status_at", batch):
        with transaction.atomic():
            # Asked again under the lock: somebody may have resumed it.
            stream = forgotten.select_for_update(of=("self",)).filter(pk=stream_id).first()
            if stream is not None:
                stream.status, stream.status_because, stream.status_at = StreamStatus.DISABLED, StatusReason.WAITED, now
                stream.save(update_fields=["status", "status_because", "status_at"])
                Signal.objects.filter(stream=stream, delivered_at=None).delete()
                record(
                    Kind.STREAM_PAUSED,
                    by=Actor.system(),
                    now=now,
                    resource_id=stream.resource_id,
                    stream=stream.pk,
                    status=stream.status,
                )
                done += 1
    return done
