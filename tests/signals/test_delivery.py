"""Sending: in order, at least once, ever more seldom while a receiver is away, and without losing anything (RFC 8935)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from agents import outgoing
from agents.models import Event
from consent import mandate
from consent.models import Signal, Stream
from consent.models.stream import StreamStatus
from consent.signals import delivery, streams
from consent.signals.answers import LONGEST_RETRY_AFTER
from consent.signals.delivery import GIVEN_UP_AFTER, LEASE, deliver, deliver_all, pause_after
from consent.signals.spreading import spread
from tests import grants, receiving
from tests.builders import actor, events
from tests.receiving import refuses

pytestmark = [pytest.mark.django_db, pytest.mark.engine, pytest.mark.usefixtures("nothing_noted")]


@pytest.fixture
def stream(records, receiver, nothing_noted):
    return receiving.stream(records, receiver)


def changes(discharge_client, weber, read_records, write_letters, *, many: int = 3) -> list[str]:
    """So many consents, each narrowed and then revoked. The ids in the order of what has to be told."""
    told = []
    for number in range(many):
        scopes = [read_records, write_letters]
        given = grants.consent(discharge_client, scopes=scopes, user=weber, purpose=f"Reason {number}")
        now = timezone.now()
        mandate.narrow(given.pk, keep=frozenset({read_records}), reason="Less.", by=actor(weber), now=now)
        mandate.revoke(given.pk, reason="Enough.", by=actor(weber), now=timezone.now())
        told += [str(given.pk)] * 2
    return told


@pytest.fixture
def happened(discharge_client, weber, read_records, write_letters):
    return lambda many=3: changes(discharge_client, weber, read_records, write_letters, many=many)


def test_signals_come_in_the_order_of_what_happened(stream, receiver, happened):
    expected = happened()
    assert deliver_all(now=timezone.now()) == 6
    assert receiver.subjects("session") == expected
    assert receiver.types() == ["token-claims-change", "session-revoked"] * 3
    assert list(stream.signals.values_list("number", flat=True)) == [1, 2, 3, 4, 5, 6]


def test_a_receiver_that_was_down_loses_nothing(records, receiver, happened):
    stream = receiving.stream(records, receiver)
    receiver.answers = [(503, b"", {})]
    expected = happened()
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        assert deliver_all(now=start) == 0
        assert deliver(stream.pk) == 0  # not before its time
        clock.shift(pause_after(0))
        assert deliver(stream.pk) == 6
    assert receiver.subjects("session") == expected
    stream.refresh_from_db()
    assert (stream.tries, stream.failing_since, stream.last_error) == (0, None, "")


def test_nobody_listening_is_no_error_and_loses_nothing(records, receiver, happened):
    stream = receiving.stream(records, receiver)
    receiver.stop()
    happened()
    assert deliver_all(now=timezone.now()) == 0
    stream.refresh_from_db()
    assert (stream.last_error, stream.tries) == ("not_reached", 1)
    assert Signal.objects.waiting().count() == 6


def test_pauses_grow_and_are_bounded(stream, receiver, happened):
    happened(1)
    receiver.says = lambda _claims: (500, b"", {})
    start = timezone.now()
    pauses = []
    with time_machine.travel(start, tick=False) as clock:
        spread(now=start)
        for _ in range(12):
            before = timezone.now()
            deliver(stream.pk)
            stream.refresh_from_db()
            pauses.append(stream.next_try_at - before)
            clock.move_to(stream.next_try_at)
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (timedelta(seconds=10), timedelta(hours=1))
    assert len(receiver.seen) == 12


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("120", timedelta(seconds=120)),
        ("999999999999", LONGEST_RETRY_AFTER),
        ("Wed, 21 Oct 2015 07:28:00 GMT", pause_after(0)),
        ("soon", pause_after(0)),
        ("-5", pause_after(0)),
    ],
)
def test_a_receiver_says_when_to_come_again(stream, receiver, happened, said, wait):
    happened(1)
    receiver.answers = [(503, b"", {"Retry-After": said})]
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        deliver_all(now=start)
    stream.refresh_from_db()
    assert stream.next_try_at == start + wait


@pytest.mark.parametrize(
    "error", ["invalid_key", "invalid_issuer", "invalid_audience", "authentication_failed", "access_denied"]
)
def test_what_is_wrong_with_the_set_up_keeps_everything_waiting(stream, receiver, happened, error):
    happened()
    receiver.answers = [refuses(error)]
    assert deliver_all(now=timezone.now()) == 0
    stream.refresh_from_db()
    assert stream.last_error == error
    assert Signal.objects.waiting().count() == 6


def test_one_signal_that_cannot_be_read_is_set_aside_and_the_next_ones_arrive(stream, receiver, happened):
    happened()
    receiver.answers = [refuses("invalid_request")]
    assert deliver_all(now=timezone.now()) == 5
    aside = Signal.objects.get(set_aside_at__isnull=False)
    assert aside.number == 1
    (event,) = events("signal.set_aside")
    assert (event.outcome, event.reason_code, event.resource_id) == ("refused", "unreadable", stream.resource_id)
    assert event.detail == {"stream": str(stream.pk), "signal": str(aside.pk), "number": 1}


def test_what_was_set_aside_can_be_sent_again(stream, receiver, happened, mara):
    happened(1)
    receiver.answers = [refuses("invalid_request")]
    deliver_all(now=timezone.now())
    assert streams.send_again(stream, by=actor(mara), now=timezone.now()) == 1
    assert deliver(stream.pk) == 1
    assert not Signal.objects.waiting().exists()


def test_a_receiver_that_reads_nothing_stops_its_stream_and_loses_nothing(stream, receiver, happened, mara):
    expected = happened()
    receiver.says = lambda claims: None if "stream-updated" in str(claims) else refuses("invalid_request")
    deliver_all(now=timezone.now())
    stream.refresh_from_db()
    assert (stream.status, stream.status_because) == ("paused", "unreadable")
    (event,) = events("signal_stream.stopped")
    assert event.detail["waiting"] == 3
    deliver(stream.pk)
    assert receiver.types() == ["stream-updated"]
    assert next(iter(receiver.received[0]["events"].values())) == {"status": "paused", "reason": "unreadable"}

    receiver.says = lambda _claims: None
    streams.set_status(stream, StreamStatus.ENABLED, by=actor(mara), now=timezone.now())
    deliver(stream.pk)
    assert receiver.subjects("session") == expected


def test_after_a_week_a_stream_stops_with_a_warning_and_keeps_what_happens(stream, receiver, happened, mara, weber):
    happened(1)
    receiver.says = lambda _claims: (404, b"", {})
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        deliver_all(now=start)
        clock.shift(GIVEN_UP_AFTER)
        deliver(stream.pk)
        stream.refresh_from_db()
        assert (stream.status, stream.status_because, stream.last_error) == ("paused", "not_reached", "status_404")
        (event,) = events("signal_stream.stopped")
        assert (event.outcome, event.reason_code) == ("refused", "not_reached")
        receiver.says = lambda _claims: None
        happened_later = spread(now=timezone.now())
        assert happened_later == 0
        streams.set_status(stream, StreamStatus.ENABLED, by=actor(mara), now=timezone.now())
        assert deliver(stream.pk) == 4  # both signals, and that it was paused and sends again
    assert receiver.types() == ["token-claims-change", "session-revoked", "stream-updated", "stream-updated"]


def test_a_worker_killed_between_sending_and_noting_sends_the_same_again(stream, receiver, happened):
    happened(1)
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        spread(now=start)
        killed = delivery.leased(stream.pk, start)
        delivery._send(killed, delivery._next(killed), start)  # and then it is no more: nothing is noted, or given back
        assert deliver(stream.pk) == 0
        clock.shift(LEASE)
        assert deliver(stream.pk) == 2
    jtis = [claims["jti"] for claims in receiver.received]
    assert jtis[0] == jtis[1]  # sent twice, known again
    assert len(set(jtis)) == 2


def test_one_receiver_that_is_down_holds_up_no_other(
    records, directory, receiver, another, happened, discharge_client, weber, look_up_staff
):
    receiving.stream(records, receiver)
    receiving.stream(directory, another)
    receiver.says = lambda _claims: (500, b"", {})
    happened(1)
    given = grants.consent(discharge_client, scopes=[look_up_staff], user=weber, purpose="Staff")
    mandate.revoke(given.pk, reason="Enough.", by=actor(weber), now=timezone.now())
    deliver_all(now=timezone.now())
    assert another.types() == ["session-revoked"]


def test_a_change_to_what_already_holds_is_no_event(stream, mara):
    told = {"endpoint_url": stream.endpoint_url, "events_requested": stream.events_requested, "description": ""}
    streams.change(stream, **told, by=actor(mara), now=timezone.now())
    assert not events("signal_stream.changed")
    streams.change(stream, **{**told, "description": "Ward 3"}, by=actor(mara), now=timezone.now())
    assert len(events("signal_stream.changed")) == 1


def test_the_header_goes_along_and_stands_nowhere_in_clear(records, receiver, happened, mara):
    stream = receiving.stream(records, receiver, authorization="Bearer very-secret-words")
    happened(1)
    deliver_all(now=timezone.now())
    assert receiver.headers[0]["Authorization"] == "Bearer very-secret-words"
    kept = f"{list(Stream.objects.values())}{list(Event.objects.values())}{list(Signal.objects.values())}"
    assert "very-secret-words" not in kept
    moved = streams.change(stream, endpoint_url="https://elsewhere.example/", by=actor(mara), now=timezone.now())
    assert moved.authorization_sealed == ""  # it was meant for the other host


def test_a_header_that_cannot_be_read_any_more_keeps_everything_waiting(records, receiver, happened):
    stream = receiving.stream(records, receiver, authorization="Bearer very-secret-words")
    Stream.objects.filter(pk=stream.pk).update(authorization_sealed="of another key-encryption secret")
    happened(1)
    assert deliver_all(now=timezone.now()) == 0
    stream.refresh_from_db()
    assert (receiver.seen, stream.last_error) == ([], "secret_unreadable")
    assert Signal.objects.waiting().count() == 2


def test_a_redirect_is_not_followed(stream, receiver, another, happened):
    happened(1)
    receiver.answers = [(307, b"", {"Location": another.url})]
    deliver_all(now=timezone.now())
    stream.refresh_from_db()
    assert (another.seen, stream.last_error) == ([], "status_307")


def test_a_name_that_leads_inside_is_not_called(stream, receiver, happened, settings):
    happened(1)
    settings.LOCAL_CALLS = False
    deliver_all(now=timezone.now())
    stream.refresh_from_db()
    assert (receiver.seen, stream.last_error) == ([], "address_not_public")
    assert Signal.objects.waiting().count() == 2


def test_an_answer_without_end_holds_nobody_up(stream, receiver, happened, monkeypatch):
    happened(1)
    monkeypatch.setattr(delivery, "post_for_answer", lambda *_args, **_kwargs: outgoing.Answer(400, "", b"[" * 16_000))
    deliver_all(now=timezone.now())
    stream.refresh_from_db()
    assert stream.last_error == "status_400"


def test_a_paused_stream_keeps_and_one_that_is_off_does_not(stream, receiver, happened, mara):
    now = timezone.now()
    streams.set_status(stream, StreamStatus.PAUSED, by=actor(mara), now=now, reason="Work there.")
    happened(1)
    deliver_all(now=timezone.now())
    assert receiver.types() == ["stream-updated"]
    streams.set_status(stream, StreamStatus.ENABLED, by=actor(mara), now=timezone.now())
    deliver_all(now=timezone.now())
    assert receiver.types() == ["stream-updated", "token-claims-change", "session-revoked", "stream-updated"]
    streams.set_status(stream, StreamStatus.DISABLED, by=actor(mara), now=timezone.now(), reason="Not needed.")
    happened(1)
    deliver_all(now=timezone.now())
    assert receiver.types()[4:] == ["stream-updated"]
    assert not Signal.objects.waiting().exists()


def test_a_resource_that_was_removed_is_told_so_and_nothing_more(stream, receiver, records, mara, happened):
    from agents import resources

    resources.end(records, reason="Old.", by=actor(mara), now=timezone.now())
    deliver_all(now=timezone.now())
    assert receiver.types() == ["stream-updated"]
    stream.refresh_from_db()
    assert (stream.status, stream.status_because) == ("disabled", "resource_ended")


def test_a_removed_stream_is_sent_nothing(stream, receiver, happened, mara):
    happened(1)
    spread(now=timezone.now())
    streams.end(stream, by=actor(mara), now=timezone.now(), reason="Gone.")
    assert deliver_all(now=timezone.now()) == 0
    assert receiver.seen == []


def test_verification_carries_the_state(stream, receiver, mara):
    streams.verify(stream, by=actor(mara), now=timezone.now(), state="abc")
    deliver_all(now=timezone.now())
    claims = receiving.verified(receiver.seen[0], stream.resource.uri)
    assert claims["sub_id"] == {"format": "opaque", "id": str(stream.pk)}
    assert claims["events"] == {"https://schemas.openid.net/secevent/ssf/event-type/verification": {"state": "abc"}}
    assert "txn" not in claims


def test_a_clock_that_was_set_back_delivers_all_the_same(stream, receiver, happened):
    happened(1)
    with time_machine.travel(datetime(2020, 1, 1, tzinfo=timezone.now().tzinfo), tick=False):
        assert deliver_all(now=timezone.now()) == 2


def test_who_takes_their_time_with_each_signal_lets_others_have_their_turn(stream, receiver, happened, monkeypatch):
    """One worker may be all there is: after a while the rest of a stream goes behind whatever else waits."""
    happened()
    asked_again = []
    monkeypatch.setattr(delivery.serve_stream, "delay", asked_again.append)
    monkeypatch.setattr(delivery, "LONGEST_RUN", timedelta(0))
    spread(now=timezone.now())
    assert delivery.serve_stream(str(stream.pk)) <= 1
    monkeypatch.setattr(delivery, "LONGEST_RUN", timedelta(seconds=20))
    assert delivery.serve_stream(str(stream.pk)) >= 5
    assert asked_again in ([], [str(stream.pk)])
    assert not Signal.objects.waiting().exists()
