"""Types of rich requests (RFC 9396): what a scope can be narrowed down to, such as one patient or an amount.

A type belongs to a scope: whoever holds it holds that scope, for what the details say and no more. So everything that
treats scopes differently (sensitivity, rules, drift, the ceiling) treats their details alike.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q, UniqueConstraint

from agents.ids import uuid7
from agents.models.resource import Scope


class DetailTypeQuerySet(models.QuerySet["DetailType"]):
    def live(self) -> Self:
        return self.filter(ended_at=None, scope__ended_at=None, scope__resource__ended_at=None)


class DetailType(models.Model):
    """A type of ``authorization_details``. Its name is known once on this server, since a request names nothing else."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="detail_types")
    name = models.CharField(max_length=120)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = DetailTypeQuerySet.as_manager()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["name"], condition=Q(ended_at=None), name="detail_type_is_known_once"),
            UniqueConstraint(fields=["scope"], condition=Q(ended_at=None), name="scope_has_one_detail_type"),
        ]

    def __str__(self) -> str:
        return self.name


class DetailVersionQuerySet(models.QuerySet["DetailVersion"]):
    def current(self) -> Self:
        """The versions that count now, with their type, scope and resource."""
        return self.filter(replaced_at=None, type__in=DetailType.objects.live()).select_related("type__scope__resource")

    def by_scope(self, scope_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, DetailVersion]:
        """Return what counts now for these scopes, by scope. One query."""
        return {row.type.scope_id: row for row in self.current().filter(type__scope__in=list(scope_ids))}


class DetailVersion(models.Model):
    """What details of a type may say, and the words in which people read them. Never edited: a change is a new version."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    type = models.ForeignKey(DetailType, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    schema = models.JSONField()
    """JSON Schema of the members beside ``type`` (``agents.details.schema``)."""
    words = models.CharField(max_length=300)
    """One sentence with ``{member}`` for what a request says (``agents.details.words``)."""
    narrowing = models.JSONField(default=dict)
    """Which members a person may make less, and how: member to ``at_most`` or ``subset``."""
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    replaced_at = models.DateTimeField(null=True, blank=True)

    objects = DetailVersionQuerySet.as_manager()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["type", "version"], name="detail_type_has_one_of_each_version"),
            UniqueConstraint(
                fields=["type"], condition=Q(replaced_at=None), name="detail_type_has_one_current_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.version}"
