"""Sending signals: one at a time for each stream, in their order, until the receiver says that it has them (RFC 8935).

Whoever serves a stream holds its lease; the next worker waits for it, so a stream has one signal in flight. No lock is held
and no transaction is open while a receiver is called. A worker that is killed between sending and noting leaves the lease
to run out, and the next one sends the same signal with the same ``jti``: at least once, and known again.

A receiver that is down is tried ever more seldom and loses nothing. After ``GIVEN_UP_AFTER`` its stream pauses by itself,
and what happens is kept for whoever resumes it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from celery import shared_task
from cryptography.fernet import InvalidToken
from django.db import transaction
from django.utils import timezone

from agents.actors import Actor
from agents.encryption import decrypt
from agents.outgoing import Answer, BadAddress, NotReached, post_for_answer
from agents.trail.kinds import Kind
from agents.trail.models import Outcome as EventOutcome
from agents.trail.record import record
from consent.models import Signal, Stream
from consent.models.stream import StatusReason, StreamStatus
from consent.signals.answers import Meaning, Outcome, read
from consent.signals.events import stream_updated, token
from consent.signals.spreading import signal, spread

WITHIN = 10.0
"""Seconds for one call, all of it."""
LEASE = timedelta(seconds=60)
"""Longer than a call by far, so that nobody else begins while one is under way."""
MOST_AT_ONCE = 100
LONGEST_RUN = timedelta(seconds=20)
"""After this the queue has its turn with something else: a receiver may be slow with each of them, and a small
installation has one worker for everything."""
LONGEST_ANSWER = 16_384
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=1)
_DOUBLINGS = (LONGEST_PAUSE // FIRST_PAUSE).bit_length()
GIVEN_UP_AFTER = timedelta(days=7)
MOST_REFUSED_IN_A_ROW = 3
"""So many signals in a row that a receiver cannot read say that it reads none: then nothing more is set aside."""
MEDIA_TYPE = "application/secevent+jwt"
Clock = Callable[[], datetime]
log = structlog.get_logger(__name__)


@shared_task(name="consent.send_signals")
def send_signals() -> int:
    """Spread what happened, and let each stream that has something to send be served. A door for the queue."""
    now = timezone.now()
    made = spread(now=now)
    for stream_id in list(Stream.objects.due(now).values_list("pk", flat=True)):
        serve_stream.delay(str(stream_id))
    return made


@shared_task(name="consent.serve_stream")
def serve_stream(stream_id: str) -> int:
    """Send what waits in one stream. A door for the queue: a receiver that hangs holds up its own stream alone."""
    taken = deliver(uuid.UUID(stream_id))
    if taken and Stream.objects.due(timezone.now()).filter(pk=stream_id).exists():
        serve_stream.delay(stream_id)  # there is more: behind whatever else waits
    return taken


def deliver_all(*, now: datetime) -> int:
    """Spread and send everything that is due, one stream after the other. Returns how many signals were taken."""
    spread(now=now)
    return sum(deliver(stream_id) for stream_id in list(Stream.objects.due(now).values_list("pk", flat=True)))


def deliver(stream_id: uuid.UUID, *, clock: Clock = timezone.now, most: int = MOST_AT_ONCE) -> int:
    """Send what waits in this stream, in order, until nothing does, one is not taken, or ``most`` were sent.

    Returns how many were taken. Does nothing where another worker serves the stream, or its time has not come. Records
    ``signal.set_aside`` and ``signal_stream.stopped``. Never call it inside a transaction.
    """
    stream = leased(stream_id, clock())
    if stream is None or stream.lease is None:
        return 0
    taken, begun = 0, clock()
    try:
        for _ in range(most):
            next_one = _next(stream)
            if next_one is None or clock() - begun > LONGEST_RUN:
                break
            outcome = _send(stream, next_one, clock())
            stands = note(stream, next_one, outcome, clock())
            taken += outcome.meaning is Meaning.TAKEN
            if outcome.meaning is Meaning.LATER or not stands:
                break
    finally:
        Stream.objects.filter(pk=stream_id, lease=stream.lease).update(lease=None, lease_until=None)
    return taken


def leased(stream_id: uuid.UUID, now: datetime) -> Stream | None:
    """Return the stream with a lease of ours, or None: one statement decides who serves it."""
    lease = uuid.uuid4()
    won = Stream.objects.due(now).filter(pk=stream_id).order_by().update(lease=lease, lease_until=now + LEASE)
    return Stream.objects.select_related("resource").get(pk=stream_id) if won else None


def _next(stream: Stream) -> Signal | None:
    """The first that waits. In a stream that is paused or off only what announces just that."""
    waiting = Signal.objects.waiting().filter(stream=stream)
    standing = Stream.objects.standing().filter(pk=stream.pk).values_list("status", flat=True).first()
    if standing is None:
        return None
    return (waiting if standing == StreamStatus.ENABLED else waiting.filter(announces=True)).first()


def _send(stream: Stream, waiting: Signal, now: datetime) -> Outcome:
    """Sign and push one signal. Whatever goes wrong on the way is an outcome, not an error."""
    body = token(waiting.claims, jti=waiting.pk, audience=stream.resource.uri, made_at=waiting.made_at, now=now)
    headers = {"Content-Type": MEDIA_TYPE, "Accept": "application/json"}
    try:
        if stream.authorization_sealed:
            headers["Authorization"] = decrypt(stream.authorization_sealed)
        answer: Answer = post_for_answer(
            stream.endpoint_url, body=body.encode(), headers=headers, within=WITHIN, most=LONGEST_ANSWER
        )
    except InvalidToken:
        return Outcome(Meaning.LATER, "secret_unreadable")
    except BadAddress:
        return Outcome(Meaning.LATER, "address_not_public")
    except NotReached as problem:
        return Outcome(Meaning.LATER, "timeout" if "Timeout" in str(problem) else "not_reached")
    return read(answer, now=now)


def note(stream: Stream, sent: Signal, outcome: Outcome, now: datetime) -> bool:
    """Write down what came of it. Returns whether the stream is still ours to serve."""
    with transaction.atomic():
        row = Stream.objects.select_for_update(of=("self",)).select_related("resource").get(pk=stream.pk)
        ours = row.lease == stream.lease and row.ended_at is None
        if outcome.meaning is Meaning.TAKEN:
            # Also where the lease was lost meanwhile: it has arrived, and nobody has to send it again.
            Signal.objects.filter(pk=sent.pk, delivered_at=None).update(delivered_at=now, set_aside_at=None)
        if not ours:
            return False
        NOTE[outcome.meaning](row, sent, outcome, now)
        row.lease_until = now + LEASE
        row.save()
        return row.status == StreamStatus.ENABLED or sent.announces


def _taken(stream: Stream, _sent: Signal, _outcome: Outcome, now: datetime) -> None:
    stream.tries, stream.failing_since, stream.next_try_at, stream.last_error = 0, None, None, ""
    stream.refused_in_a_row, stream.last_delivered_at = 0, now


def _unreadable(stream: Stream, sent: Signal, outcome: Outcome, now: datetime) -> None:
    stream.last_error, stream.last_error_at = outcome.error, now
    stream.refused_in_a_row += 1
    Signal.objects.filter(pk=sent.pk).update(set_aside_at=now)
    record(
        Kind.SIGNAL_SET_ASIDE,
        by=Actor.system(),
        now=now,
        outcome=EventOutcome.REFUSED,
        reason_code=Meaning.UNREADABLE,
        resource_id=stream.resource_id,
        stream=stream.pk,
        signal=sent.pk,
        number=sent.number,
    )
    if stream.refused_in_a_row >= MOST_REFUSED_IN_A_ROW and stream.status == StreamStatus.ENABLED:
        stop(stream, because=StatusReason.UNREADABLE, now=now)


def _later(stream: Stream, _sent: Signal, outcome: Outcome, now: datetime) -> None:
    stream.last_error, stream.last_error_at = outcome.error, now
    stream.failing_since = stream.failing_since or now
    stream.next_try_at = now + max(pause_after(stream.tries), outcome.wait or timedelta(0))
    stream.tries += 1
    log.warning("signal_not_taken", stream=str(stream.pk), error=outcome.error, tries=stream.tries)
    if now - stream.failing_since >= GIVEN_UP_AFTER and stream.status == StreamStatus.ENABLED:
        stop(stream, because=StatusReason.NOT_REACHED, now=now)


NOTE = {Meaning.TAKEN: _taken, Meaning.UNREADABLE: _unreadable, Meaning.LATER: _later}


def pause_after(tries: int) -> timedelta:
    """How long a stream waits after so many tries that failed: twice as long each time, up to ``LONGEST_PAUSE``."""
    return min(FIRST_PAUSE * 2 ** min(tries, _DOUBLINGS), LONGEST_PAUSE)


def stop(stream: Stream, *, because: StatusReason, now: datetime) -> None:
    """Pause a stream that is of no use as it is; what happens is kept for it. Under its lock; the caller saves it.

    Its receiver is told by a signal that goes out all the same. Records ``signal_stream.stopped``.
    """
    stream.status, stream.status_because, stream.status_at = StreamStatus.PAUSED, because, now
    waiting = Signal.objects.waiting().filter(stream=stream).count()
    announcement = signal(stream, stream_updated(stream.pk, stream.status, because), now=now, announces=True)
    announcement.save()
    record(
        Kind.STREAM_STOPPED,
        by=Actor.system(),
        now=now,
        outcome=EventOutcome.REFUSED,
        reason_code=because,
        resource_id=stream.resource_id,
        stream=stream.pk,
        because=because,
        tries=stream.tries,
        waiting=waiting,
    )
