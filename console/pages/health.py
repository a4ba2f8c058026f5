"""Health: is the process alive, and can it serve. For whatever watches over it; names no address and no secret."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from agents.heartbeat import last_sweep
from agents.models import OneTimeLink, OutgoingMail, RefusalCount
from consent.models import Consent
from console.accounts.requests import OurRequest

LATE_AFTER = timedelta(minutes=15)
"""How long a sweep may be behind what is due before that is said."""


@login_not_required
@require_safe
def alive(request: OurRequest) -> HttpResponse:
    """The process answers. Asks nobody else, so that a slow database does not get it killed."""
    return _plain(HttpResponse("ok\n", content_type="text/plain"))


@login_not_required
@require_safe
def ready(request: OurRequest) -> HttpResponse:
    """Whether requests can be served: 200, or 503 with what is missing.

    Sweeps that are late are said and refuse nothing: whatever is past its date is refused when it is used.
    """
    checks: dict[str, Callable[[], bool]] = {"database": _database, "migrations": _migrated, "cache": _cache}
    found = {name: "ok" if _holds(check) else "failing" for name, check in checks.items()}
    serving = all(state == "ok" for state in found.values())
    if found["database"] == "ok" and found["migrations"] == "ok":
        found["sweeps"] = "late" if _late(request.now) else "ok"
    return _plain(JsonResponse(found, status=200 if serving else 503))


def _plain(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    return response


def _holds(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception:  # noqa: BLE001  # whatever a database driver or cache raises, the answer is that it fails
        return False


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone())


def _migrated() -> bool:
    """Whether the tables are those that this code expects. Once they are, they stay so for this process."""
    global _known_migrated  # noqa: PLW0603  # one fact of the process
    if not _known_migrated:
        executor = MigrationExecutor(connection)
        _known_migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _known_migrated


_known_migrated = False


def _cache() -> bool:
    cache.set("mandate-ready", "yes", 10)
    return cache.get("mandate-ready") == "yes"


def _late(now: datetime) -> bool:
    """Whether no sweep ran for long, or something has been due for long that one should have written down or sent."""
    due = now - LATE_AFTER
    try:
        ran = last_sweep()
        return (ran is not None and ran < due) or any(
            rows.exists()
            for rows in (
                Consent.objects.standing().filter(ends_at__lt=due, ended_recorded_at=None),
                OneTimeLink.objects.unused().filter(ends_at__lt=due, ended_recorded_at=None),
                OutgoingMail.objects.filter(next_try_at__lt=due),
                RefusalCount.objects.filter(minute__lt=due),
            )
        )
    except DatabaseError:
        return True
