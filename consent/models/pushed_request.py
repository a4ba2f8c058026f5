"""Authorization requests that clients pushed (RFC 9126), until a person has decided or nobody came in time."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.db.models import CheckConstraint, F, Q

from agents.ids import uuid7
from agents.models import Client


class PushedRequestManager(models.Manager["PushedRequest"]):
    def use_up(self, pushed: uuid.UUID, *, now: datetime) -> bool:
        """Decide it. Of many at once one wins, and for everybody else the answer is no."""
        return self.filter(pk=pushed, decided_at=None).update(decided_at=now) == 1


class PushedRequest(models.Model):
    """What a client asks for, kept here so that no address has to carry it. Used up by the decision, not by looking."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    digest = models.CharField(max_length=64, unique=True)
    """SHA-256 digest of the ``request_uri``."""
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+", db_index=False)
    sent = models.JSONField()
    """The parameters as they were pushed, each a list; nothing by which the client proved itself."""
    source = models.CharField(max_length=64)
    """Keyed digest of the address that it came from, so that one address cannot fill the table."""
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    """Until then a browser must have come with it."""
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = PushedRequestManager()

    class Meta:
        indexes = [
            models.Index(fields=["expires_at"], name="pushed_request_by_end"),
            models.Index(fields=["client", "source", "expires_at"], name="pushed_request_by_source"),
        ]
        constraints = [
            CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="pushed_request_ends_after_it_starts"),
        ]

    def __str__(self) -> str:
        return f"pushed request {self.pk}"
