"""Mails that wait to be sent. They can hold a one-time link, so their text is encrypted, and a sent one is deleted."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models

from agents.ids import uuid7


class OutgoingMailQuerySet(models.QuerySet["OutgoingMail"]):
    def due(self, now: datetime) -> Self:
        """Mails to try now, oldest first."""
        return self.filter(next_try_at__lte=now).order_by("next_try_at", "pk")


class OutgoingMail(models.Model):
    """One mail to one address (``agents/mail.py``)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    to = models.EmailField()
    sealed = models.TextField()
    """Subject and text, encrypted (``agents.encryption``)."""
    created_at = models.DateTimeField()
    next_try_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    ends_at = models.DateTimeField()
    """After this nobody is served by it any more: a link in it has ended."""

    objects = OutgoingMailQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["next_try_at"], name="mail_by_next_try")]

    def __str__(self) -> str:
        return f"mail {self.pk}"
