"""Issuers that an administrator trusts to say who somebody is (ID-JAG), and whom they call what."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from django.urls import reverse

from agents.ids import uuid7
from agents.models.client import Client, Fetched
from agents.models.resource import Scope


class TrustedIssuerQuerySet(models.QuerySet["TrustedIssuer"]):
    def live(self) -> Self:
        return self.filter(ended_at=None)


class TrustedIssuer(models.Model):
    """An identity provider whose assertions let certain clients act for its people, at most as far as this row says.

    ``agents/trusted_issuers.py`` is the only code that changes it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=80)
    """What people call it: they read it where it vouched for them."""
    issuer = models.CharField(max_length=500)
    """As ``iss`` says it, byte for byte."""
    jwks_uri = models.CharField(max_length=500, blank=True)
    keys = models.JSONField(default=list)
    """Public keys that were given here. Empty where it publishes them at ``jwks_uri``."""
    email_domains = models.JSONField(default=list)
    """In which domains it may find people by their address. Others are linked by hand or not at all."""
    clients = models.ManyToManyField(Client, related_name="trusted_issuers")
    scopes = models.ManyToManyField(Scope, related_name="+")
    """The most that may be allowed on its word."""
    allow_sensitive = models.BooleanField(default=False)
    consent_life = models.DurationField(default=timedelta(hours=8))
    version = models.PositiveIntegerField(default=1)
    trusted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    """The administrator who decided what it says now, and answers for what is allowed by it."""
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = TrustedIssuerQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            UniqueConstraint(fields=["issuer"], condition=Q(ended_at=None), name="issuer_is_trusted_once"),
            CheckConstraint(condition=Q(consent_life__gt=timedelta(0)), name="trusted_issuer_leaves_some_life"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("trusted-issuer", args=[self.pk])


class IssuerKeys(Fetched):
    """What an issuer's ``jwks_uri`` answered last."""

    issuer = models.OneToOneField(TrustedIssuer, on_delete=models.PROTECT, primary_key=True, related_name="+")

    def __str__(self) -> str:
        return f"keys of {self.issuer_id}"


class LinkedPersonQuerySet(models.QuerySet["LinkedPerson"]):
    def live(self) -> Self:
        return self.filter(until=None)


class LinkedPerson(models.Model):
    """Whom a trusted issuer means by a ``sub``. Once it is known, an address that changes hands changes nothing."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    issuer = models.ForeignKey(TrustedIssuer, on_delete=models.PROTECT, related_name="people")
    subject = models.CharField(max_length=255)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    objects = LinkedPersonQuerySet.as_manager()

    class Meta:
        ordering = ["-since", "-id"]
        constraints = [
            UniqueConstraint(fields=["issuer", "subject"], condition=Q(until=None), name="subject_is_one_person"),
            UniqueConstraint(fields=["issuer", "user"], condition=Q(until=None), name="person_is_one_subject"),
            CheckConstraint(condition=Q(until=None) | Q(until__gte=F("since")), name="person_unlinked_after_linked"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} is {self.user_id}"
