"""How a resource reports over HTTP, and what a refusal of the API looks like."""

from __future__ import annotations

import json

from django.test import Client as Browser

PATH = "/api/v1/receipts"


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
