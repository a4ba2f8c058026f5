"""What may be done with a stream: add, change, pause, resume, verify, send again, remove.

By administrators on pages, and by the resource itself, by one of its own keys, at the endpoints of the Shared Signals
Framework. A key gives nobody more than it gave before: a stream tells of tokens of that resource's own audience, about
which it may ask anyway, and a resource can have it told only to its own host. Any other address is for a person to give.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from agents.actors import Actor, ActorKind, require
from agents.errors import Ended, Forbidden, InvalidInput
from agents.models import Resource
from agents.permissions import May
from agents.shares import takes_one
from agents.texts import one_line, reason_of
from agents.trail.kinds import Kind
from agents.trail.notices import nudge_when_through
from agents.trail.record import record
from consent.errors import AskedTooSoon, ChangedTooOften, StoppedByAPerson, TooManyStreams
from consent.models import Signal, Stream
from consent.models.stream import StatusReason, StreamStatus
from consent.signals.events import SUPPORTED, stream_updated, verification
from consent.signals.spreading import signal
from consent.signals.stream_facts import as_told, check_address, delivered, description_of, origin_of, sealed, types_of

MOST_STREAMS = 5
LONGEST_STATE = 1_000
VERIFIED_EVERY = timedelta(seconds=30)
"""How often a receiver may ask for a verification (``min_verification_interval``)."""
MOST_CHANGES, CHANGES_WITHIN = 60, timedelta(hours=1)
"""What one resource may change by its keys: each is an event and wakes a worker. People are not counted."""


@transaction.atomic
def create(
    resource: Resource,
    *,
    endpoint_url: str,
    by: Actor,
    now: datetime,
    authorization: str = "",
    events_requested: Iterable[str] = SUPPORTED,
    description: str = "",
) -> Stream:
    """Tell this resource, at this address, of what changes for tokens of its audience from now on.

    authorization: the header that its receiver wants with each signal. It is kept encrypted and never shown.
    Raises Forbidden, Ended, InvalidInput, ForeignHost, StoppedByAPerson, TooManyStreams, ChangedTooOften.
    Records ``signal_stream.created``.
    """
    resource = Resource.objects.select_for_update().get(pk=resource.pk)
    _must_manage(by, resource)
    _must_not_flood(resource, by, now)
    if resource.ended_at is not None:
        raise Ended(_("It was removed and is told nothing more."))
    check_address(endpoint_url, resource, by)
    for other in Stream.objects.standing().filter(resource=resource):
        _must_not_undo(by, other)
    if Stream.objects.standing().filter(resource=resource).count() >= MOST_STREAMS:
        raise TooManyStreams(MOST_STREAMS)
    stream = Stream.objects.create(
        resource=resource,
        endpoint_url=endpoint_url,
        authorization_sealed=sealed(authorization),
        events_requested=types_of(events_requested),
        description=description_of(description),
        status_at=now,
        status_because=_who(by),
        created_at=now,
        created_by=by.user,
    )
    _record(Kind.STREAM_CREATED, stream, by=by, now=now, host=stream.host, signals=delivered(stream))
    return stream


@transaction.atomic
def change(
    stream: Stream,
    *,
    by: Actor,
    now: datetime,
    endpoint_url: str | None = None,
    authorization: str | None = None,
    events_requested: Iterable[str] | None = None,
    description: str | None = None,
) -> Stream:
    """Change where, how and of what a receiver is told. None leaves a fact as it is.

    A change to what already holds is no change and no event. A new address on another host forgets the header unless a new
    one is given: a secret goes only where it was meant to.
    Raises Forbidden, Ended, InvalidInput, ForeignHost, ChangedTooOften. Records ``signal_stream.changed``.
    """
    stream = locked(stream, by)
    _must_not_flood(stream.resource, by, now)
    before, kept = as_told(stream), _kept(stream)
    if endpoint_url is not None and endpoint_url != stream.endpoint_url:
        check_address(endpoint_url, stream.resource, by)
        if authorization is None and origin_of(endpoint_url) != origin_of(stream.endpoint_url):
            authorization = ""
        stream.endpoint_url, stream.next_try_at = endpoint_url, None
    if authorization is not None:
        stream.authorization_sealed, stream.next_try_at = sealed(authorization), None
    if events_requested is not None:
        stream.events_requested = types_of(events_requested)
    if description is not None:
        stream.description = description_of(description)
    if _kept(stream) == kept:
        return stream
    stream.save()
    nudge_when_through()
    _record(Kind.STREAM_CHANGED, stream, by=by, now=now, before=before, after=as_told(stream))
    return stream


@transaction.atomic
def set_status(stream: Stream, status: StreamStatus, *, by: Actor, now: datetime, reason: str = "") -> Stream:
    """Send, pause (and keep what happens), or switch off (and keep nothing). The same status again changes nothing.

    When a person here does it, the receiver is told by a signal (SSF 1.0 §8.1.5). Resuming puts back what was set aside by
    a receiver that could not read anything. reason: a person must say why they stop it.
    Raises Forbidden, Ended, InvalidInput, ChangedTooOften. Records ``signal_stream.paused`` or ``signal_stream.resumed``.
    """
    stream = locked(stream, by)
    reason = _reason(reason, by, needed=status != StreamStatus.ENABLED)
    if stream.status == status:
        return stream
    _must_not_flood(stream.resource, by, now)
    if status != StreamStatus.DISABLED and stream.resource.ended_at is not None:
        raise Ended(_("It was removed and is told nothing more."))
    unread = stream.status_because == StatusReason.UNREADABLE
    stream.status, stream.status_because, stream.status_at = status, _who(by), now
    if status == StreamStatus.DISABLED:
        Signal.objects.filter(stream=stream, delivered_at=None).delete()
    if status == StreamStatus.ENABLED:
        _begin_anew(stream)
        if unread:
            Signal.objects.filter(stream=stream, set_aside_at__isnull=False).update(set_aside_at=None)
    waiting = Signal.objects.waiting().filter(stream=stream).count()
    if by.kind != ActorKind.RESOURCE:
        _append(stream, now, announces=status != StreamStatus.ENABLED)
    stream.save()
    nudge_when_through()
    if status == StreamStatus.ENABLED:
        _record(Kind.STREAM_RESUMED, stream, by=by, now=now, reason=reason, waiting=waiting)
    else:
        _record(Kind.STREAM_PAUSED, stream, by=by, now=now, reason=reason, status=status)
    return stream


@transaction.atomic
def verify(stream: Stream, *, by: Actor, now: datetime, state: str | None = None) -> Signal:
    """Put a verification behind what waits, so that a receiver sees that it is reached (SSF 1.0 §8.1.4).

    state: what the receiver wants to find in it again. Raises Forbidden, Ended, InvalidInput, AskedTooSoon.
    """
    stream = locked(stream, by)
    if stream.status != StreamStatus.ENABLED:
        raise Ended(_("Nothing is sent now. Resume it first."))
    if state is not None and len(state) > LONGEST_STATE:
        raise InvalidInput("state", _("At most %(most)s characters.") % {"most": LONGEST_STATE})
    last = stream.verification_asked_at
    if last is not None and last <= now < last + VERIFIED_EVERY:
        raise AskedTooSoon(last + VERIFIED_EVERY - now)
    stream.verification_asked_at = now
    if by.kind == ActorKind.USER:
        stream.next_try_at = None
    asked = signal(stream, verification(stream.pk, state), now=now)
    asked.save()
    stream.save()
    nudge_when_through()
    return asked


@transaction.atomic
def send_again(stream: Stream, *, by: Actor, now: datetime) -> int:
    """Put back what was set aside, in its old order. Returns how many. Raises Forbidden, Ended.

    Records ``signal_stream.resumed``.
    """
    stream = locked(stream, by)
    back = Signal.objects.filter(stream=stream, delivered_at=None, set_aside_at__isnull=False).update(set_aside_at=None)
    _begin_anew(stream)
    stream.save()
    nudge_when_through()
    _record(Kind.STREAM_RESUMED, stream, by=by, now=now, waiting=Signal.objects.waiting().filter(stream=stream).count())
    return back


@transaction.atomic
def end(stream: Stream, *, by: Actor, now: datetime, reason: str = "") -> Stream:
    """Remove a stream for good, with what waits in it. reason: a person must say why.

    Raises Forbidden, Ended, InvalidInput, ChangedTooOften. Records ``signal_stream.ended``.
    """
    stream = locked(stream, by)
    _must_not_flood(stream.resource, by, now)
    reason = _reason(reason, by, needed=True)
    waiting = Signal.objects.waiting().filter(stream=stream).count()
    stream.ended_at, stream.authorization_sealed = now, ""
    stream.save()
    _record(Kind.STREAM_ENDED, stream, by=by, now=now, reason=reason, waiting=waiting)
    return stream


def locked(stream: Stream, by: Actor) -> Stream:
    """Return the stream under its lock, for whoever may manage it. Raises Forbidden, StoppedByAPerson, Ended."""
    stream = Stream.objects.select_for_update(of=("self",)).select_related("resource").get(pk=stream.pk)
    _must_manage(by, stream.resource)
    _must_not_undo(by, stream)
    if stream.ended_at is not None:
        raise Ended(_("This receiver was removed already."))
    return stream


def streams_of(resource_id: uuid.UUID) -> list[Stream]:
    """Return the streams that stand of this resource, oldest first."""
    return list(
        Stream.objects.standing().filter(resource=resource_id).select_related("resource").order_by("created_at", "pk")
    )


def _must_manage(by: Actor, resource: Resource) -> None:
    """A resource manages its own streams. Anybody else must be allowed to."""
    if by.kind == ActorKind.RESOURCE:
        if by.id != resource.pk:
            raise Forbidden(May.MANAGE_SIGNALS, resource)
        return
    require(by, May.MANAGE_SIGNALS, resource)


def _must_not_flood(resource: Resource, by: Actor, now: datetime) -> None:
    if by.kind != ActorKind.RESOURCE:
        return
    if not takes_one("signal-streams", resource.pk, most=MOST_CHANGES, within=CHANGES_WITHIN, now=now):
        raise ChangedTooOften(CHANGES_WITHIN / 4)


def _must_not_undo(by: Actor, stream: Stream) -> None:
    """What a person stopped, no key starts again: not by resuming it, nor by another in its place."""
    stopped = stream.status != StreamStatus.ENABLED and stream.status_because == StatusReason.PERSON
    if by.kind == ActorKind.RESOURCE and stopped:
        raise StoppedByAPerson


def _kept(stream: Stream) -> tuple[object, ...]:
    """What can be changed. The same header given anew is another one: encrypted, nobody can tell."""
    return stream.endpoint_url, stream.authorization_sealed, tuple(stream.events_requested), stream.description


def _who(by: Actor) -> StatusReason:
    return StatusReason.RECEIVER if by.kind == ActorKind.RESOURCE else StatusReason.PERSON


def _reason(text: str, by: Actor, *, needed: bool) -> str:
    if by.kind == ActorKind.USER and needed:
        return reason_of(text)
    return one_line("reason", text, longest=500, needed=False)


def _begin_anew(stream: Stream) -> None:
    stream.tries, stream.failing_since, stream.next_try_at, stream.refused_in_a_row = 0, None, None, 0


def _append(stream: Stream, now: datetime, *, announces: bool) -> None:
    told = stream_updated(stream.pk, stream.status, stream.status_because)
    signal(stream, told, now=now, announces=announces).save()


def _record(kind: Kind, stream: Stream, *, by: Actor, now: datetime, **facts: object) -> None:
    record(kind, by=by, now=now, resource_id=stream.resource_id, stream=stream.pk, **facts)
