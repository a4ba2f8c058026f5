"""Who is told of changes at St. Anna: the finance system takes signals, the house services have paused theirs."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from consent.models import Signal, Stream
from consent.models.stream import StreamStatus
from consent.signals import streams
from consent.signals.answers import Meaning, Outcome
from consent.signals.delivery import leased, note
from consent.signals.spreading import spread
from console.demo.estate import FINANCE, HOUSE
from console.demo.timeline import Timeline
from console.demo.world import World

UNREADABLE_NUMBER = 3
"""The finance system could not read its third signal, when it was new."""


def tell(world: World, line: Timeline) -> None:
    """Mara adds two receivers after the resources; one of them is paused while its gateway is replaced."""
    line.at(world.moment(50, 10), partial(_add, world, FINANCE, "The gateway in front of the ledger"))
    line.at(world.moment(50, 10, 20), partial(_add, world, HOUSE, ""))
    line.at(world.moment(4, 9), partial(_pause, world))


def _add(world: World, resource: str, description: str, at: datetime) -> None:
    found = world.resources[resource]
    address = f"https://{resource}.st-anna.example/signals"
    streams.create(
        found,
        endpoint_url=address,
        authorization=f"Bearer {resource} listens",
        description=description,
        by=world.actor("mara", at),
        now=at,
    )


def _pause(world: World, at: datetime) -> None:
    stream = Stream.objects.standing().get(resource=world.resources[HOUSE])
    reason = "The gateway is being replaced this week."
    streams.set_status(stream, StreamStatus.PAUSED, by=world.actor("mara", at), now=at, reason=reason)


def deliver(at: datetime) -> None:
    """Let each receiver have taken what waits for it, as the worker would note it. Nobody is called."""
    spread(now=at)
    for stream_id in list(Stream.objects.due(at).values_list("pk", flat=True)):
        stream = leased(stream_id, at)
        if stream is None:
            continue
        waiting = Signal.objects.waiting().filter(stream=stream)
        for signal in list(waiting if stream.status == StreamStatus.ENABLED else waiting.filter(announces=True)):
            unreadable = signal.number == UNREADABLE_NUMBER and stream.resource.uri.startswith("https://finance")
            said = Outcome(Meaning.UNREADABLE, "invalid_request") if unreadable else Outcome(Meaning.TAKEN)
            note(stream, signal, said, at)
        Stream.objects.filter(pk=stream_id).update(lease=None, lease_until=None)
