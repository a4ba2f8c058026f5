"""The description of the API, and what lies beside it."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from django.apps import apps
from django.test import Client as Browser

from agents import errors
from console.api.problems import status_of
from tests import builders

pytestmark = pytest.mark.django_db


def test_signed_in_people_read_what_the_api_is(weber):
    response = builders.browser(weber).get("/api/schema/")
    assert response.status_code == 200
    document = response.json()
    assert document["openapi"].startswith("3.1")
    post = document["paths"]["/api/v1/receipts"]["post"]
    assert post["security"] == [{"resourceKey": []}, {"resourceBasic": []}]
    assert "application/problem+json" in post["responses"]["4XX"]["content"]


def test_nobody_else_reads_it():
    assert Browser().get("/api/schema/").status_code == 302


@pytest.mark.parametrize("path", ["/api/", "/api/v1/", "/api/v1/agents", "/api/v1/receipts/x", "/api/v2/receipts"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_an_address_that_is_none_is_a_problem_not_a_page(path, method):
    response = getattr(Browser(enforce_csrf_checks=True), method)(path)
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


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
