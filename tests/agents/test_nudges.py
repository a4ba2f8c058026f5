"""Nudges: one for all that a transaction wrote, none for what failed, and a queue that is away costs nobody anything."""

from __future__ import annotations

import pytest
from celery import current_app
from django.db import transaction

from agents.models import Organisation
from agents.nudges import nudge_when_through

pytestmark = [pytest.mark.django_db(transaction=True)]
TASKS = ("agents.deliver_waiting_mails", "consent.send_signals")


@pytest.fixture
def tries(monkeypatch):
    """A queue that cannot be reached, and how often somebody tried."""
    tried = []

    def away(**_options):
        tried.append(True)
        raise OSError("nobody there")

    monkeypatch.setattr(current_app, "connection_for_write", away)
    return tried


def test_a_queue_that_is_away_costs_the_nudge_and_not_the_change(tries, organisation):
    with transaction.atomic():
        Organisation.objects.update(name="St. Anna 2")
        for task in TASKS * 3:
            nudge_when_through(task)
    assert len(tries) == len(TASKS)
    assert Organisation.objects.get().name == "St. Anna 2"


def test_what_failed_nudges_nobody(tries, organisation):
    with transaction.atomic():
        nudge_when_through(TASKS[0])
        transaction.set_rollback(True)
    assert tries == []
