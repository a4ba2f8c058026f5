"""One-time links: set-up and invitation. Only a digest of the secret part is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q, UniqueConstraint
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from agents.ids import uuid7
from agents.models.user import Role


class LinkQuerySet(models.QuerySet["OneTimeLink"]):
    def unused(self) -> Self:
        """Neither used nor withdrawn, whatever the clock says."""
        return self.filter(used_at=None, revoked_at=None)

    def live(self, now: datetime) -> Self:
        """Links that still open something."""
        return self.unused().filter(ends_at__gt=now)

    def invitations(self) -> Self:
        return self.filter(kind=OneTimeLink.Kind.INVITATION)


class OneTimeLink(models.Model):
    """A link that makes one person, once, before its end."""

    class Kind(models.TextChoices):
        SETUP = "setup", _("set-up")
        INVITATION = "invitation", _("invitation")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    digest = models.CharField(max_length=64, unique=True)
    email = models.EmailField(blank=True)
    name = models.CharField(max_length=120, blank=True)
    role = models.CharField(max_length=16, choices=Role.choices)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    used_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)
    ended_recorded_at = models.DateTimeField(null=True, blank=True)

    objects = LinkQuerySet.as_manager()

    class Meta:
        constraints = [
            UniqueConstraint(
                fields=["kind"],
                condition=Q(kind="setup", used_at__isnull=True, revoked_at__isnull=True),
                name="setup_has_one_open_link",
            ),
            UniqueConstraint(
                Lower("email"),
                condition=Q(kind="invitation", used_at__isnull=True, revoked_at__isnull=True),
                name="invited_address_has_one_open_link",
            ),
        ]
        indexes = [
            models.Index(
                fields=["ends_at"],
                name="link_waiting_for_its_end",
                condition=Q(used_at=None, revoked_at=None, ended_recorded_at=None),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
