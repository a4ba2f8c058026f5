"""Receipts: what a resource reports that an agent did, by its own credentials, and nothing that it should not say."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client as Browser
from django.utils import timezone

from agents import credentials, resources
from agents.actors import Actor
from agents.models import Event
from consent import mandate
from tests import builders, grants
from tests.builders import one_refusal
from tests.grants import basic

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
PATH = "/api/v1/receipts"


@pytest.fixture
def issued(discharge, weber_allows, pkce, records_api):
    """What Mandate says of a token that the assistant got for Weber, at Patient records."""
    token = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()["access_token"]
    return records_api.introspects(token)


@pytest.fixture
def said(issued):
    """A receipt that follows every rule."""
    return {
        "token": issued["jti"],
        "operation": "read",
        "records": [{"type": "patient-file", "count": 3, "subject": "p-8f1c"}],
        "idempotency_key": "first",
    }


def sends(body, *, content_type="application/json", browser=None, **headers):
    """POST a receipt. A body that is no text is sent as JSON."""
    raw = body if isinstance(body, (str, bytes)) else json.dumps(body)
    browser = browser or Browser(enforce_csrf_checks=True, raise_request_exception=True)
    return browser.post(PATH, raw, content_type=content_type, **headers)


def is_problem(response, status, code):
    """The answer is a problem of RFC 9457 with this code, and nobody keeps it."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert response["Cache-Control"] == "no-store"
    body = response.json()
    assert body["status"] == status
    assert body["code"] == code
    assert body["title"]
    assert body["detail"]
    assert body["instance"] == f"urn:uuid:{response['X-Request-ID']}"


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


# ---------------------------------------------------------------------------------------------- who may not (S22, S26)


@pytest.mark.parametrize("header", ["", "Basic", "Basic !!!", "Basic bm9uYW1l", "Bearer", "Digest x", "x" * 5_000])
def test_who_does_not_prove_itself_is_refused_with_a_challenge(said, header):
    with one_refusal("api.refused", "not_authenticated"):
        response = sends(said, **({"HTTP_AUTHORIZATION": header} if header else {}))
    is_problem(response, 401, "not_authenticated")
    assert "realm=" in response["WWW-Authenticate"]


def test_a_wrong_key_an_ended_one_and_a_clients_key_are_refused_alike(said, records_api, records, mara, discharge):
    other = builders.key(records, by=mara)
    credentials.revoke(other.credential, by=Actor.person(mara), now=timezone.now(), reason="Leaked.")
    wrong = records_api.key[:-7] + "AAAAAAA"
    answers = set()
    for key in (wrong, other.key, discharge.key, ""):
        for header in (basic(records.identifier, key), {"HTTP_AUTHORIZATION": f"Bearer {key}"}):
            response = sends(said, **header)
            is_problem(response, 401, "not_authenticated")
            answers.add(response.json()["detail"])
    assert len(answers) == 1
    assert not Event.objects.filter(kind="receipt.reported").exists()


def test_the_key_of_a_removed_resource_proves_nothing(said, records_api, records, mara):
    resources.end(records, reason="Gone.", by=Actor.person(mara), now=timezone.now())
    is_problem(sends(said, **records_api.header), 401, "not_authenticated")
    is_problem(sends(said, HTTP_AUTHORIZATION=f"Bearer {records_api.key}"), 401, "not_authenticated")


def test_an_access_token_is_no_credential_here(said, discharge, weber_allows, pkce):
    token = discharge.redeem(grants.code(weber_allows, grants.Pkce()), pkce)
    bearer = token.json().get("access_token", "no-token")
    response = sends(said, HTTP_AUTHORIZATION=f"Bearer {bearer}")
    is_problem(response, 401, "not_authenticated")
    assert 'error="invalid_token"' in response["WWW-Authenticate"]


def test_a_bad_bearer_never_falls_back_to_a_session(said, mara):
    signed_in = builders.browser(mara)
    is_problem(sends(said, browser=signed_in, HTTP_AUTHORIZATION="Bearer nonsense"), 401, "not_authenticated")
    is_problem(sends(said, browser=signed_in), 401, "not_authenticated")


def test_a_key_in_the_body_or_the_query_counts_for_nothing(said, records_api):
    is_problem(sends({**said, "access_token": records_api.key}), 401, "not_authenticated")
    response = Browser().post(
        f"{PATH}?access_token={records_api.key}", json.dumps(said), content_type="application/json"
    )
    is_problem(response, 401, "not_authenticated")


# ------------------------------------------------------------------------------------- what may not be said (S56, S59)


@pytest.mark.parametrize(
    "change",
    [
        {"operation": "burn"},
        {"operation": ""},
        {"operation": 5},
        {"operation": None},
        {"token": "no-id"},
        {"token": ["x"]},
        {"records": []},
        {"records": "all"},
        {"records": [[]]},
        {"records": [{"type": "patient-file", "count": 1}] * 51},
        {"records": [{"type": "diagnosis of Mr Smith", "count": 1}]},
        {"records": [{"type": "patient-file", "count": 0}]},
        {"records": [{"type": "patient-file", "count": 1_000_001}]},
        {"records": [{"type": "patient-file", "count": True}]},
        {"records": [{"type": "patient-file", "count": "3"}]},
        {"records": [{"type": "patient-file", "count": 1.5}]},
        {"records": [{"type": "patient-file", "count": 1, "subject": "John Smith"}]},
        {"records": [{"type": "patient-file", "count": 1, "subject": "x" * 65}]},
        {"records": [{"type": "patient-file", "count": 1, "name": "John Smith"}]},
        {"records": [{"count": 1}]},
        {"idempotency_key": ""},
        {"idempotency_key": "a\nb"},
        {"idempotency_key": "x" * 101},
        {"at": "yesterday"},
        {"at": 5},
        {"value": "Diagnosis: influenza"},
        {"owner": "mallory", "state": "active"},
    ],
    ids=lambda change: json.dumps(change)[:60],
)
def test_what_does_not_follow_the_rules_is_refused(said, records_api, change):
    with one_refusal("receipt.refused"):
        response = sends({**said, **change}, **records_api.header)
    assert response.status_code == 422, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert "influenza" not in response.content.decode()


@pytest.mark.parametrize("member", ["token", "operation", "records", "idempotency_key"])
def test_a_missing_member_is_named(said, records_api, member):
    del said[member]
    response = sends(said, **records_api.header)
    is_problem(response, 422, "invalid_input")
    assert response.json()["errors"][0]["member"] == member


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"[]", 422),
        (b"null", 422),
        (b'"text"', 422),
        (b"[" * 16_000, 400),
        (b"[" * 100_000, 413),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, 400),
        (b"1" * 5_000, 400),
        (b'{"count": NaN}', 400),
        (b'{"count": Infinity}', 400),
        (b'{"operation": "\\ud800"}', 422),
        (b'{"\\ud800": 1}', 422),
        (b'{"operation": "\\u0000"}', 422),
        (b"\xff\xfe", 400),
        (b'{"token": "a", "token": "b"}', 400),
        (b'{"a": "' + b"x" * 1_000_000 + b'"}', 413),
    ],
    ids=["empty", "half", "list", "null", "text", "deep", "deeper", "objects", "long number", "nan", "infinity", "surrogate",
         "surrogate name", "nul", "no utf-8", "twice", "megabyte"],
)  # fmt: skip
def test_bad_and_big_bodies_are_refused_and_never_a_fault(records_api, body, status):
    with one_refusal("receipt.refused"):
        response = sends(body, **records_api.header)
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"


def test_surrogates_and_nul_in_a_receipt_that_is_right_otherwise(said, records_api):
    for text in ("\ud800", "\0", "p\0", "é"):
        body = {**said, "records": [{"type": "patient-file", "count": 1, "subject": text}]}
        assert sends(json.dumps(body), **records_api.header).status_code == 422
        assert sends(json.dumps({**said, "idempotency_key": text}), **records_api.header).status_code == 422


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/html"]
)
def test_another_media_type_is_refused(said, records_api, content_type):
    response = sends(json.dumps(said), content_type=content_type, **records_api.header)
    is_problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "head", "options"])
def test_another_method_is_refused(records_api, method):
    response = getattr(Browser(), method)(PATH, **records_api.header)
    assert response.status_code == 405
    assert response["Allow"] == "POST"


def test_what_cannot_be_answered_in_json_is_refused(said, records_api):
    response = sends(said, HTTP_ACCEPT="text/html", **records_api.header)
    assert response.status_code in {201, 406}


def test_refusals_beyond_the_first_are_counted_and_fill_no_disk(said):
    for _ in range(40):
        sends(said)
    assert Event.objects.filter(kind="api.refused").count() <= 21


def test_a_receipt_takes_few_queries_whatever_it_holds(said, records_api, django_assert_max_num_queries):
    body = {**said, "records": [{"type": "patient-file", "count": 1, "subject": f"p-{n}"} for n in range(50)]}
    with django_assert_max_num_queries(13):
        assert sends(body, **records_api.header).status_code == 201
