"""Consents: who lets which agent do what, where, why and until when."""

from __future__ import annotations

import hashlib
import re
import unicodedata
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, Exists, F, OuterRef, Prefetch, Q, UniqueConstraint
from django.urls import reverse

from agents.ids import uuid7
from agents.models import Agent, Client, Ownership, Resource, Role, Scope, State
from consent.errors import ConsentEnded

if TYPE_CHECKING:
    from agents.models import User


class Origin(models.TextChoices):
    """How a consent came to be (decisions.md, Who decides)."""

    SCREEN = "screen", "consent screen"
    REQUEST = "request", "access request"
    ORGANISATION = "organisation", "organisation"
    ISSUER = "issuer", "trusted issuer"
    DERIVED = "derived", "derived"


def fold_purpose(purpose: str) -> str:
    """Return the form in which two purposes are compared: NFC, blanks folded."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", purpose)).strip()


def purpose_key(purpose: str) -> str:
    """Return the digest by which consents of the same purpose find each other."""
    return hashlib.sha256(fold_purpose(purpose).encode()).hexdigest()


class ConsentQuerySet(models.QuerySet["Consent"]):
    def standing(self) -> Self:
        """Neither revoked nor superseded, whatever the clock says."""
        return self.filter(revoked_at=None, superseded_at=None)

    def live(self, now: datetime) -> Self:
        """Consents under which a token is worth something now, agent and client apart."""
        return self.standing().filter(paused_at=None, starts_at__lte=now, ends_at__gt=now)

    def effective(self, now: datetime) -> Self:
        """Live consents whose agent, client and person are usable too."""
        owned = Ownership.objects.live_owners().filter(agent=OuterRef("agent"), user__is_active=True)
        return self.live(now).filter(
            Q(agent__ends_at=None) | Q(agent__ends_at__gt=now),
            Q(user=None) | Q(user__is_active=True),
            Exists(owned),
            agent__state=State.ACTIVE,
            client__ended_at=None,
        )

    def visible_to(self, viewer: User) -> Self:
        """Consents the viewer may read: all for administrators and auditors; else given by them or to their agents."""
        if viewer.role in {Role.ADMINISTRATOR, Role.AUDITOR}:
            return self
        mine = Ownership.objects.live().filter(agent=OuterRef("agent"), user=viewer)
        return self.filter(Q(user=viewer) | Q(approved_by=viewer) | Exists(mine))

    def given_by(self, person: User) -> Self:
        """Consents by which agents act for this person."""
        return self.filter(user=person)

    def locked(self, consent_id: uuid.UUID) -> Consent:
        """Return one consent under a row lock. Raises Consent.DoesNotExist."""
        return self.select_for_update(of=("self",)).select_related("agent", "client", "user").get(pk=consent_id)

    def with_scopes(self) -> Self:
        """Prefetch what a page draws of a consent, in a fixed number of queries."""
        scopes = ConsentScope.objects.select_related("scope__resource", "wording").order_by(
            "scope__resource__name", "scope__name"
        )
        return self.select_related("agent", "client", "user", "approved_by").prefetch_related(
            Prefetch("consent_scopes", queryset=scopes)
        )


class Consent(models.Model):
    """One person's (or the organisation's) permission to one client of one agent, for one purpose.

    Its text never changes. A wider or changed request makes a new consent that supersedes this one; narrowing ends
    ``ConsentScope`` rows by date. ``consent/mandate.py`` is the only code that changes it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="consents")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="consents")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="consents"
    )
    """Whom the agent acts for. Empty where an administrator consented for the organisation."""
    origin = models.CharField(max_length=16, choices=Origin.choices)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="approved_consents"
    )
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="derived")
    purpose = models.CharField(max_length=500)
    purpose_key = models.CharField(max_length=64)
    purpose_digest = models.CharField(max_length=64)
    """The trail's keyed digest of the purpose, carried by each event under this consent."""
    once = models.BooleanField(default=False)
    """One access token, no refresh token."""
    shown = models.JSONField(default=dict)
    """What the human saw, word for word (``consent.screens.offer.Offer.as_shown``)."""
    client_metadata = models.JSONField(default=dict)
    """What the client's registration said then (``consent.client_metadata``): its digest tells whether it is the same."""
    redirect_host = models.CharField(max_length=255, blank=True)
    sign_in_methods = models.JSONField(default=list)
    time_zone = models.CharField(max_length=64, default="UTC")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    superseded_at = models.DateTimeField(null=True, blank=True)
    superseded_by = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="supersedes"
    )
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_because = models.JSONField(default=list)
    """What was different then from what was agreed to (``consent.drift``): a list of what, scope, before and after."""
    stop_event = models.BigIntegerField(null=True, blank=True, editable=False)
    """The event by which access was taken away last, until the first use that was refused for it has been seen."""
    sensitive_use_told_at = models.DateTimeField(null=True, blank=True)
    """When the person was told by mail that the agent got a token for a sensitive scope for the first time."""
    ended_recorded_at = models.DateTimeField(null=True, blank=True)
    """When the sweep wrote down that ``ends_at`` had passed. Use refused it before."""

    objects = ConsentQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_at", "-id"]
        constraints = [
            CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="consent_ends_after_it_starts"),
            CheckConstraint(
                condition=Q(user__isnull=False) | Q(origin="organisation"), name="consent_acts_for_somebody"
            ),
            CheckConstraint(condition=~Q(purpose=""), name="consent_has_a_purpose"),
            UniqueConstraint(
                fields=["client", "user", "purpose_key"],
                condition=Q(revoked_at=None, superseded_at=None, user__isnull=False),
                name="person_has_one_standing_consent_for_a_purpose",
            ),
            UniqueConstraint(
                fields=["client", "purpose_key"],
                condition=Q(revoked_at=None, superseded_at=None, user__isnull=True),
                name="organisation_has_one_standing_consent_for_a_purpose",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-starts_at", "-id"], name="consent_by_person"),
            models.Index(fields=["agent", "-starts_at", "-id"], name="consent_by_agent"),
            models.Index(fields=["-starts_at", "-id"], name="consent_by_start"),
            models.Index(
                fields=["ends_at"],
                name="consent_waiting_for_its_end",
                condition=Q(revoked_at=None, superseded_at=None, ended_recorded_at=None),
            ),
        ]

    def __str__(self) -> str:
        return self.purpose

    def get_absolute_url(self) -> str:
        return reverse("consent", args=[self.pk])

    def is_live(self, now: datetime) -> bool:
        """The same question as ``ConsentQuerySet.live``."""
        standing = self.revoked_at is None and self.superseded_at is None and self.paused_at is None
        return standing and self.starts_at <= now < self.ends_at

    def must_be_live(self, now: datetime) -> None:
        """Raise ConsentEnded unless the consent can still be changed (a paused one can)."""
        if self.revoked_at is not None or self.superseded_at is not None or not self.starts_at <= now < self.ends_at:
            raise ConsentEnded(self.pk)

    def status(self, now: datetime) -> str:
        """One word for pages: live, paused, revoked, superseded or ended."""
        if self.revoked_at is not None:
            return "revoked"
        if self.superseded_at is not None:
            return "superseded"
        if self.ends_at <= now:
            return "ended"
        return "paused" if self.paused_at is not None else "live"

    def held(self, now: datetime) -> list[ConsentScope]:
        """The scopes that it holds now, with scope, resource and wording. Uses prefetched rows where there are any."""
        return [row for row in self.consent_scopes.all() if row.is_held(now)]

    def scopes(self, now: datetime) -> frozenset[Scope]:
        return frozenset(row.scope for row in self.held(now))

    def resources(self, now: datetime) -> list[Resource]:
        """The resources at which it holds a scope now, by name."""
        found = {row.scope.resource_id: row.scope.resource for row in self.held(now)}
        return sorted(found.values(), key=lambda resource: resource.name)


class ConsentScopeQuerySet(models.QuerySet["ConsentScope"]):
    def held(self, now: datetime) -> Self:
        """Scopes that the consent holds now and that their resource still offers."""
        return self.filter(Q(ended_at=None) | Q(ended_at__gt=now), scope__ended_at=None, scope__resource__ended_at=None)


class ConsentScope(models.Model):
    """One scope of a consent with the wording that the human saw. Narrowing sets ``ended_at``; nothing is deleted."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    consent = models.ForeignKey(Consent, on_delete=models.PROTECT, related_name="consent_scopes")
    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="consent_scopes")
    wording = models.ForeignKey("agents.ScopeWording", on_delete=models.PROTECT, related_name="+")
    required = models.BooleanField(default=False)
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

    def is_held(self, now: datetime) -> bool:
        """The same question as ``ConsentScopeQuerySet.held``."""
        gone = self.ended_at is not None and self.ended_at <= now
        return not gone and self.scope.ended_at is None and self.scope.resource.ended_at is None


def scope_ids(scopes: Iterable[Scope]) -> frozenset[uuid.UUID]:
    """Return the ids of these scopes."""
    return frozenset(scope.pk for scope in scopes)
