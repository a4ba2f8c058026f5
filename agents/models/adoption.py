"""What adopting self-registered clients takes: tokens to register with, rules that adopt, and people who ask for it."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from django.utils.translation import gettext_lazy as _

from agents.ids import uuid7
from agents.models.agent import Agent
from agents.models.client import Client


class RegistrationTokenQuerySet(models.QuerySet["RegistrationToken"]):
    def live(self, now: datetime) -> Self:
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=now), revoked_at=None)


class RegistrationToken(models.Model):  # type: ignore[django-manager-missing]  # clients derive from a library without types
    """An initial access token (RFC 7591 §3): whoever was given it may register clients. Shown once, kept as a digest."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=80)
    """For whom or what it was made, in the administrator's words."""
    digest = models.CharField(max_length=64, unique=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = RegistrationTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-made_at", "-id"]
        constraints = [
            CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("made_at")), name="token_ends_after_it_was_made"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def is_live(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.ends_at is None or self.ends_at > now)


class AdoptionRuleQuerySet(models.QuerySet["AdoptionRule"]):
    def live(self) -> Self:
        return self.filter(ended_at=None)


class AdoptionRule(models.Model):
    """Adopts clients by itself, by what Mandate verified: the host of their document, or the token they registered with."""

    class Match(models.TextChoices):
        DOCUMENT_HOST = "document_host", _("host of the client’s document")
        TOKEN = "token", _("initial access token")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    match = models.CharField(max_length=16, choices=Match.choices)
    host = models.CharField(max_length=255, blank=True)
    token = models.ForeignKey(RegistrationToken, on_delete=models.PROTECT, null=True, blank=True, related_name="rules")
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="adoption_rules")
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = AdoptionRuleQuerySet.as_manager()

    class Meta:
        ordering = ["-made_at", "-id"]
        constraints = [
            CheckConstraint(
                condition=(Q(match="document_host", token=None) & ~Q(host=""))
                | Q(match="token", token__isnull=False, host=""),
                name="adoption_rule_says_what_it_matches",
            ),
            UniqueConstraint(
                fields=["host"], condition=Q(ended_at=None, match="document_host"), name="one_rule_for_a_host"
            ),
            UniqueConstraint(fields=["token"], condition=Q(ended_at=None, match="token"), name="one_rule_for_a_token"),
        ]

    def __str__(self) -> str:
        return self.host or str(self.token)


class AdoptionAskQuerySet(models.QuerySet["AdoptionAsk"]):
    def open(self) -> Self:
        """Those that no administrator has answered."""
        return self.filter(answered_at=None)


class AdoptionAsk(models.Model):
    """A person met a program that may not act for them like this, and asks an administrator. Why stands with its event."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="asks")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    scopes = models.JSONField(default=list)
    """The ids of the scopes that it wanted and may not have as somebody's own."""
    event = models.BigIntegerField()
    """Number of the event that tells why."""
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = AdoptionAskQuerySet.as_manager()

    class Meta:
        ordering = ["asked_at", "id"]
        constraints = [
            UniqueConstraint(
                fields=["client", "user"], condition=Q(answered_at=None), name="person_asks_for_a_client_once_at_a_time"
            ),
            CheckConstraint(
                condition=Q(answered_at=None) | Q(answered_at__gte=F("asked_at")),
                name="ask_is_answered_after_it_was_asked",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.client_id} asked for by {self.user_id}"
