"""Receipts: what a resource reports that an agent did, by its own credentials, and nothing that it should not say."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from agents.actors import Actor
from agents.models import Event
from consent import mandate
from tests import builders
from tests.api.reporting import is_problem, sends
from tests.builders import one_refusal
from tests.grants import basic

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def test_a_resource_reports_and_the_event_holds_the_whole_chain(
    said, records_api, weber_allows, weber, discharge, records, settings
):
    response = sends(said, **records_api.header)
    assert response.status_code == 201, response.content
    event = Event.objects.get(kind="receipt.reported")
    assert response.json() == {"event": event.pk, "url": f"{settings.ISSUER}/trail/{event.pk}/"}
    assert event.outcome == "reported"
    assert (event.actor_kind, event.actor_id) == ("resource", records.pk)
    assert (event.user_id, event.consent_id) == (weber.pk, weber_allows.pk)
    assert (event.agent_id, event.client_id) == (discharge.client.agent_id, discharge.client.pk)
    assert (event.resource_id, str(event.token_id)) == (records.pk, said["token"])
    assert event.scopes == "letters:write records:read"
    assert event.data_class == "health"
    assert event.purpose_digest == weber_allows.purpose_digest


def test_the_pseudonym_is_kept_as_a_keyed_digest_and_is_the_same_each_time(said, records_api):
    sends(said, **records_api.header)
    sends({**said, "idempotency_key": "second"}, **records_api.header)
    first, second = Event.objects.filter(kind="receipt.reported").order_by("pk")
    subject = first.detail["records"][0]["subject"]
    assert subject.startswith("subj_")
    assert len(subject) == len("subj_") + 16
    assert "8f1c" not in json.dumps(first.detail).replace(subject, "")
    assert second.detail["records"][0]["subject"] == subject


def test_the_same_key_again_gives_the_same_answer_and_one_event(said, records_api):
    first = sends(said, **records_api.header)
    again = sends(said, **records_api.header)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert Event.objects.filter(kind="receipt.reported").count() == 1


def test_a_key_for_another_receipt_is_refused(said, records_api):
    sends(said, **records_api.header)
    with one_refusal("receipt.refused", "key_used_for_another"):
        response = sends({**said, "operation": "write"}, **records_api.header)
    is_problem(response, 422, "key_used_for_another")


def test_a_refused_receipt_leaves_its_key_free(said, records_api):
    is_problem(sends({**said, "operation": "burn"}, **records_api.header), 422, "invalid_receipt")
    assert sends(said, **records_api.header).status_code == 201


def test_a_key_as_bearer_proves_the_resource_too(said, records_api):
    response = sends(said, HTTP_AUTHORIZATION=f"Bearer {records_api.key}")
    assert response.status_code == 201, response.content


def test_another_resource_cannot_report_for_this_token(said, directory, mara):
    """The token of another resource and one that never was are told alike."""
    key = builders.key(directory, by=mara).key
    with one_refusal("receipt.refused", "unknown_token"):
        foreign = sends(said, **basic(directory.identifier, key))
    assert str(Event.objects.get(kind="receipt.refused").token_id) == said["token"]
    unknown = sends({**said, "token": "01940d2e-7c1a-7000-8000-5f3f6c1ac41d"}, **basic(directory.identifier, key))
    is_problem(foreign, 422, "unknown_token")
    is_problem(unknown, 422, "unknown_token")
    assert foreign.json()["detail"] == unknown.json()["detail"]


def test_what_stands_in_an_idempotency_key_is_not_kept(said, records_api, directory, mara):
    sends({**said, "idempotency_key": "patient:Maria_Schmidt:*1961-03-02"}, **records_api.header)
    kept = Event.objects.get(kind="receipt.reported").detail["idempotency_key"]
    assert kept.startswith("idem_")
    assert "Schmidt" not in json.dumps(list(Event.objects.values_list("detail", flat=True)))


def test_a_receipt_without_a_time_was_done_now_and_that_lies_within_the_life_of_the_token(said, records_api, issued):
    """Nobody can date what an agent did into the time after its token ended by saying it late."""
    sends({**said, "idempotency_key": "early"}, **records_api.header)
    with time_machine.travel(issued["exp"] + 50, tick=False):
        assert sends(said, **records_api.header).status_code == 201
    with time_machine.travel(issued["exp"] + 70, tick=False):
        with one_refusal("receipt.refused", "invalid_receipt"):
            late = sends({**said, "idempotency_key": "late"}, **records_api.header)
        is_problem(late, 422, "invalid_receipt")
        assert late.json()["member"] == "at"
        again = sends({**said, "idempotency_key": "early"}, **records_api.header)
        assert again.status_code == 200, "the answer to a receipt that was taken stays the same"


def test_a_resource_has_its_share_of_a_minute(said, records_api, directory, monkeypatch):
    monkeypatch.setattr("consent.receipts.MOST_A_MINUTE", 3)
    for number in range(3):
        assert sends({**said, "idempotency_key": f"n{number}"}, **records_api.header).status_code == 201
    with one_refusal("receipt.refused", "too_many_receipts"):
        response = sends({**said, "idempotency_key": "n4"}, **records_api.header)
    is_problem(response, 429, "too_many_receipts")
    assert 1 <= int(response["Retry-After"]) <= 60
    assert sends({**said, "idempotency_key": "n2"}, **records_api.header).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(seconds=61), tick=False):
        assert sends({**said, "idempotency_key": "n4"}, **records_api.header).status_code == 201


def test_a_receipt_comes_up_to_a_day_after_the_token_ended_and_no_later(said, records_api, issued):
    end = issued["exp"]
    said["at"] = datetime.fromtimestamp(end, UTC).isoformat()
    with time_machine.travel(end + 24 * 3600 - 5, tick=False):
        assert sends(said, **records_api.header).status_code == 201
    with time_machine.travel(end + 24 * 3600 + 5, tick=False), one_refusal("receipt.refused", "receipt_too_late"):
        is_problem(sends({**said, "idempotency_key": "late"}, **records_api.header), 422, "receipt_too_late")


def test_what_was_done_before_a_revocation_can_still_be_reported(said, records_api, weber_allows, weber):
    mandate.revoke(weber_allows.pk, reason="No longer needed.", by=Actor.person(weber), now=timezone.now())
    assert sends(said, **records_api.header).status_code == 201


def test_the_time_lies_within_the_life_of_the_token(said, records_api):
    now = timezone.now()
    for at in (now - timedelta(hours=2), now + timedelta(hours=2)):
        is_problem(sends({**said, "at": at.isoformat()}, **records_api.header), 422, "invalid_receipt")
    told = sends({**said, "at": now.isoformat()}, **records_api.header)
    assert told.status_code == 201, told.content
    assert Event.objects.get(kind="receipt.reported").detail["at"]


def test_a_refused_receipt_names_the_token_and_what_stands_behind_it(said, records_api, weber_allows, weber, discharge):
    with one_refusal("receipt.refused", "invalid_receipt"):
        sends({**said, "operation": "burn"}, **records_api.header)
    event = Event.objects.get(kind="receipt.refused")
    assert str(event.token_id) == said["token"]
    assert (event.user_id, event.consent_id) == (weber.pk, weber_allows.pk)
    assert (event.agent_id, event.client_id) == (discharge.client.agent_id, discharge.client.pk)
    assert event.resource_id == records_api.resource.pk
