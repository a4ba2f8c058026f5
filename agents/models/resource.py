"""Resources that agents call, the scopes they offer, and the words in which people read them."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from agents.ids import uuid7
from agents.models.agent import DataClass


class Checks(models.TextChoices):
    """How a resource checks tokens, which decides their form and when a change counts."""

    INTROSPECTION = "introspection", _("asks Mandate (introspection)")
    OFFLINE = "offline", _("checks signatures itself (JWKS)")


class Access(models.TextChoices):
    READ = "read", _("read")
    WRITE = "write", _("write")
    DELETE = "delete", _("delete")


READING_ORDER = {access: rank for rank, access in enumerate(Access.values)}
"""In which order people read scopes: by how much they let an agent do."""

LONGEST_OFFLINE_LIFE = timedelta(minutes=5)


class ResourceQuerySet(models.QuerySet["Resource"]):
    def live(self) -> Self:
        return self.filter(ended_at=None)


class Resource(models.Model):
    """An API or MCP server that agents call (RFC 9728 protected resource), known by its URI."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=80)
    uri = models.CharField(max_length=255, unique=True)
    """The resource indicator (RFC 8707), compared byte for byte."""
    identifier = models.CharField(max_length=64, unique=True)
    """The name by which the resource authenticates at introspection and receipts."""
    checks = models.CharField(max_length=16, choices=Checks.choices, default=Checks.INTROSPECTION)
    cache_seconds = models.PositiveIntegerField(default=0)
    """For how long the resource keeps an introspection answer, as its owner states."""
    token_life = models.DurationField(default=timedelta(minutes=5))
    slower_delay = models.DurationField(default=timedelta(0))
    slower_until = models.DateTimeField(null=True, blank=True)
    """Until when ``slower_delay``, the delay before the last change that made it quicker, still has to be promised."""
    sensitive_offline_reason = models.CharField(max_length=500, blank=True)
    """Why an administrator allowed sensitive scopes although changes count only when the token ends."""
    require_dpop = models.BooleanField(default=False)
    """Whether it takes only tokens that are bound to a key (``dpop_bound_access_tokens_required``, RFC 9728 §2)."""
    operations = models.JSONField(default=list)
    """Operations that its receipts may name, for example ``read``."""
    record_types = models.JSONField(default=list)
    """Record types that its receipts may name, for example ``patient-file``."""
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ResourceQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            CheckConstraint(condition=Q(checks__in=Checks.values), name="resource_has_a_known_check"),
            CheckConstraint(condition=Q(token_life__gt=timedelta(0)), name="resource_token_life_is_positive"),
            CheckConstraint(
                condition=Q(checks=Checks.INTROSPECTION) | Q(token_life__lte=LONGEST_OFFLINE_LIFE),
                name="resource_checking_offline_gets_short_tokens",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("resource", args=[self.pk])

    @property
    def is_offline(self) -> bool:
        return self.checks == Checks.OFFLINE

    @property
    def own_delay(self) -> timedelta:
        """How long a change takes to count for what the resource gets from now on."""
        return self.token_life if self.is_offline else timedelta(seconds=self.cache_seconds)

    @property
    def effect_delay(self) -> timedelta:
        """The longest time until a change counts at this resource. Every promise on a page comes from here.

        After the resource became quicker, tokens and answers of the time before are still out for a while.
        """
        if self.slower_until is not None and self.slower_until > timezone.now():
            return max(self.own_delay, self.slower_delay)
        return self.own_delay


def is_sensitive(data_class: str, access: str, *, marked: bool) -> bool:
    """Health or financial data, deleting, or marked so by an administrator. The one place that says so."""
    return data_class in {DataClass.HEALTH, DataClass.FINANCIAL} or access == Access.DELETE or marked


def not_sensitive(prefix: str = "") -> Q:
    """Return the condition that a scope is not sensitive. prefix: the way to the scope."""
    return Q(
        **{
            f"{prefix}data_class__in": [DataClass.NONE, DataClass.PERSONAL],
            f"{prefix}access__in": [Access.READ, Access.WRITE],
            f"{prefix}marked_sensitive": False,
        }
    )


class ScopeQuerySet(models.QuerySet["Scope"]):
    def live(self) -> Self:
        return self.filter(ended_at=None, resource__ended_at=None)

    def sensitive(self) -> Self:
        """The queryset form of ``Scope.is_sensitive``; a test holds the two together."""
        return self.exclude(not_sensitive())


class Scope(models.Model):
    """One permission that a resource offers. Always the pair (resource, name)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    resource = models.ForeignKey(Resource, on_delete=models.PROTECT, related_name="scopes")
    name = models.CharField(max_length=80)
    access = models.CharField(max_length=8, choices=Access.choices)
    data_class = models.CharField(max_length=16, choices=DataClass.choices, default=DataClass.NONE)
    marked_sensitive = models.BooleanField(default=False)
    longest_life = models.DurationField(default=timedelta(days=365))
    """The longest time for which a consent may hold this scope."""
    required_by_default = models.BooleanField(default=False)
    """Proposed to owners as required; what counts is ``AgentScope.required``."""
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ScopeQuerySet.as_manager()

    class Meta:
        ordering = ["resource__name", "name"]
        constraints = [
            UniqueConstraint(
                fields=["resource", "name"], condition=Q(ended_at__isnull=True), name="resource_offers_a_scope_once"
            ),
            CheckConstraint(condition=Q(access__in=Access.values), name="scope_has_a_known_access"),
            CheckConstraint(condition=Q(data_class__in=DataClass.values), name="scope_has_a_known_data_class"),
            CheckConstraint(condition=Q(longest_life__gt=timedelta(0)), name="scope_longest_life_is_positive"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_sensitive(self) -> bool:
        """Whether everything that treats scopes differently treats this one so."""
        return is_sensitive(self.data_class, self.access, marked=self.marked_sensitive)

    @property
    def wording(self) -> ScopeWording:
        """The newest wording. Uses prefetched wordings where there are any."""
        return max(self.wordings.all(), key=lambda wording: wording.version)


class ScopeWording(models.Model):
    """The words of a scope as shown to people, in versions that are never edited in place."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="wordings")
    version = models.PositiveIntegerField()
    meaning = models.PositiveIntegerField()
    """The first version that meant the same. What people agreed to is a meaning: a mended typo changes nothing for them."""
    title = models.CharField(max_length=120)
    detail = models.CharField(max_length=500, blank=True)
    concerns = models.CharField(max_length=80, blank=True, default="")
    """Whom the data is about, such as "patients of the ward"; empty where it is not said."""
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["scope", "-version"]
        constraints = [UniqueConstraint(fields=["scope", "version"], name="scope_wording_has_one_of_each_version")]

    def __str__(self) -> str:
        return self.title
