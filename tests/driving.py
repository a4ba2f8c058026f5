"""Mandate, driven by what a document says of it: schemathesis makes requests of an OpenAPI document and reads the answers."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig

from tests.services import run

calm = settings(deadline=None, suppress_health_check=list(HealthCheck))
"""For tests that are driven: what they begin with is made once for each operation, and a busy machine is no fault."""


class InThisTransaction(WSGIHandler):
    """The WSGI application on the connection, and so in the transaction, of the test that calls it."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        for signal in (request_started, request_finished):
            signal.disconnect(close_old_connections)
        try:
            response = super().__call__(environ, start_response)
            body = b"".join(response)
            response.close()
            return [body]
        finally:
            for signal in (request_started, request_finished):
                signal.connect(close_old_connections)


def driven(document: dict[str, Any], *, examples: int, **more: Any) -> Any:
    """The document with Mandate behind it. Its ``parametrize()`` makes a test of each operation.

    examples: for each operation, beside those that walk its limits; four times as many in the whole run on PostgreSQL, which is
    part of ``make test-all``. more: settings of schemathesis. The same requests come each time.
    """
    examples *= 1 if run.engine() == "sqlite" else 4
    generation = {"max-examples": examples, "deterministic": True, "database": "none", **more.pop("generation", {})}
    made = schemathesis.openapi.from_dict(
        deepcopy(document), config=SchemathesisConfig.from_dict({"seed": 1, "generation": generation, **more})
    )
    made.app = InThisTransaction()
    return made
