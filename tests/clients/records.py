"""The records API of the examples, known to Mandate by a key of its own. It is not started yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents.models import Resource, User
from tests import builders
from tests.services.mandate import RunningMandate
from tests.services.records_api import RunningRecordsApi


def records_api(
    folder: Path, mandate: RunningMandate, *, by: User, wards: str = "*=3B", **facts: Any
) -> tuple[RunningRecordsApi, Resource]:
    """The API and the resource that it is. wards: who works where, as its README.md says. facts: more of the resource."""
    api = RunningRecordsApi(folder)
    facts = {"operations": ["list", "read", "write"]} | facts
    records = builders.resource("Patient records", api.uri, **facts, by=by)
    api.settings = {
        "MANDATE_ISSUER": mandate.url,
        "RECORDS_IDENTIFIER": records.identifier,
        "RECORDS_KEY": builders.key(records, by=by).key,
        "RECORDS_WARDS": wards,
    }
    return api, records
