"""A resource looks after its own streams by its key (SSF 1.0 §7, §8.1), and after nobody else's."""

from __future__ import annotations

import json

import pytest
from django.test import Client as Browser
from django.utils import timezone

from agents.models import Event
from consent.models import Signal, Stream
from consent.models.stream import StreamStatus
from consent.signals import streams
from consent.signals.delivery import deliver_all
from consent.signals.events import SESSION_REVOKED, SUPPORTED
from tests import builders, receiving
from tests.api.reporting import is_problem
from tests.builders import actor, events, one_refusal

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
STREAMS, STATUS, VERIFY = "/api/v1/signals/streams", "/api/v1/signals/status", "/api/v1/signals/verification"
OWN = "https://records.st-anna.example/signals"
BODY = {
    "delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": OWN, "authorization_header": "Bearer its-own-secret"},
    "events_requested": [SESSION_REVOKED, "https://schemas.example/unknown"],
    "description": "The gateway",
}


def call(method, path, body=None, *, by, **more):
    """One call by this resource, with a body of JSON."""
    said = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
    return getattr(Browser(enforce_csrf_checks=True), method)(path, **said, **by.header, **more)


def create(by, **changes):
    return call("post", STREAMS, BODY | changes, by=by)


def test_the_discovery_document_says_what_works(settings):
    answer = Browser().get("/.well-known/ssf-configuration")
    assert answer["Content-Type"] == "application/json"
    document = answer.json()
    assert document["issuer"] == settings.ISSUER
    assert document["spec_version"] == "1_0"
    assert document["delivery_methods_supported"] == ["urn:ietf:rfc:8935"]
    assert document["default_subjects"] == "ALL"
    for name in ("configuration_endpoint", "status_endpoint", "verification_endpoint", "jwks_uri"):
        path = document[name].removeprefix(settings.ISSUER)
        assert Browser().get(path).status_code in {200, 401, 405}, name
    assert all(document.values())
    assert Browser().post("/.well-known/ssf-configuration").status_code == 405


def test_a_stream_is_made_read_changed_and_removed(records_api, records, settings):
    answer = create(records_api)
    assert answer.status_code == 201, answer.content
    assert answer["Cache-Control"] == "no-store"
    made = answer.json()
    assert made == {
        "stream_id": str(Stream.objects.get().pk),
        "iss": settings.ISSUER,
        "aud": records.uri,
        "events_supported": list(SUPPORTED),
        "events_requested": BODY["events_requested"],
        "events_delivered": [SESSION_REVOKED],
        "delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": OWN},
        "min_verification_interval": 30,
        "description": "The gateway",
    }
    named = f"{STREAMS}?stream_id={made['stream_id']}"
    assert call("get", named, by=records_api).json() == made
    assert call("get", STREAMS, by=records_api).json() == [made]

    changed = call("patch", STREAMS, {"stream_id": made["stream_id"], "description": "Another"}, by=records_api)
    assert changed.json() == made | {"description": "Another"}
    assert Stream.objects.get().authorization_sealed  # what is not named stays

    replaced = call("put", STREAMS, made | {"events_requested": [SESSION_REVOKED]}, by=records_api)
    assert replaced.status_code == 200, replaced.content
    assert Stream.objects.get().authorization_sealed == ""  # and what is left out of the whole is gone

    assert call("delete", named, by=records_api).status_code == 204
    assert call("get", named, by=records_api).status_code == 404
    assert call("get", STREAMS, by=records_api).json() == []
    told = [event for event in events(outcome="allowed") if event.kind.startswith("signal_stream")]
    assert [event.kind for event in told] == [
        "signal_stream.created",
        "signal_stream.changed",
        "signal_stream.changed",
        "signal_stream.ended",
    ]
    assert {event.actor_kind for event in told} == {"resource"}
    assert "its-own-secret" not in str(list(Event.objects.values()))


def test_an_empty_request_gets_every_type(records_api):
    body = {"delivery": BODY["delivery"]}
    assert call("post", STREAMS, body, by=records_api).json()["events_delivered"] == list(SUPPORTED)


@pytest.mark.parametrize(
    "changes",
    [
        {"delivery": None},
        {"delivery": {}},
        {"delivery": {"method": "urn:ietf:rfc:8936", "endpoint_url": OWN}},
        {"delivery": {"method": "urn:ietf:rfc:8935"}},
        {"delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": 5}},
        {"delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": "http://records.st-anna.example/"}},
        {"delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": "https://user@records.st-anna.example/"}},
        {"delivery": {"method": "urn:ietf:rfc:8935", "endpoint_url": OWN, "authorization_header": "a\r\nb: c"}},
        {"events_requested": "all"},
        {"events_requested": [5]},
        {"events_requested": ["x" * 300]},
        {"events_requested": ["https://a.example/"] * 51},
        {"description": "x" * 201},
        {"description": "a\u202eb"},
        {"description": 5},
    ],
    ids=str,
)
def test_what_is_not_right_is_400_and_changes_nothing(records_api, changes):
    with one_refusal("signal_stream.request_refused"):
        answer = create(records_api, **changes)
    assert answer.status_code == 400, answer.content
    assert answer.json()["status"] == 400
    assert not Stream.objects.exists()


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "5", '"x"', "null", '{"delivery":{},"delivery":{}}', "[" * 20_000, "\ufeff{}"]
)
@pytest.mark.parametrize("path", [STREAMS, STATUS, VERIFY])
def test_a_body_that_cannot_be_read_is_400(records_api, path, body):
    answer = Browser().post(path, body, content_type="application/json", **records_api.header)
    assert answer.status_code == 400, answer.content


def test_by_its_own_key_a_resource_has_signals_sent_to_its_own_host_only(records_api, mara, records):
    elsewhere = BODY["delivery"] | {"endpoint_url": "https://elsewhere.example/signals"}
    with one_refusal("signal_stream.request_refused", "foreign_host"):
        is_problem(create(records_api, delivery=elsewhere), 403, "foreign_host")
    made = create(records_api).json()
    with one_refusal("signal_stream.request_refused", "foreign_host"):
        answer = call("patch", STREAMS, {"stream_id": made["stream_id"], "delivery": elsewhere}, by=records_api)
        is_problem(answer, 403, "foreign_host")
    assert Stream.objects.get().endpoint_url == OWN
    assert receiving.stream(records, "https://elsewhere.example/signals", by=mara)  # a person may


def test_another_resource_finds_nothing(records_api, directory_api):
    made = create(records_api).json()
    stream_id = made["stream_id"]
    assert call("get", STREAMS, by=directory_api).json() == []
    for method, path, body in (
        ("get", f"{STREAMS}?stream_id={stream_id}", None),
        ("delete", f"{STREAMS}?stream_id={stream_id}", None),
        ("patch", STREAMS, {"stream_id": stream_id, "description": "mine"}),
        ("put", STREAMS, made),
        ("get", f"{STATUS}?stream_id={stream_id}", None),
        ("post", STATUS, {"stream_id": stream_id, "status": "disabled"}),
        ("post", VERIFY, {"stream_id": stream_id}),
    ):
        with one_refusal("signal_stream.request_refused", "not_found"):
            foreign = call(method, path, body, by=directory_api)
        is_problem(foreign, 404, "not_found")
    stream = Stream.objects.get()
    assert (stream.status, stream.description) == ("enabled", "The gateway")
    assert not Signal.objects.exists()


@pytest.mark.parametrize("stream_id", ["", "x", "0190f4b0-0000-7000-8000-000000000000", "a\0b", "1" * 300])
def test_an_unknown_stream_is_none(records_api, stream_id):
    answer = Browser().get(STREAMS, {"stream_id": stream_id}, **records_api.header)
    assert answer.status_code == 404
    assert call("post", VERIFY, {"stream_id": stream_id}, by=records_api).status_code in {400, 404}


def test_two_ids_are_none(records_api):
    assert Browser().get(f"{STREAMS}?stream_id=a&stream_id=b", **records_api.header).status_code == 400


def test_only_a_resource_that_proves_itself(discharge, mara, records_api):
    for header in ({}, discharge.header, {"HTTP_AUTHORIZATION": "Bearer nonsense"}):
        for path in (STREAMS, STATUS, VERIFY):
            answer = Browser().post(path, json.dumps(BODY), content_type="application/json", **header)
            is_problem(answer, 401, "not_authenticated")
    assert builders.browser(mara).get(STREAMS).status_code == 401  # no session counts here
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {records_api.key}"}
    assert Browser().get(STREAMS, **bearer).status_code == 200


def test_the_status_is_read_and_changed(records_api):
    stream_id = create(records_api).json()["stream_id"]
    named = f"{STATUS}?stream_id={stream_id}"
    assert call("get", named, by=records_api).json() == {
        "stream_id": stream_id,
        "status": "enabled",
        "reason": "receiver",
    }
    paused = call("post", STATUS, {"stream_id": stream_id, "status": "paused", "reason": "Upgrade"}, by=records_api)
    assert paused.json()["status"] == "paused"
    assert not Signal.objects.exists()  # its receiver knows: it asked for it
    assert call("post", VERIFY, {"stream_id": stream_id}, by=records_api).status_code == 409
    assert (
        call("post", STATUS, {"stream_id": stream_id, "status": "enabled"}, by=records_api).json()["status"]
        == "enabled"
    )
    assert call("post", STATUS, {"stream_id": stream_id, "status": "deleted"}, by=records_api).status_code == 400
    assert call("get", STATUS, by=records_api).status_code == 400


def test_what_a_person_stopped_no_key_starts_again(records_api, mara):
    stream_id = create(records_api).json()["stream_id"]
    now = timezone.now()
    streams.set_status(Stream.objects.get(), StreamStatus.PAUSED, by=actor(mara), now=now, reason="Odd.")
    for method, path, body in (
        ("post", STATUS, {"stream_id": stream_id, "status": "enabled"}),
        ("patch", STREAMS, {"stream_id": stream_id, "description": "x"}),
        ("delete", f"{STREAMS}?stream_id={stream_id}", None),
        ("post", STREAMS, BODY),
    ):
        with one_refusal("signal_stream.request_refused", "stopped_by_a_person"):
            is_problem(call(method, path, body, by=records_api), 403, "stopped_by_a_person")
    assert Stream.objects.get().status == "paused"


def test_a_verification_arrives_with_its_state_and_not_too_often(records_api, records, receiver):
    stream = receiving.stream(records, receiver)
    body = {"stream_id": str(stream.pk), "state": "VGhpcyBpcyBhbiBleGFtcGxl"}
    answer = call("post", VERIFY, body, by=records_api)
    assert (answer.status_code, answer.content) == (204, b"")
    deliver_all(now=timezone.now())
    event = receiving.verified(receiver.seen[0], records.uri)["events"]
    assert next(iter(event.values())) == {"state": body["state"]}
    again = call("post", VERIFY, body, by=records_api)
    is_problem(again, 429, "asked_too_soon")
    assert 1 <= int(again["Retry-After"]) <= 30
    assert call("post", VERIFY, {**body, "state": "x" * 2_000}, by=records_api).status_code == 400


def test_a_resource_has_a_few_streams_and_no_more(records_api):
    for _ in range(5):
        assert create(records_api).status_code == 201
    is_problem(create(records_api), 409, "too_many_streams")


def test_a_resource_changes_its_streams_so_often_and_no_more(records_api, records, mara, monkeypatch):
    """Each change is an event, and a key in wrong hands must not fill the trail. People are not counted."""
    monkeypatch.setattr(streams, "MOST_CHANGES", 4)
    made = create(records_api).json()
    named = {"stream_id": made["stream_id"]}
    assert call("patch", STREAMS, named | {"description": "Another"}, by=records_api).status_code == 200
    for status in ("paused", "enabled"):
        assert call("post", STATUS, named | {"status": status}, by=records_api).status_code == 200
    for method, path, more in (
        ("patch", STREAMS, {"description": "Once more"}),
        ("put", STREAMS, BODY),
        ("post", STATUS, {"status": "paused"}),
    ):
        with one_refusal("signal_stream.request_refused", "changed_too_often"):
            answer = call(method, path, named | more, by=records_api)
        is_problem(answer, 429, "changed_too_often")
        assert int(answer["Retry-After"]) > 0
    is_problem(create(records_api), 429, "changed_too_often")
    is_problem(call("delete", f"{STREAMS}?stream_id={made['stream_id']}", by=records_api), 429, "changed_too_often")
    stream = Stream.objects.get()
    assert (stream.status, stream.description) == ("enabled", "Another")
    streams.end(stream, reason="Theirs no more.", by=actor(mara), now=timezone.now())


def test_what_mandate_supplies_must_be_right(records_api):
    made = create(records_api).json()
    for changes in ({"iss": "https://other.example"}, {"aud": "x"}, {"min_verification_interval": 1}):
        assert call("patch", STREAMS, {"stream_id": made["stream_id"]} | changes, by=records_api).status_code == 400
    assert call("patch", STREAMS, made, by=records_api).status_code == 200


def test_a_new_address_at_another_port_forgets_the_header(records_api):
    made = create(records_api).json()
    other = {"method": "urn:ietf:rfc:8935", "endpoint_url": "https://records.st-anna.example:8443/signals"}
    call("patch", STREAMS, {"stream_id": made["stream_id"], "delivery": other}, by=records_api)
    assert Stream.objects.get().authorization_sealed == ""  # a secret goes only where it was meant to
