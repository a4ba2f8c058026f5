"""The tables of the trail: events that are only ever added, and the texts beside them that can be erased.

An event has no foreign keys, so that nothing of which it tells can take it away. It keeps keyed digests of
free text and addresses; the text itself stands in ``EventText`` and can be erased without touching an event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import CheckConstraint, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from agents.models.user import User


class Outcome(models.TextChoices):
    ALLOWED = "allowed", _("allowed")
    REFUSED = "refused", _("refused")
    REPORTED = "reported", _("reported")


class EventQuerySet(models.QuerySet["Event"]):
    def visible_to(self, viewer: User) -> Self:
        """Events the viewer may read: all for administrators and auditors; of own agents for owners; own for users."""
        from agents.models.agent import Ownership

        if viewer.reads_everything:
            return self
        mine = Ownership.objects.live().filter(user=viewer).values("agent_id")
        return self.filter(Q(agent_id__in=mine) | Q(user_id=viewer.pk) | Q(actor_id=viewer.pk))

    def of_agent(self, agent_id: object) -> Self:
        return self.filter(agent_id=agent_id)

    def older_than(self, number: int) -> Self:
        """The keyset page that follows the event with this number."""
        return self.filter(pk__lt=number)


class Event(models.Model):
    """One entry of the trail. Triggers refuse UPDATE, DELETE, TRUNCATE and an id that exists."""

    id = models.BigAutoField(primary_key=True)
    transaction_id = models.BigIntegerField(default=0, editable=False)
    """PostgreSQL's transaction id: a reader of the whole trail stops before the oldest one still running."""
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    reason_code = models.CharField(max_length=60, blank=True)
    """For a refusal: the error code, from a closed list. Free words stand in ``EventText``."""
    actor_kind = models.CharField(max_length=12)
    actor_id = models.UUIDField(null=True)
    user_id = models.UUIDField(null=True)
    """The person acted for, or whom the event concerns."""
    agent_id = models.UUIDField(null=True)
    client_id = models.UUIDField(null=True)
    credential_id = models.UUIDField(null=True)
    consent_id = models.UUIDField(null=True)
    token_id = models.UUIDField(null=True)
    resource_id = models.UUIDField(null=True)
    scopes = models.CharField(max_length=1000, blank=True)
    data_class = models.CharField(max_length=16, blank=True)
    """The most sensitive data class among the scopes or records."""
    purpose_digest = models.CharField(max_length=64, blank=True)
    reason_digest = models.CharField(max_length=64, blank=True)
    address_digest = models.CharField(max_length=64, blank=True)
    request_id = models.UUIDField(null=True)
    detail = models.JSONField(default=dict)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [CheckConstraint(condition=Q(outcome__in=Outcome.values), name="event_has_a_known_outcome")]
        indexes = [
            models.Index(fields=["agent_id", "-id"], name="event_by_agent", condition=Q(agent_id__isnull=False)),
            models.Index(fields=["consent_id", "-id"], name="event_by_consent", condition=Q(consent_id__isnull=False)),
            models.Index(fields=["user_id", "-id"], name="event_by_person", condition=Q(user_id__isnull=False)),
            models.Index(fields=["actor_id", "-id"], name="event_by_actor", condition=Q(actor_kind="user")),
            models.Index(fields=["token_id"], name="event_by_token", condition=Q(token_id__isnull=False)),
            models.Index(fields=["resource_id", "-id"], name="event_by_resource", condition=Q(outcome="reported")),
            models.Index(fields=["-id"], name="event_refused", condition=Q(outcome="refused")),
            models.Index(fields=["kind", "-id"], name="event_by_kind"),
            models.Index(fields=["purpose_digest", "-id"], name="event_by_purpose"),
            models.Index(fields=["request_id"], name="event_by_request", condition=Q(request_id__isnull=False)),
            # Each event stands in exactly one of these two: counting tokens by day walks nothing but tokens. The double
            # negation keeps SQLite from taking the index by kind instead, which it would have to sort.
            models.Index(fields=["at"], name="event_issued_by_time", condition=~Q(~Q(kind="token.issued"))),
            models.Index(fields=["at"], name="event_by_time", condition=~Q(kind="token.issued")),
        ]

    def __str__(self) -> str:
        return f"event {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("event", args=[self.pk])


class EventText(models.Model):
    """A text or address that events name by its keyed digest. Erasable; written once for each subject."""

    digest = models.CharField(primary_key=True, max_length=64)
    kind = models.CharField(max_length=8)
    """``purpose``, ``reason`` or ``address``."""
    text = models.TextField()
    subject_id = models.UUIDField(null=True)
    """The person or consent for whom it can be erased; part of what the digest is keyed with."""

    class Meta:
        indexes = [
            models.Index(fields=["subject_id"], name="event_text_by_subject"),
            # Words are looked for in purposes: without it, in each address and reason beside them too.
            models.Index(fields=["kind"], name="event_text_by_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.digest[:8]}"


class RefusalCount(models.Model):
    """Refusals of one kind, of one person or source, within one minute. Beyond the limit they are counted, not told."""

    id = models.BigAutoField(primary_key=True)
    minute = models.DateTimeField()
    source = models.CharField(max_length=64)
    """Keyed digest of kind, reason, client, who it is, and address (IPv6: its /64)."""
    count = models.PositiveIntegerField()
    told = models.PositiveIntegerField()
    """How many of them, at most, are told somewhere else: in events of their own, or in a wider row."""
    kind = models.CharField(max_length=40)
    reason_code = models.CharField(max_length=60)
    actor_kind = models.CharField(max_length=12)
    actor_id = models.UUIDField(null=True)
    user_id = models.UUIDField(null=True)
    client_id = models.UUIDField(null=True)
    agent_id = models.UUIDField(null=True)
    """Like the three ids above it: what all of them have in common, and empty where they differ."""
    address_digest = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["minute", "source"], name="refusals_are_counted_once_a_minute"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.minute} {self.count}"
