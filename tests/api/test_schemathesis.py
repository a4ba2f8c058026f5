"""The API and its OpenAPI document are held against each other: schemathesis makes requests of what the document says.

Requests that follow it and requests that do not, with and without credentials, and by methods that it does not name. What
comes back has a status, a media type, headers and a body as the document says, and is never a fault.
"""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter

import pytest
from django.test import RequestFactory

from console.api.schema import schema
from tests import builders, receiving
from tests.driving import calm, driven
from tests.grants import basic
from tests.undone import undone

pytestmark = pytest.mark.django_db
OWN = "https://records.st-anna.example/signals"
DOCUMENT = json.loads(schema(RequestFactory().get("/api/schema/")).render().content)
DRIVEN = driven(DOCUMENT, examples=15, generation={"mode": "all"})
each_operation = DRIVEN.parametrize()
LINE = re.compile(r"[^\x00-\x1f\x7f]{1,80}")
DAY = r"((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))"
HOUR = r"([01]\d|2[0-3])"
ALLOWED = {
    "token": re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}"),
    "at": re.compile(rf"\d{{4}}-{DAY}[Tt]{HOUR}:[0-5]\d:[0-5]\d(\.\d+)?([Zz]|[+-]{HOUR}:[0-5]\d)"),
    "stream_id": re.compile(r"[0-9a-fA-F-]{1,64}"),
    "type": LINE,
    "operation": LINE,
    "endpoint_url": re.compile(r"[\x21-\x7e]{1,500}"),
    "authorization_header": re.compile(r"[\x20-\x7e]{1,2000}"),
    "description": re.compile(r"[^\x00-\x1f\x7f]{0,200}"),
    "reason": re.compile(r"[^\x00-\x1f\x7f]{0,500}"),
}
"""What the document allows, of the members in which most of what it allows is known to nobody."""


@pytest.fixture
def place(records, records_api, issued, mara, now):
    """What Patient records works with: its key, a token to report on, and a stream of its own."""
    return {
        "Authorization": f"Bearer {records_api.key}",
        "token": issued["jti"],
        "at": now.isoformat(),
        "stream_id": str(receiving.stream(records, OWN, by=mara).pk),
        "type": "patient-file",
        "operation": "read",
        "endpoint_url": OWN,
        "authorization_header": "Bearer its-own-secret",
        "description": "The gateway",
        "reason": "Work there",
    }


@pytest.fixture
def answered():
    """Every status that an operation answered. A refusal that refuses everything proves nothing."""
    seen: Counter[int] = Counter()
    yield seen
    assert any(200 <= status < 300 for status in seen), seen
    assert any(400 <= status < 500 for status in seen), seen


def fill_in(said, place):
    """Put in what only Mandate or the resource can know, wherever the document would allow what stands there."""
    if isinstance(said, list):
        for each in said:
            fill_in(each, place)
    if not isinstance(said, dict):
        return
    for name, value in said.items():
        if name in ALLOWED and isinstance(value, str) and ALLOWED[name].fullmatch(value):
            said[name] = place[name]
        fill_in(value, place)


@each_operation
@calm
def test_every_operation_answers_as_the_document_says(case, place, answered):
    fill_in(case.body, place)
    fill_in(case.query, place)
    with undone():
        answer = case.call_and_validate(headers={"Authorization": place["Authorization"]})
    answered[answer.status_code] += 1
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == ["application/problem+json"]
        assert answer.json()["status"] == answer.status_code


@pytest.fixture
def wrong(discharge, place):
    """Wrong ways to prove oneself, one after the other."""
    return itertools.cycle(
        (
            {},
            {"Authorization": place["Authorization"] + "x"},
            {"Authorization": f"Bearer {discharge.key}"},
            {"Authorization": basic("records", "mdt_wrong")["HTTP_AUTHORIZATION"]},
            {"Authorization": "Bearer"},
        )
    )


@each_operation
@calm
def test_whoever_does_not_prove_to_be_a_resource_is_told_nothing_else(case, wrong):
    case.headers = {name: value for name, value in (case.headers or {}).items() if name != "Authorization"}
    with undone():
        answer = case.call(headers=next(wrong))
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer.headers["www-authenticate"]


def test_the_document_that_is_served_is_the_one_that_is_driven(weber):
    assert builders.browser(weber).get("/api/schema/").json() == DOCUMENT
    driven = {operation.ok().definition.raw["operationId"] for operation in DRIVEN.get_all_operations()}
    assert driven == {
        "report_receipt", "read_streams", "create_stream", "update_stream", "replace_stream", "delete_stream",
        "read_stream_status", "update_stream_status", "verify_stream",
    }  # fmt: skip
