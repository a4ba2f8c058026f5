"""Receivers of signals on pages: seen, added, tested, paused, resumed, mended and removed; and who may not."""

from __future__ import annotations

import pytest
from django.utils import timezone

from consent import mandate
from consent.models import Signal, Stream
from consent.models.stream import StatusReason
from consent.signals.delivery import deliver_all, stop
from consent.signals.events import SESSION_REVOKED
from tests import builders, receiving
from tests.builders import actor, events
from tests.receiving import refuses

pytestmark = pytest.mark.django_db
ADDRESS = "https://records.st-anna.example/signals"


@pytest.fixture
def stream(records):
    return receiving.stream(records, ADDRESS)


def form(records, **changes):
    return {
        "resource": str(records.pk),
        "endpoint_url": ADDRESS,
        "authorization": "Bearer abc",
        "heard": [SESSION_REVOKED],
        "description": "The gateway",
    } | changes


def test_an_administrator_adds_a_receiver_from_the_page_of_the_resource(mara, records):
    browser = builders.browser(mara)
    page = browser.get(f"/resources/{records.pk}/").content.decode()
    assert f"/signals/new/?resource={records.pk}" in page
    assert f'value="{records.pk}" selected' in browser.get(f"/signals/new/?resource={records.pk}").content.decode()
    answer = browser.post("/signals/new/", form(records))
    stream = Stream.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == f"/signals/{stream.pk}/"
    assert (stream.resource, stream.events_requested, stream.created_by) == (records, [SESSION_REVOKED], mara)
    (event,) = events("signal_stream.created")
    assert event.detail == {"stream": str(stream.pk), "host": "records.st-anna.example", "signals": ["session-revoked"]}
    assert "Bearer abc" not in browser.get(answer["Location"]).content.decode()
    assert "records.st-anna.example" in browser.get("/signals/").content.decode()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"endpoint_url": "http://records.st-anna.example/"}, "https://"),
        ({"endpoint_url": "https://127.0.0.1/"}, "Mandate does not call itself"),
        ({"endpoint_url": "https://10.0.0.7/"}, "by its name"),
        ({"endpoint_url": "https://user@records.st-anna.example/"}, "user name"),
        ({"authorization": "Bearer a\r\nX: y"}, "one header line"),
        ({"authorization": "Bearer ä"}, "one header line"),
        ({"heard": []}, "required"),
        ({"resource": "0190f4b0-0000-7000-8000-000000000000"}, "choice"),
    ],
)
def test_what_cannot_be_is_said_at_its_field(mara, records, changes, said):
    answer = builders.browser(mara).post("/signals/new/", form(records, **changes))
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert not Stream.objects.exists()


def test_a_resource_has_a_few_receivers_and_no_more(mara, records):
    for number in range(5):
        receiving.stream(records, f"{ADDRESS}/{number}")
    answer = builders.browser(mara).post("/signals/new/", form(records))
    assert "has 5 receivers already" in answer.content.decode()
    assert Stream.objects.count() == 5


def test_the_page_tells_of_a_receiver_that_is_down(mara, records, nothing_noted, receiver, weber_allows, weber):
    stream = receiving.stream(records, receiver)
    receiver.says = lambda _claims: (503, b"", {})
    mandate.revoke(weber_allows.pk, reason="Enough.", by=actor(weber), now=timezone.now())
    deliver_all(now=timezone.now())
    page = builders.browser(mara).get(f"/signals/{stream.pk}/").content.decode()
    assert "It cannot take signals at present (it answered 503)." in page
    assert "Nothing is lost" in page
    assert "Access was taken away" in page
    assert "not reached" in builders.browser(mara).get("/signals/").content.decode()


def test_a_test_signal_goes_out_and_is_seen_to_have_arrived(mara, records, receiver):
    stream = receiving.stream(records, receiver)
    browser = builders.browser(mara)
    assert browser.post(f"/signals/{stream.pk}/test/").status_code == 302
    deliver_all(now=timezone.now())
    assert receiver.types() == ["verification"]
    page = browser.get(f"/signals/{stream.pk}/").content.decode()
    assert "Test signal" in page
    assert "taken" in page
    again = browser.post(f"/signals/{stream.pk}/test/")
    assert again.status_code == 409
    assert "a moment ago" in again.content.decode()


def test_pausing_needs_a_reason_and_resuming_sends_what_waited(mara, stream):
    browser = builders.browser(mara)
    assert browser.post(f"/signals/{stream.pk}/pause/", {"reason": " "}).status_code == 200
    assert Stream.objects.get().status == "enabled"
    assert browser.post(f"/signals/{stream.pk}/pause/", {"reason": "Work there."}).status_code == 302
    assert Stream.objects.get().status == "paused"
    assert browser.post(f"/signals/{stream.pk}/test/").status_code == 409
    assert browser.post(f"/signals/{stream.pk}/resume/").status_code == 302
    assert Stream.objects.get().status == "enabled"
    told = [event.kind for event in events() if event.kind.startswith("signal_stream")]
    assert told == ["signal_stream.created", "signal_stream.paused", "signal_stream.resumed"]


def test_what_was_set_aside_is_sent_again_from_the_page(mara, records, nothing_noted, receiver, weber_allows, weber):
    stream = receiving.stream(records, receiver)
    receiver.answers = [refuses("invalid_request")]
    mandate.revoke(weber_allows.pk, reason="Enough.", by=actor(weber), now=timezone.now())
    deliver_all(now=timezone.now())
    browser = builders.browser(mara)
    assert "One signal is set aside." in browser.get(f"/signals/{stream.pk}/").content.decode()
    assert browser.post(f"/signals/{stream.pk}/again/").status_code == 302
    deliver_all(now=timezone.now())
    assert receiver.types() == ["session-revoked"]


def test_editing_keeps_the_header_until_it_is_taken_away_or_the_host_changes(mara, records):
    stream = receiving.stream(records, ADDRESS, authorization="Bearer abc")
    browser = builders.browser(mara)
    right = {"endpoint_url": f"{ADDRESS}/2", "authorization": "", "heard": [SESSION_REVOKED], "description": ""}
    assert browser.post(f"/signals/{stream.pk}/edit/", right).status_code == 302
    stream.refresh_from_db()
    assert (stream.endpoint_url, bool(stream.authorization_sealed)) == (f"{ADDRESS}/2", True)
    browser.post(f"/signals/{stream.pk}/edit/", right | {"no_header": "on"})
    stream.refresh_from_db()
    assert stream.authorization_sealed == ""
    (first, _) = events("signal_stream.changed")
    assert first.detail["before"]["signals"] != first.detail["after"]["signals"]
    assert "abc" not in str(first.detail)


def test_a_removed_receiver_is_gone(mara, stream):
    browser = builders.browser(mara)
    assert browser.post(f"/signals/{stream.pk}/remove/", {"reason": "Replaced."}).status_code == 302
    assert browser.get(f"/signals/{stream.pk}/").status_code == 404
    assert browser.post(f"/signals/{stream.pk}/resume/").status_code == 404
    assert "Nobody is told yet" in browser.get("/signals/").content.decode()


def test_an_auditor_reads_and_changes_nothing(omar, stream):
    browser = builders.browser(omar)
    page = browser.get(f"/signals/{stream.pk}/")
    assert page.status_code == 200
    assert ADDRESS not in page.content.decode()  # a path can hold a secret
    for verb in ("edit", "test", "pause", "resume", "again", "remove"):
        assert browser.post(f"/signals/{stream.pk}/{verb}/", {"reason": "x"}).status_code == 403
    assert browser.get("/signals/new/").status_code == 403
    assert Stream.objects.get().status == "enabled"


@pytest.mark.parametrize("who", ["ada", "weber", "mallory"])
def test_nobody_else_sees_any_of_it(request, who, stream, records):
    browser = builders.browser(request.getfixturevalue(who))
    assert browser.get("/signals/").status_code == 403
    assert browser.get(f"/signals/{stream.pk}/").status_code == 404
    assert browser.post(f"/signals/{stream.pk}/remove/", {"reason": "x"}).status_code == 404
    page = browser.get(f"/resources/{records.pk}/").content.decode()
    assert "Told of changes" not in page


def test_a_list_keeps_its_number_of_queries(mara, records, directory, django_assert_max_num_queries):
    browser = builders.browser(mara)
    for number in range(4):
        receiving.stream(records, f"{ADDRESS}/{number}")
        receiving.stream(directory, f"https://directory.st-anna.example/{number}")
    with django_assert_max_num_queries(8):
        browser.get("/signals/")


def test_a_receiver_with_a_long_queue_is_a_short_page(mara, stream, now, django_assert_max_num_queries):
    Signal.objects.bulk_create(
        Signal(stream=stream, number=number, type=SESSION_REVOKED, claims={}, made_at=now) for number in range(1, 300)
    )
    browser = builders.browser(mara)
    with django_assert_max_num_queries(6):
        page = browser.get(f"/signals/{stream.pk}/").content.decode()
    assert page.count("<tr>") < 40


def test_a_receiver_that_mandate_stopped_telling_waits_on_the_overview(mara, omar, stream):
    stop(stream, because=StatusReason.NOT_REACHED, now=timezone.now())
    stream.save()
    page = builders.browser(mara).get("/").content.decode()
    assert "is told of changes no more" in page
    assert stream.get_absolute_url() in page
    assert "Mandate tried for a week" in builders.browser(mara).get(stream.get_absolute_url()).content.decode()
    assert "is told of changes no more" not in builders.browser(omar).get("/").content.decode()
