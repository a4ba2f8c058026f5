"""The description of the API, and what lies beside it."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from django.apps import apps
from django.db import OperationalError
from django.test import Client as Browser

from agents import errors
from console.api.problems import status_of
from tests import builders
from tests.api.reporting import is_problem

pytestmark = pytest.mark.django_db


def test_signed_in_people_read_what_the_api_is(weber):
    response = builders.browser(weber).get("/api/schema/")
    assert response.status_code == 200
    document = response.json()
    assert document["openapi"].startswith("3.1")
    post = document["paths"]["/api/v1/receipts"]["post"]
    assert post["security"] == [{"resourceKey": []}, {"resourceBasic": []}]
    for status in ("400", "401", "406", "413", "415", "422", "429", "503"):
        assert "application/problem+json" in post["responses"][status]["content"], status
    assert post["responses"]["401"]["headers"]["WWW-Authenticate"]["required"] is True
    assert post["responses"]["429"]["headers"]["Retry-After"]["schema"] == {"type": "integer"}
    said = document["components"]["schemas"]
    assert said["Receipt"]["additionalProperties"] is said["Records"]["additionalProperties"] is False


def test_nobody_else_reads_it():
    assert Browser().get("/api/schema/").status_code == 302


@pytest.mark.parametrize("path", ["/api/", "/api/v1/", "/api/v1/agents", "/api/v1/receipts/x", "/api/v2/receipts"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_address_that_is_none_is_a_problem_not_a_page(path, method):
    response = getattr(Browser(enforce_csrf_checks=True), method)(path)
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [(OperationalError("canceling statement"), 503, "unavailable"), (KeyError("a-secret"), 500, "server_error")],
)
def test_a_fault_of_ours_is_a_problem_too_and_says_nothing_of_itself(records_api, monkeypatch, failure, status, code):
    def fails(*_args):
        raise failure

    monkeypatch.setattr("console.api.signals.streams.streams_of", fails)
    answer = Browser(raise_request_exception=False).get("/api/v1/signals/streams", **records_api.header)
    is_problem(answer, status, code)
    assert answer.headers.get("Retry-After") == ("2" if status == 503 else None)
    assert not {word for word in ("canceling", "a-secret", "Traceback") if word in answer.content.decode()}


@pytest.mark.parametrize("path", ["/api/v1/signals/streams", "/api/v1/signals/status"])
def test_what_can_be_read_can_be_asked_for_its_head(records_api, path):
    """RFC 9110 §9.3.2: the same answer without its body."""
    got, head = (getattr(Browser(), method)(path, **records_api.header) for method in ("get", "head"))
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head["Content-Type"] == got["Content-Type"]


def every(kind):
    for child in kind.__subclasses__():
        yield child
        yield from every(child)


def test_every_error_of_the_domain_has_a_status():
    for app in ("agents", "consent", "console"):
        for module in pkgutil.walk_packages(apps.get_app_config(app).module.__path__, f"{app}."):
            if module.name.rsplit(".", 1)[-1] in {"errors", "receipts", "scopes"}:
                importlib.import_module(module.name)
    for kind in every(errors.MandateError):
        error = kind.__new__(kind)
        assert 400 <= status_of(error) < 500, kind
