"""The scopes of a consent, each with the wording that the human saw, from when and until when."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from agents.ids import uuid7
from agents.models import Scope


class ConsentScopeQuerySet(models.QuerySet["ConsentScope"]):
    def held(self, now: datetime) -> Self:
        """Scopes that the consent holds now and that their resource still offers."""
        return self.filter(Q(ended_at=None) | Q(ended_at__gt=now), scope__ended_at=None, scope__resource__ended_at=None)


class ConsentScope(models.Model):
    """One scope of a consent with the wording that the human saw. Narrowing sets ``ended_at``; nothing is deleted."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    consent = models.ForeignKey("consent.Consent", on_delete=models.PROTECT, related_name="consent_scopes")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="consent_scopes")
    wording = models.ForeignKey("agents.ScopeWording", on_delete=models.PROTECT, related_name="+")
    required = models.BooleanField(default=False)
    details = models.JSONField(default=list)
    """For what it is held and no more (``agents.details.detail.Detail.kept``); empty where it has no type of details."""
    details_before = models.JSONField(default=list)
    """What they were before they were lessened: ``until`` and ``details``, oldest first (``consent.lessening``)."""
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ConsentScopeQuerySet.as_manager()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["consent", "scope"], name="consent_holds_a_scope_once"),
            CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("started_at")), name="consent_scope_ends_after_it_starts"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.consent_id} {self.scope_id}"

    @property
    def details_in_words(self) -> list[str]:
        """For what it is held now, in words."""
        return [str(each["words"]) for each in self.details]

    @property
    def details_as_agreed(self) -> list[str]:
        """For what it was given, before anybody lessened it."""
        first = self.details_before[0]["details"] if self.details_before else self.details
        return [str(each["words"]) for each in first]

    def is_held(self, now: datetime) -> bool:
        """The same question as ``ConsentScopeQuerySet.held``."""
        gone = self.ended_at is not None and self.ended_at <= now
        return not gone and self.scope.ended_at is None and self.scope.resource.ended_at is None


def scope_ids(scopes: Iterable[Scope]) -> frozenset[uuid.UUID]:
    """Return the ids of these scopes."""
    return frozenset(scope.pk for scope in scopes)
