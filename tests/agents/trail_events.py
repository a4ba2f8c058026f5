"""Events for tests of the trail, written as the domain writes them, and the numbers of those that were found."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from agents.actors import Actor
from agents.trail.kinds import Kind
from agents.trail.record import record


def happens(kind=Kind.TOKEN_ISSUED, *, by=None, now=None, **facts):
    """One event, written as the domain writes it. Returns its number."""
    with transaction.atomic():
        return record(kind, by=by or Actor.system(), now=now or timezone.now(), **facts)


def numbers(found):
    return [event.pk for event in found.events]
