"""What may not be said: a body that breaks the rules is refused with a problem, and is never a fault (S56, S59)."""

from __future__ import annotations

import json

import pytest
from django.test import Client as Browser

from agents.models import Event
from tests.api.reporting import PATH, is_problem, sends
from tests.builders import one_refusal

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


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
        {"at": "2026-03-02T09:41:07"},
        {"at": "2026-03-02"},
        {"token": 5},
        {"operation": " read"},
        {"operation": "read\n"},
        {"idempotency_key": " first"},
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
    for accepts in ("text/html", "application/xml", "image/*"):
        is_problem(sends(said, HTTP_ACCEPT=accepts, **records_api.header), 406, "not_acceptable")
    for accepts in ("application/json", "application/*", "*/*", "text/html, application/json;q=0.1"):
        assert sends(said, HTTP_ACCEPT=accepts, **records_api.header).status_code in {200, 201}


def test_refusals_beyond_the_first_are_counted_and_fill_no_disk(one_minute, said):
    for _ in range(40):
        sends(said)
    assert Event.objects.filter(kind="api.refused").count() == 20


def test_a_receipt_takes_few_queries_whatever_it_holds(said, records_api, django_assert_max_num_queries):
    body = {**said, "records": [{"type": "patient-file", "count": 1, "subject": f"p-{n}"} for n in range(50)]}
    with django_assert_max_num_queries(13):
        assert sends(body, **records_api.header).status_code == 201
