"""Reports: a person found a request suspicious, and administrators look at it."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from django.urls import reverse

from agents.ids import uuid7
from agents.models import Agent, Client, User


class ReportQuerySet(models.QuerySet["Report"]):
    def open(self) -> Self:
        """Those that nobody has looked at yet."""
        return self.filter(looked_at=None)

    def visible_to(self, viewer: User) -> Self:
        """Whoever reads everything reads these. The agent's owner reads the event, as of everything that concerns it."""
        return self if viewer.reads_everything else self.none()


class Report(models.Model):
    """One person's word about what one client asked. Why stands with its event, where it can be erased."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    """Empty where the program had not become anybody's agent yet."""
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    event = models.BigIntegerField()
    """Number of the event that tells what was asked, and why it was reported."""
    reported_at = models.DateTimeField()
    looked_at = models.DateTimeField(null=True, blank=True)
    looked_at_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )

    objects = ReportQuerySet.as_manager()

    class Meta:
        ordering = ["reported_at", "id"]
        constraints = [
            UniqueConstraint(
                fields=["client", "user"], condition=Q(looked_at=None), name="person_reports_a_client_once_at_a_time"
            ),
            CheckConstraint(
                condition=Q(looked_at=None, looked_at_by=None)
                | Q(looked_at__gte=F("reported_at"), looked_at_by__isnull=False),
                name="report_is_looked_at_by_somebody_afterwards",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.client_id} reported by {self.user_id}"

    def get_absolute_url(self) -> str:
        return reverse("report", args=[self.pk])

    @property
    def about(self) -> str:
        """The name of what asked: the agent's, or what a program calls itself that nobody adopted."""
        return self.agent.name if self.agent else self.client.name or self.client.client_id

    @property
    def about_url(self) -> str:
        """Where to look at it."""
        if self.agent is not None:
            return self.agent.get_absolute_url()
        return reverse("unclaimed-software", args=[self.client.software_key]) if self.client.is_unclaimed else ""
