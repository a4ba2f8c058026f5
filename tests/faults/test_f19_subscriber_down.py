"""F19: receivers of signals that are down for an hour, or for ever: in order, none lost, the others on time, pauses bounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents.models import Notice
from consent import mandate
from consent.models import Stream
from consent.signals.delivery import GIVEN_UP_AFTER, LONGEST_PAUSE, deliver_all
from tests import grants, receiving
from tests.builders import actor, events
from tests.receiving import Receiver

pytestmark = [pytest.mark.faults, pytest.mark.engine, pytest.mark.django_db(transaction=True)]
AWAY = (503, b"", {})


@pytest.fixture
def receivers(settings) -> Iterator[dict[str, Receiver]]:
    """One that is well, one that is down for an hour, one that is down for ever."""
    settings.LOCAL_CALLS = True
    made = {name: Receiver() for name in ("well", "hour", "ever")}
    made["hour"].says = made["ever"].says = lambda _claims: AWAY
    yield made
    for receiver in made.values():
        receiver.stop()


def test_f19_receivers_that_are_down(receivers, records, discharge_client, weber, read_records, write_letters, mara):
    streams = {name: receiving.stream(records, receiver, by=mara) for name, receiver in receivers.items()}
    given = [
        grants.consent(
            discharge_client,
            scopes=[read_records, write_letters],
            user=weber,
            purpose=f"Reason {number}",
            life=timedelta(days=60),
        )
        for number in range(6)
    ]
    Notice.objects.all().delete()
    start = timezone.now()
    expected = []
    with time_machine.travel(start, tick=False) as clock:
        for minute in range(60):
            if minute % 10 == 0:
                consent = given[minute // 10]
                mandate.revoke(consent.pk, reason="Enough.", by=actor(weber), now=timezone.now())
                expected.append(str(consent.pk))
                deliver_all(now=timezone.now())
                deliver_all(now=timezone.now())  # each task twice (F4)
                assert receivers["well"].subjects("session") == expected  # on time, whoever else is down
            else:
                deliver_all(now=timezone.now())
            clock.shift(timedelta(minutes=1))
        tries = len(receivers["hour"].seen)
        assert tries <= 12  # ever more seldom
        receivers["hour"].says = lambda _claims: None
        clock.shift(LONGEST_PAUSE)
        deliver_all(now=timezone.now())
        assert receivers["hour"].subjects("session") == expected
        doubled = Counter(claims["jti"] for claims in receivers["hour"].received)
        assert set(doubled.values()) == {1}

        clock.shift(GIVEN_UP_AFTER)
        deliver_all(now=timezone.now())
        stopped = Stream.objects.get(pk=streams["ever"].pk)
        assert (stopped.status, stopped.status_because) == ("paused", "not_reached")
        (event,) = events("signal_stream.stopped")
        assert event.detail["waiting"] == len(expected)  # and nothing of it is lost
