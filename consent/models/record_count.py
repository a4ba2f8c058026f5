"""What resources reported under a consent, added up: so that My agents says what was read without reading the trail."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from agents.ids import uuid7
from agents.models import Resource
from consent.models.consent import Consent


class RecordCount(models.Model):
    """How many records of one type an operation touched at one resource under one consent, and when last."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, related_name="record_counts")
    resource = models.ForeignKey(Resource, on_delete=models.PROTECT, related_name="+", db_index=False)
    operation = models.CharField(max_length=40)
    record_type = models.CharField(max_length=40)
    count = models.PositiveBigIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        ordering = ["resource", "operation", "record_type"]
        constraints = [
            UniqueConstraint(
                fields=["consent", "resource", "operation", "record_type"], name="records_are_added_up_in_one_row"
            ),
            CheckConstraint(condition=Q(count__gte=0), name="record_count_is_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.record_type} {self.count}"
