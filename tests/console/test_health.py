"""Health: alive without asking anybody, ready when everything answers, and sweeps that are late are said."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.urls import resolve

from agents.heartbeat import note_sweep
from agents.models import OneTimeLink
from console.endpoints import ENDPOINTS, HEALTH
from console.pages import health


def test_a_process_that_answers_is_alive(client, db, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.engine
def test_ready_when_everything_answers(client, db):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"database": "ok", "migrations": "ok", "cache": "ok", "sweeps": "ok"}


def test_not_ready_without_a_database_and_nothing_of_it_is_named(client, db, monkeypatch):
    def fail():
        raise ConnectionError("postgresql://mandate:secret@db.internal/mandate")

    monkeypatch.setattr(health, "_database", fail)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "failing"
    assert b"secret" not in answer.content


def test_not_ready_before_the_tables_are_there(client, db, monkeypatch):
    monkeypatch.setattr(health, "_known_migrated", False)
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda *_: ["one"])
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["migrations"]) == (503, "failing")


def test_a_sweep_that_did_not_run_is_late_and_refuses_nothing(client, db, now):
    note_sweep(now - timedelta(days=7))
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["sweeps"]) == (200, "late")


def test_work_that_was_due_long_ago_is_late(client, db, now):
    OneTimeLink.objects.create(
        kind="setup", digest="0" * 64, role="administrator", created_at=now, ends_at=now - timedelta(hours=1)
    )
    assert client.get("/readyz").json()["sweeps"] == "late"


def test_health_changes_nothing(client, db):
    assert client.post("/healthz").status_code == 405
    assert client.post("/readyz").status_code == 405


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "10.0.0.7", "web-1.internal:8000", "evil.example", "a b", ""])
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_asked_from_inside_under_any_host_name(db, settings, path, host):
    settings.ISSUER = "https://mandate.clinic.example"
    settings.ALLOWED_HOSTS = ["mandate.clinic.example"]
    settings.SECURE_SSL_REDIRECT = True
    answer = Browser().get(path, HTTP_HOST=host)
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer
    assert Browser().get("/account/login/", HTTP_HOST=host, secure=True).status_code == 400


def test_what_is_answered_early_is_what_the_address_leads_to():
    for path, view in {**ENDPOINTS, **HEALTH}.items():
        assert resolve(path).func is view
