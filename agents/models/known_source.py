"""From where people have signed in, as digests: others' wrong guesses do not hold up these places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models

from agents.trail.record import text_digest
from agents.trail.refusals import source_of

if TYPE_CHECKING:
    from datetime import datetime

    from agents.models.user import User

MOST_KNOWN = 20
"""Sources that are remembered for each person; the one not used for longest is forgotten first."""


def digest_of_source(address: str) -> str:
    """Return what stands in the table for an address, or for its network (IPv6)."""
    return text_digest("known-source", source_of(address), None)


class KnownSourceQuerySet(models.QuerySet["KnownSource"]):
    def knows(self, email: str, address: str) -> bool:
        """Whether somebody with this e-mail address has signed in from this source before."""
        return self.filter(user__email=email, source=digest_of_source(address)).exists()

    def remember(self, person: User, address: str, now: datetime) -> None:
        """Note that the person signed in from here, in the caller's transaction."""
        if not address:
            return
        row = self.model(user=person, source=digest_of_source(address), last_at=now)
        self.bulk_create([row], update_conflicts=True, unique_fields=["user", "source"], update_fields=["last_at"])
        kept = self.filter(user=person).order_by("-last_at", "-pk").values_list("pk", flat=True)[:MOST_KNOWN]
        self.filter(user=person).exclude(pk__in=list(kept)).delete()


class KnownSource(models.Model):
    """One source from which one person has signed in, with everything it takes."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    source = models.CharField(max_length=64)
    last_at = models.DateTimeField()

    objects = KnownSourceQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "source"], name="a_source_is_known_once")]

    def __str__(self) -> str:
        return f"source {self.source[:8]}"
