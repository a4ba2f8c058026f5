"""S53, S54 for receivers of signals: no address of theirs makes Mandate knock inside, and no answer holds it up."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from agents.errors import InvalidInput
from agents.outgoing import Answer, NotReached, post_for_answer
from consent.models import Signal, Stream
from consent.signals import streams
from consent.signals.answers import Meaning, read
from consent.signals.delivery import deliver_all
from tests import receiving
from tests.builders import actor
from tests.outside import INSIDE, drip, endless, endless_head, names_lead_to

pytestmark = [pytest.mark.django_db]
ADDRESS = "https://records.st-anna.example/signals"


@pytest.fixture
def stream(records, mara):
    made = receiving.stream(records, ADDRESS, by=mara, authorization="Bearer secret")
    streams.verify(made, by=actor(mara), now=timezone.now())
    return made


@pytest.mark.parametrize(
    "url",
    [
        "http://records.example/", "https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://10.0.0.1/",
        "https://[::ffff:127.0.0.1]/", "https://user@records.example/", "ftp://records.example/", "file:///etc/passwd",
        "https://records.example/#x", "https:///x", "records.example", "https://records.example/ x", "https://" + "x" * 500,
        "https://records.example:99999/", "https://records.example:0/", "javascript:alert(1)", "https://records.example/\r\nX: y", "https://records.example/\0",
    ],
)  # fmt: skip
def test_s53_such_an_address_is_not_registered(records, mara, url):
    with pytest.raises(InvalidInput):
        receiving.stream(records, url, by=mara)
    assert not Stream.objects.exists()


@pytest.mark.parametrize("address", INSIDE)
def test_s53_a_name_that_leads_inside_is_not_called_and_nothing_is_lost(stream, address, dialled, monkeypatch):
    names_lead_to(monkeypatch, [address])
    deliver_all(now=timezone.now())
    stream.refresh_from_db()
    assert not dialled
    assert stream.last_error == "address_not_public"
    assert Signal.objects.waiting().count() == 1


def test_s53_a_name_that_leads_to_both_is_not_called(stream, dialled, monkeypatch):
    names_lead_to(monkeypatch, ["93.184.216.34", "127.0.0.1"])
    deliver_all(now=timezone.now())
    assert not dialled


def test_s53_a_second_answer_after_the_check_is_never_asked_for(stream, dialled, monkeypatch):
    names_lead_to(monkeypatch, ["93.184.216.34"], ["127.0.0.1"])
    deliver_all(now=timezone.now())
    assert dialled == [("93.184.216.34", 443)]


@pytest.mark.parametrize("answers", [drip, endless, endless_head], ids=lambda f: f.__name__)
def test_s54_no_answer_holds_a_worker_up(answers, host):
    started = time.monotonic()
    try:
        said = post_for_answer(host(answers), body=b"x", headers={}, within=1.0, most=16_384)
    except NotReached:
        said = Answer(0)
    assert len(said.body) <= 16_384
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    "said",
    [
        "Mon, 99999999999999999999 Jan 2026 00:00:00 GMT",
        "Mon, 01 Jan 99999 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 +1459",
        "Mon, 31 Dec 9999 23:59:59 -1459",
        "Mon, 01 Jan 2026 00:00:00 +99999999999999999999",
        "9" * 100,
        "-1",
        "1e9",
        ";;;",
    ],
)
def test_s54_when_to_come_again_is_read_from_anything(said):
    outcome = read(Answer(503, said), now=timezone.now())
    assert outcome.meaning is Meaning.LATER
    assert outcome.wait is None or timedelta(0) <= outcome.wait <= timedelta(hours=6)
