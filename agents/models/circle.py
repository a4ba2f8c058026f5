"""The circle of an agent: people whom it may ask out of band although they never allowed it anything before."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from agents.ids import uuid7
from agents.models.agent import Agent


class CircleQuerySet(models.QuerySet["CircleMember"]):
    def live(self) -> Self:
        return self.filter(until=None)


class CircleMember(models.Model):
    """Somebody whom an administrator put into an agent's circle (decisions.md, CIBA). Ended by date, never deleted."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="circle")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    objects = CircleQuerySet.as_manager()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["agent", "user"], condition=Q(until=None), name="person_is_once_in_a_circle"),
            CheckConstraint(
                condition=Q(until=None) | Q(until__gte=F("since")), name="circle_member_ends_after_it_starts"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in the circle of {self.agent_id}"
