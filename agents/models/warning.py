"""Warnings of an end date that were given: the unique constraint keeps each of them single."""

from __future__ import annotations

from django.db import models
from django.db.models import UniqueConstraint

from agents.ids import uuid7


class EndWarning(models.Model):
    """One warning that an agent, credential or consent ends soon. A new end date is warned of anew."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    subject_id = models.UUIDField()
    days = models.PositiveSmallIntegerField()
    """How many days before the end it was due."""
    ends_at = models.DateTimeField()
    """The end that it was about."""
    warned_at = models.DateTimeField()

    class Meta:
        constraints = [UniqueConstraint(fields=["subject_id", "days", "ends_at"], name="end_is_warned_of_once")]
        indexes = [models.Index(fields=["ends_at"], name="end_warning_by_end")]

    def __str__(self) -> str:
        return f"{self.subject_id} {self.days} days before {self.ends_at}"
