"""Tokens and codes: django-oauth-toolkit's swappable models, with every foreign key declared anew.

No foreign key between two of these tables cascades, so that sweeping one never takes rows from another. Nothing
that could be presented is stored: codes, opaque tokens and refresh tokens are kept as SHA-256 digests. Foreign keys
have an index only where something asks by them: each one more is paid with every token.

The database itself holds a token to its consent, and a refresh token to its family, and proves nothing more for each
(``db_constraint=False``): a consent holds its client, its person and, by its scopes, its resources with constraints of
its own, so none of them can go before it. On PostgreSQL each proof locks the row that it looks at, and rows that all
tokens of a busy agent lock at once cost more than the token. Django's own PROTECT stands for all of them.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Q
from oauth2_provider.models import (
    AbstractAccessToken,
    AbstractDeviceGrant,
    AbstractGrant,
    AbstractIDToken,
    AbstractRefreshToken,
)

from agents.ids import uuid7
from agents.models import Client, Credential, Resource
from consent.models.consent import Consent


def digest_of(presented: str) -> str:
    """Return the SHA-256 digest by which a code or token is stored. 256 random bits need no slow hash."""
    return hashlib.sha256(presented.encode("utf-8", "surrogatepass")).hexdigest()


class TokenFamily(models.Model):
    """All that one authorization code led to. Ending the family ends its refresh and access tokens at their next use."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, related_name="families")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+", db_index=False)
    created_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    """The end of its refresh tokens: never later than the consent's."""
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_because = models.CharField(max_length=40, blank=True)
    requested = models.JSONField(default=list)
    """The pairs ``[resource id, scope name]`` that the client asked for: what a refresh may name again."""
    jkt = models.CharField(max_length=43, blank=True, default="", db_default="")
    """Thumbprint of the key that its first tokens were bound to (RFC 9449). Empty: none."""

    class Meta:
        indexes = [
            models.Index(fields=["ends_at"], name="family_by_end"),
            models.Index(fields=["ended_at"], name="family_that_was_ended", condition=Q(ended_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"family {self.pk}"


class AuthorizationCode(AbstractGrant):
    """One authorization code. Kept after its use until it is swept, so that a second use can be told."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    code = models.CharField(max_length=64, unique=True)
    """SHA-256 digest of the code."""
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    application = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+", db_index=False)
    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, related_name="+")
    family_id = models.UUIDField(default=uuid7, unique=True)
    """The family that its first use will found. No foreign key: the family comes later."""
    requested = models.JSONField(default=list)
    """The pairs ``[resource id, scope name]`` that the client asked for."""
    dpop_jkt = models.CharField(max_length=43, blank=True, default="", db_default="")
    """Thumbprint of the key that must redeem it (RFC 9449 §10). Empty: any, or none."""
    used_at = models.DateTimeField(null=True, blank=True)
    objects: models.Manager[AuthorizationCode] = models.Manager()
    claims = None
    resource = None
    updated = None

    class Meta(AbstractGrant.Meta):
        abstract = False
        indexes = [models.Index(fields=["expires"], name="code_by_end")]


class AccessTokenQuerySet(models.QuerySet["AccessToken"]):
    def out(self, now: datetime) -> Self:
        """Tokens that have not run out. What they are worth is another question (``consent/oauth/worth.py``)."""
        return self.filter(expires__gt=now, revoked_at=None)


class AccessToken(AbstractAccessToken):
    """One access token. Its id is the ``jti``; what it is worth is computed when it is used."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    application = models.ForeignKey(
        Client, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, related_name="+", db_index=False)
    audience = models.ForeignKey(
        Resource, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    family = models.ForeignKey(
        TokenFamily,
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    credential = models.ForeignKey(
        Credential,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    """The key by which the client got it. Revoking a key that leaked ends what was got by it."""
    token_checksum = models.CharField(max_length=64, unique=True)
    """Digest of the opaque token. A JWT is found by its ``jti``, since its string has a second valid form; here it keeps
    ``jti:`` and the id, which no digest can equal."""
    details = models.JSONField(null=True, blank=True)
    """The details to which a token request narrowed it (RFC 9396 §6). Empty: all that its consent holds."""
    elsewhere = models.JSONField(null=True, blank=True)
    """Of a token that came of exchanges (RFC 8693): what these had at other resources on their way, by the resource's id.
    More than that it is not exchanged for there. Empty for all others."""
    jkt = models.CharField(max_length=43, blank=True, default="", db_default="")
    """Thumbprint of the key that it is bound to (RFC 9449 §6). Empty: a bearer token."""
    revoked_at = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)
    """When it was first seen to be worth nothing, so that this is an event once."""
    token = None
    source_refresh_token = None
    id_token = None
    resource = None
    updated = None

    objects = AccessTokenQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["expires"], name="access_token_by_end"),
            models.Index(fields=["consent", "expires"], name="access_token_by_consent"),
            models.Index(fields=["family"], name="access_token_by_family", condition=Q(family__isnull=False)),
        ]


class RefreshToken(AbstractRefreshToken):
    """One refresh token of a family. Used once; its family tells whether it still counts."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    application = models.ForeignKey(
        Client, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    family = models.ForeignKey(TokenFamily, on_delete=models.PROTECT, related_name="+")
    token_checksum = models.CharField(max_length=64, unique=True)
    used_at = models.DateTimeField(null=True, blank=True)
    replaced_at = models.DateTimeField(null=True, blank=True)
    """When a retry put another successor in its place before it was used."""
    parent_id = models.UUIDField(null=True, blank=True, db_index=True)
    objects: models.Manager[RefreshToken] = models.Manager()
    token = None
    access_token = None
    token_family = None
    resource = None
    revoked = None
    updated = None

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["family"],
                condition=Q(used_at=None, replaced_at=None),
                name="family_has_one_live_refresh_token",
            ),
            CheckConstraint(condition=Q(used_at=None) | Q(replaced_at=None), name="refresh_token_used_or_replaced"),
        ]


class IDToken(AbstractIDToken):
    """Swapped with the others so that no toolkit table cascades into ours. Stays empty: our ID tokens are kept nowhere."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    application = models.ForeignKey(Client, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta(AbstractIDToken.Meta):
        abstract = False


class DeviceGrant(AbstractDeviceGrant):
    """Swapped with the others. Stays empty: a device's request is an ``AccessRequest`` like any other question."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta(AbstractDeviceGrant.Meta):
        abstract = False


class UsedOnce(models.Model):
    """Something that counts once: the unique constraint decides who was first."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=20)
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    """After this the thing is refused for its age, and the row may be swept."""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "digest"], name="thing_is_used_once"),
            CheckConstraint(condition=Q(ends_at__gt=F("used_at")), name="used_once_ends_after_its_use"),
        ]
        indexes = [models.Index(fields=["ends_at"], name="used_once_by_end")]

    def __str__(self) -> str:
        return f"{self.kind} {self.digest[:8]}"
