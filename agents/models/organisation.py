"""The one organisation of an installation, and the policy that its administrators decide."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q


class Organisation(models.Model):
    """One row. An installation serves one organisation (decisions.md, Who decides)."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(max_length=120)
    second_person_activates = models.BooleanField(default=False)
    """Whether somebody other than the person who submitted an agent must activate it."""
    dpop_nonces = models.BooleanField(default=False)
    """Whether proofs of keys must hold a nonce of ours (RFC 9449 §8)."""
    created_at = models.DateTimeField()

    class Meta:
        constraints = [CheckConstraint(condition=Q(id=1), name="organisation_is_one")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def current(cls) -> Organisation | None:
        """Return the organisation, or None before set-up."""
        return cls.objects.filter(pk=1).first()
