"""Streams of shared signals, and what waits in each to be told (``consent/signals``)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from agents.ids import uuid7
from agents.models import Resource, User


class StreamStatus(models.TextChoices):
    """The words are those of the Shared Signals Framework (SSF 1.0 §8.1.2)."""

    ENABLED = "enabled", _("sending")
    PAUSED = "paused", _("paused")
    DISABLED = "disabled", _("off")


class StatusReason(models.TextChoices):
    """Who or what put a stream into its state."""

    PERSON = "person", _("a person")
    RECEIVER = "receiver", _("the receiver")
    NOT_REACHED = "not_reached", _("it could not be reached")
    UNREADABLE = "unreadable", _("it could not read what was sent")
    WAITED = "waited_too_long", _("it was paused for too long")
    RESOURCE_ENDED = "resource_ended", _("the resource was removed")


class StreamQuerySet(models.QuerySet["Stream"]):
    def standing(self) -> Self:
        """Streams that were not removed."""
        return self.filter(ended_at=None)

    def visible_to(self, viewer: User) -> Self:
        """Streams that the viewer may see: what is sent where concerns whoever runs the place, and whoever audits it."""
        return self.standing() if viewer.reads_everything else self.none()

    def collecting(self) -> Self:
        """Streams for which what happens is kept: those that are sent to, and those that are paused."""
        return self.standing().exclude(status=StreamStatus.DISABLED)

    def due(self, now: datetime) -> Self:
        """Streams that nobody serves now, with something to send whose time has come."""
        waiting = Signal.objects.waiting().filter(stream=models.OuterRef("pk"))
        sendable = Q(status=StreamStatus.ENABLED) & models.Exists(waiting)
        return (
            self.standing()
            .filter(Q(next_try_at=None) | Q(next_try_at__lte=now), Q(lease_until=None) | Q(lease_until__lte=now))
            .filter(sendable | models.Exists(waiting.filter(announces=True)))
            .order_by("pk")
        )

    def with_backlog(self) -> Self:
        """Annotate ``waiting`` and ``aside``: how many signals wait, and how many were set aside."""
        mine = Signal.objects.filter(stream=models.OuterRef("pk")).order_by().values("stream")
        return self.annotate(
            waiting=_count(mine.filter(delivered_at=None, set_aside_at=None)),
            aside=_count(mine.filter(delivered_at=None, set_aside_at__isnull=False)),
        )


def _count(rows: models.QuerySet[Signal, Any]) -> models.functions.Coalesce:
    return models.functions.Coalesce(
        models.Subquery(rows.annotate(many=models.Count("pk")).values("many"), output_field=models.IntegerField()), 0
    )


class Stream(models.Model):
    """One receiver of signals: a resource is told, at one address, when something changes for tokens of its audience."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    resource = models.ForeignKey(Resource, on_delete=models.PROTECT, related_name="streams")
    endpoint_url = models.CharField(max_length=500)
    authorization_sealed = models.TextField(blank=True)
    """The ``Authorization`` header that its receiver wants with each signal, encrypted. Empty: none."""
    events_requested = models.JSONField(default=list)
    """The types of signals that it wants to hear (``consent.signals.events``), as they were asked for."""
    description = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=8, choices=StreamStatus.choices, default=StreamStatus.ENABLED)
    status_because = models.CharField(max_length=16, choices=StatusReason.choices, default=StatusReason.PERSON)
    status_at = models.DateTimeField()
    last_number = models.PositiveBigIntegerField(default=0)
    """Of its signals. They are numbered under the lock of this row, and sent in that order."""
    next_try_at = models.DateTimeField(null=True, blank=True)
    """Not before. Empty: at once."""
    lease = models.UUIDField(null=True, blank=True)
    """Which worker serves it: one at a time, until it gives the lease back or the lease ends with it."""
    lease_until = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    """How often the first of what waits was tried in vain."""
    failing_since = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=40, blank=True)
    """What came of the last try, in one word (``consent/signals/answers.py``). Empty: it was taken."""
    last_error_at = models.DateTimeField(null=True, blank=True)
    refused_in_a_row = models.PositiveIntegerField(default=0)
    """How many signals were set aside one after the other, without one that was taken in between."""
    last_delivered_at = models.DateTimeField(null=True, blank=True)
    verification_asked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """Empty: the resource itself, by one of its keys."""
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = StreamQuerySet.as_manager()

    class Meta:
        ordering = ["resource__name", "created_at", "id"]
        constraints = [
            CheckConstraint(condition=Q(status__in=StreamStatus.values), name="stream_has_a_known_status"),
            CheckConstraint(
                condition=Q(lease=None, lease_until=None) | Q(lease__isnull=False, lease_until__isnull=False),
                name="stream_lease_has_an_end",
            ),
        ]
        indexes = [
            models.Index(fields=["resource"], name="stream_that_stands", condition=Q(ended_at=None)),
            models.Index(fields=["ended_at"], name="stream_that_ended", condition=Q(ended_at__isnull=False)),
            models.Index(
                fields=["status_at"],
                name="stream_that_is_paused",
                condition=Q(ended_at=None, status=StreamStatus.PAUSED),
            ),
        ]

    def __str__(self) -> str:
        return f"stream {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("signal-stream", args=[self.pk])

    @property
    def host(self) -> str:
        """The host of its address, which is all that events say of it: a path can hold a secret."""
        return self.endpoint_url.partition("://")[2].partition("/")[0]


class SignalQuerySet(models.QuerySet["Signal"]):
    def waiting(self) -> Self:
        """Signals that are still to be sent, in their order."""
        return self.filter(delivered_at=None, set_aside_at=None).order_by("number")


class Signal(models.Model):
    """One security event token of one stream, before it is signed. Its id is the ``jti``, also when it is sent again."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    stream = models.ForeignKey(Stream, on_delete=models.PROTECT, related_name="signals", db_index=False)
    number = models.PositiveBigIntegerField()
    type = models.CharField(max_length=120)
    claims = models.JSONField()
    """``sub_id``, ``events`` and ``txn`` (RFC 8417 §2.2). Pseudonymous: no names, no free text."""
    event_id = models.BigIntegerField(null=True, blank=True)
    """The event of the trail that it tells of. Empty for what is about the stream itself."""
    about = models.UUIDField(null=True, blank=True)
    """Of whom or what: a consent, an agent, a person, a client."""
    announces = models.BooleanField(default=False)
    """Whether it says that the stream itself was stopped, and so goes out although it is."""
    made_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)
    set_aside_at = models.DateTimeField(null=True, blank=True)
    """When its receiver said that it cannot be read, so that the next ones had their turn."""

    objects = SignalQuerySet.as_manager()

    class Meta:
        ordering = ["stream", "number"]
        constraints = [
            UniqueConstraint(fields=["stream", "number"], name="signal_has_a_number_of_its_own"),
            UniqueConstraint(fields=["stream", "event_id", "about"], name="signal_is_made_once"),
        ]
        indexes = [
            models.Index(
                fields=["stream", "number"],
                name="signal_that_waits",
                condition=Q(delivered_at=None, set_aside_at=None),
            ),
            models.Index(
                fields=["delivered_at"], name="signal_that_was_delivered", condition=Q(delivered_at__isnull=False)
            ),
            models.Index(
                fields=["set_aside_at"], name="signal_that_was_set_aside", condition=Q(set_aside_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"signal {self.number} of {self.stream_id}"
