"""Signing keys, of two kinds. The private half is encrypted with the installation's key-encryption secret."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import CheckConstraint, F, Q


class SigningKeyQuerySet(models.QuerySet["SigningKey"]):
    def published(self, now: datetime) -> Self:
        """Keys whose public half stands in the JWKS: until the last token they signed has run out."""
        return self.staying(now).filter(published_at__lte=now)

    def staying(self, now: datetime) -> Self:
        """Keys that have not left the JWKS, published already or by somebody whose clock is ahead."""
        return self.filter(Q(unpublished_at=None) | Q(unpublished_at__gt=now))


class SigningKey(models.Model):
    """One key pair for access tokens (ES256). A ``kid`` is never reused."""

    kid = models.CharField(primary_key=True, max_length=64)
    """JWK thumbprint (RFC 7638)."""
    algorithm = models.CharField(max_length=8, default="ES256")
    public_jwk = models.JSONField()
    private_jwk_encrypted = models.TextField()
    published_at = models.DateTimeField()
    signs_from = models.DateTimeField()
    unpublished_at = models.DateTimeField(null=True, blank=True)
    """When it leaves the JWKS. Empty while no other key is to follow it."""
    compromised_at = models.DateTimeField(null=True, blank=True)
    """Since when nothing that it signed counts, because somebody else may hold its private half."""
    retired_at = models.DateTimeField(null=True, blank=True)
    """When it was written down that it has left; its private half is gone since then."""

    objects = SigningKeyQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["unpublished_at"], name="signing_key_by_its_end")]
        constraints = [
            CheckConstraint(condition=Q(signs_from__gte=F("published_at")), name="signing_key_is_published_first"),
            CheckConstraint(
                condition=Q(compromised_at=None) | Q(unpublished_at__lte=F("compromised_at")),
                name="signing_key_compromised_is_not_published",
            ),
        ]

    def __str__(self) -> str:
        return self.kid


class EvidenceKey(models.Model):
    """One key pair for evidence (ES256). Its public half stays published for ever: what it signed is read years later.

    A table of its own, so that nothing that it signs can pass for a token, and no token for evidence.
    """

    kid = models.CharField(primary_key=True, max_length=64)
    """JWK thumbprint (RFC 7638)."""
    public_jwk = models.JSONField()
    private_jwk_encrypted = models.TextField()
    signs_from = models.DateTimeField()

    objects: models.Manager[EvidenceKey] = models.Manager()

    class Meta:
        ordering = ["-signs_from", "kid"]

    def __str__(self) -> str:
        return self.kid
