"""To which other agents an agent may ask people to let it pass work on."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from agents.ids import uuid7
from agents.models.agent import Agent


class RecipientQuerySet(models.QuerySet["Recipient"]):
    def live(self) -> Self:
        return self.filter(ended_at=None)

    def asked_by(self, agent: Agent) -> Self:
        """Those that are named now, by name."""
        return self.live().filter(agent=agent).select_related("recipient").order_by("recipient__name", "recipient")


class Recipient(models.Model):
    """One agent named in the registration of another (``agents/passing.py``). Ended by date, never deleted.

    It allows nothing by itself: only where a person's consent says so may work be passed on.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="recipients")
    recipient = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = RecipientQuerySet.as_manager()

    class Meta:
        constraints = [
            UniqueConstraint(
                fields=["agent", "recipient"], condition=Q(ended_at=None), name="agent_names_another_once"
            ),
            CheckConstraint(condition=~Q(agent=F("recipient")), name="agent_passes_nothing_on_to_itself"),
            CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("added_at")), name="recipient_ends_after_it_was_added"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} to {self.recipient_id}"
