"""Receivers of signals that Mandate has stopped telling, because they could not be reached or would not read."""

from __future__ import annotations

from datetime import datetime

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from agents.models import User
from consent.models import Stream
from consent.models.stream import StatusReason, StreamStatus
from console.names import strong
from console.waiting.row import MOST, Waiting, ago, rest


def stopped_streams(person: User, now: datetime) -> list[Waiting]:
    """Receivers that wait for somebody to mend and resume them."""
    stopped = (
        Stream.objects.visible_to(person)
        .filter(status=StreamStatus.PAUSED, status_because__in=[StatusReason.NOT_REACHED, StatusReason.UNREADABLE])
        .select_related("resource")
        .order_by("status_at", "pk")
    )
    rows = [
        Waiting(
            ago(stream.status_at, now),
            "radio",
            format_html(_("{resource} is told of changes no more"), resource=strong(stream.resource.name)),
            stream.get_absolute_url(),
            _("Look at the receiver"),
        )
        for stream in stopped[:MOST]
    ]
    listed = len(rows) if len(rows) < MOST else stopped.count()
    return rows + rest(listed, _("More receivers of signals have stopped"), reverse("signal-streams"))
