"""Sessions of people. The key in the cookie is a secret, so only its digest stands here; what it remembers is encrypted."""

from __future__ import annotations

import hashlib
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar, Self

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.sessions.backends.base import SessionBase

    from agents.models.user import User


def digest_of_session_key(key: str) -> str:
    """Return what stands in the table for the key of a cookie: SHA-256, cut to the 160 bits that the column holds."""
    return hashlib.sha256(key.encode()).hexdigest()[:40]


class SessionQuerySet(models.QuerySet["Session"]):
    def of(self, person: User) -> Self:
        return self.filter(user=person)

    def live(self, now: datetime) -> Self:
        return self.filter(expire_date__gt=now)


class Session(AbstractBaseSession):
    """One browser of somebody, or of nobody yet. ``session_key`` is a digest (``digest_of_session_key``)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="sessions")
    address = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar = BaseSessionManager.from_queryset(SessionQuerySet)()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"session {self.session_key[:8]}"

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        """The engine of the settings; it stands on the highest floor, which this one does not import."""
        store: type[SessionBase] = import_module(settings.SESSION_ENGINE).SessionStore
        return store
