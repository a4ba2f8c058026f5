"""From notes of events to numbered signals: each stream that is concerned gets exactly one for each thing it is told.

All streams are locked first, so one worker spreads at a time, in the order of events: of two changes to one consent the
later one has the higher number in the trail, since each is recorded under the lock of that consent. A worker that is killed
leaves the notes. On SQLite there is one writer anyway.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections import defaultdict
from datetime import datetime

from django.conf import settings
from django.db import transaction

from agents.database.statements import turn_to_write
from agents.models import Event, Notice
from agents.trail.kinds import Kind
from consent.models import Signal, Stream
from consent.models.stream import StatusReason, StreamStatus
from consent.signals.concerned import concerns
from consent.signals.events import SUPPORTED, Told, stream_updated

BATCH = 100


def spread(*, now: datetime, batch: int = BATCH) -> int:
    """Turn all notes into signals, in small transactions. Returns how many signals were made."""
    made = 0
    while True:
        with turn_to_write(), transaction.atomic():
            # The notes first: a stream that was there before a change is there when the change is looked at. What another
            # worker has spread while this one waited for the streams is gone by then.
            noted = list(Notice.objects.order_by("event_id").values_list("event_id", flat=True)[:batch])
            streams = list(
                Stream.objects.collecting().select_related("resource").select_for_update(of=("self",)).order_by("pk")
            )
            left = list(Notice.objects.filter(pk__in=noted).values_list("event_id", flat=True))
            if streams:
                made += _spread(left, streams, now)
            Notice.objects.filter(pk__in=left).delete()
        if len(noted) < batch:
            return made


def _spread(numbers: list[int], streams: list[Stream], now: datetime) -> int:
    by_resource: dict[uuid.UUID, list[Stream]] = defaultdict(list)
    for stream in streams:
        by_resource[stream.resource_id].append(stream)
    signals = []
    for event in Event.objects.filter(pk__in=numbers).order_by("pk"):
        for concern in concerns(event):
            hearing = [each for each in by_resource.get(concern.resource_id, ()) if hears(each, concern.told.type)]
            signals += [signal(stream, concern.told, now=now, event_id=event.pk) for stream in hearing]
        if event.kind == Kind.RESOURCE_ENDED and event.resource_id is not None:
            signals += [_switched_off(stream, now) for stream in by_resource.pop(event.resource_id, [])]
    Signal.objects.bulk_create(signals)
    changed = {signal.stream.pk: signal.stream for signal in signals}
    Stream.objects.bulk_update(changed.values(), ["last_number", "status", "status_because", "status_at"])
    return len(signals)


def hears(stream: Stream, type_: str) -> bool:
    """Whether this stream is told of this type: it asked for it, and Mandate tells it."""
    return type_ in stream.events_requested and type_ in SUPPORTED


def signal(
    stream: Stream, told: Told, *, now: datetime, event_id: int | None = None, announces: bool = False
) -> Signal:
    """Return the next signal of a stream that the caller has locked and will save."""
    stream.last_number += 1
    return Signal(
        stream=stream,
        number=stream.last_number,
        type=told.type,
        claims=told.claims(txn_of(event_id) if event_id is not None else ""),
        event_id=event_id,
        about=told.about,
        announces=announces,
        made_at=now,
    )


def _switched_off(stream: Stream, now: datetime) -> Signal:
    """A resource that was removed is told so, and nothing else any more."""
    stream.status, stream.status_because, stream.status_at = StreamStatus.DISABLED, StatusReason.RESOURCE_ENDED, now
    return signal(stream, stream_updated(stream.pk, stream.status, stream.status_because), now=now, announces=True)


def txn_of(event_id: int) -> str:
    """Return what signals of one event share (RFC 8417 §2.2), for whoever receives several streams.

    Keyed, because the number itself would tell how much happens here.
    """
    return hmac.new(settings.TRAIL_KEY.encode(), f"txn\0{event_id}".encode(), hashlib.sha256).hexdigest()[:32]
