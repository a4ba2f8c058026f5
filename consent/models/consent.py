"""Consents: who lets which agent do what, where, why and until when."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from agents.ids import uuid7
from agents.models import Agent, Client, Resource, Scope, TrustedIssuer, User
from consent.conditions import NONE, Conditions, conditions_from
from consent.errors import ConsentEnded, ConsentNotBegun
from consent.models.consent_queries import PAUSES_AFTER, ConsentQuerySet
from consent.models.consent_scope import ConsentScope
from consent.passing_on.passing import Passing, passing_from

OVER_SINCE = {"revoked_at": "revoked", "superseded_at": "superseded", "ended_recorded_at": "written_down_as_ended"}
"""The columns that say since when a consent is over, as far as it is written down."""


class Origin(models.TextChoices):
    """How a consent came to be (decisions.md, Who decides)."""

    SCREEN = "screen", _("consent screen")
    REQUEST = "request", _("access request")
    ORGANISATION = "organisation", _("organisation")
    ISSUER = "issuer", _("trusted issuer")
    DERIVED = "derived", _("derived")


def fold_purpose(purpose: str) -> str:
    """Return the form in which two purposes are compared: NFC, blanks folded."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", purpose)).strip()


def purpose_key(purpose: str) -> str:
    """Return the digest by which consents of the same purpose find each other."""
    return hashlib.sha256(fold_purpose(purpose).encode()).hexdigest()


class Consent(models.Model):
    """One person's (or the organisation's) permission to one client of one agent, for one purpose.

    Its text never changes. A wider or changed request makes a new consent that supersedes this one; narrowing ends
    ``ConsentScope`` rows by date. ``consent/mandate.py`` and its siblings alone change it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="consents")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="consents")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="consents"
    )
    """Whom the agent acts for. Empty where an administrator consented for the organisation."""
    origin = models.CharField(max_length=16, choices=Origin.choices)
    issuer = models.ForeignKey(TrustedIssuer, on_delete=models.PROTECT, null=True, blank=True, related_name="consents")
    """On whose word it was made without a screen. Who approved it is then the administrator whose rule that follows."""
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="approved_consents"
    )
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="derived")
    purpose = models.CharField(max_length=500)
    purpose_key = models.CharField(max_length=64)
    purpose_digest = models.CharField(max_length=64)
    """The trail's keyed digest of the purpose, carried by each event under this consent."""
    once = models.BooleanField(default=False)
    """One access token, no refresh token: the person's word for one use."""
    conditions = models.JSONField(default=dict)
    """Times of day, networks and environment that it is limited to (``Conditions.as_kept``). Empty for most."""
    uses_allowed = models.PositiveIntegerField(null=True, blank=True)
    """How many access tokens may be issued under it in all. Empty: any number."""
    uses_taken = models.PositiveIntegerField(default=0)
    """How many were, where the number is limited. Not counted otherwise."""
    passing = models.JSONField(null=True, blank=True)
    """To which agents work may be passed on, and how far (``Passing.as_kept``). Empty: not at all, as for most."""
    shown = models.JSONField(default=dict)
    """What the human saw, word for word (``consent.screens.offer.Offer.as_shown``)."""
    client_metadata = models.JSONField(default=dict)
    """What the client's registration said then (``consent.client_metadata``): its digest tells whether it is the same."""
    tells_who = models.BooleanField(default=False, db_default=False)
    """Whether the client may learn who the person is, by ID tokens (``consent/telling_who.py``)."""
    redirect_host = models.CharField(max_length=255, blank=True)
    sign_in_methods = models.JSONField(default=list)
    acr = models.CharField(max_length=40, blank=True)
    """How strongly whoever allowed it had proved who they are (``agents/acr.py``). Empty where that was not kept."""
    auth_time = models.DateTimeField(null=True, blank=True)
    """When they had."""
    agreed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """Who agreed besides the person, where a rule asked for that (``consent/approvers.py``)."""
    agreed_at = models.DateTimeField(null=True, blank=True)
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
    """Since when it counts for nothing until somebody answers for it or has seen the difference. Use refused it before."""
    paused_because = models.JSONField(default=list)
    """What was different then from what was agreed to (``consent.drift``): a list of what, scope, before and after."""
    stop_event = models.BigIntegerField(null=True, blank=True, editable=False)
    """The event by which access was taken away last, until the first use that was refused for it has been seen."""
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="confirmed_consents"
    )
    """The administrator who answers for it since the one before left (decisions.md, Who decides)."""
    confirmed_at = models.DateTimeField(null=True, blank=True)
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
            CheckConstraint(
                condition=Q(origin="issuer", issuer__isnull=False, user__isnull=False)
                | (~Q(origin="issuer") & Q(issuer=None)),
                name="vouched_consent_has_its_issuer",
            ),
            CheckConstraint(condition=Q(tells_who=False) | Q(user__isnull=False), name="consent_tells_who_somebody_is"),
            CheckConstraint(
                condition=Q(uses_allowed=None) | Q(uses_allowed__gte=1, uses_taken__lte=F("uses_allowed")),
                name="consent_is_used_no_more_than_allowed",
            ),
            CheckConstraint(
                condition=Q(confirmed_by=None, confirmed_at=None)
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False, user=None),
                name="only_the_organisation_has_a_consent_confirmed",
            ),
            UniqueConstraint(
                fields=["client", "user", "purpose_key"],
                condition=Q(revoked_at=None, superseded_at=None, user__isnull=False, parent=None),
                name="person_has_one_standing_consent_for_a_purpose",
            ),
            # Ended or not: what was taken back from an agent that had taken work over is not passed on to it again.
            UniqueConstraint(
                fields=["parent", "client"],
                condition=Q(parent__isnull=False),
                name="client_takes_over_once_of_a_consent",
            ),
            CheckConstraint(
                condition=Q(origin="derived", parent__isnull=False, user__isnull=False)
                | (~Q(origin="derived") & Q(parent=None)),
                name="derived_consent_has_a_parent_and_a_person",
            ),
            CheckConstraint(
                condition=Q(passing=None) | Q(parent=None, user__isnull=False),
                name="only_what_a_person_gave_is_passed_on",
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
            models.Index(
                fields=["ends_at", "id"],
                name="consent_of_the_organisation",
                condition=Q(revoked_at=None, superseded_at=None, user=None),
            ),
            # What is over leads to the token families under it. Nothing stands in these while a consent lives.
            *(
                models.Index(fields=[column], name=f"consent_{word}", condition=Q(**{f"{column}__isnull": False}))
                for column, word in OVER_SINCE.items()
            ),
        ]

    def __str__(self) -> str:
        return self.purpose

    def get_absolute_url(self) -> str:
        return reverse("consent", args=[self.pk])

    def is_live(self, now: datetime) -> bool:
        """The same question as ``ConsentQuerySet.live``."""
        standing = self.revoked_at is None and self.superseded_at is None
        own = standing and self.starts_at <= now < self.ends_at and not self.is_paused(now)
        return own and (self.parent is None or self.parent.is_live(now))

    @property
    def passes(self) -> Passing:
        """To which agents work may be passed on under it, and how far."""
        return passing_from(self.passing)

    @property
    def answerable(self) -> User:
        """The person who answers for it: the administrator who confirmed it last, or else who approved it."""
        return self.confirmed_by or self.approved_by

    @property
    def pauses_at(self) -> datetime | None:
        """When it pauses, or did, because the administrator who answers for it left. None while one answers for it."""
        if self.paused_at is not None or self.user_id is not None:
            return self.paused_at
        left = self.answerable.left_office_at
        return left + PAUSES_AFTER if left else None

    @property
    def waits_for_an_answer(self) -> bool:
        """Whether it is the organisation's, and nobody in office answers for it: an administrator may confirm it.

        One that has paused so stays paused when whoever answered for it comes back. Confirming brings nothing back that
        waits to be looked at: whoever agrees to the change answers for it from then on.
        """
        if self.user_id is not None or self.waits_to_be_looked_at:
            return False
        return self.paused_at is not None or self.answerable.left_office_at is not None

    @property
    def waits_to_be_looked_at(self) -> bool:
        """Whether it is paused until somebody has seen what is different from what was agreed to."""
        return self.paused_at is not None and bool(self.paused_because)

    def is_paused(self, now: datetime) -> bool:
        """Whether it counts for nothing until somebody answers for it or has seen the difference."""
        pauses_at = self.pauses_at
        return pauses_at is not None and pauses_at <= now

    def must_be_live(self, now: datetime) -> None:
        """Raise ConsentEnded unless the consent can still be changed (a paused one can)."""
        if self.revoked_at is not None or self.superseded_at is not None or self.ends_at <= now:
            raise ConsentEnded(self.pk)

    def must_have_begun(self, now: datetime) -> None:
        """Raise ConsentNotBegun where it began after ``now``: the request that changes it waited for the one that made it."""
        if now < self.starts_at:
            raise ConsentNotBegun(self.pk)

    def status(self, now: datetime) -> str:
        """One word for pages: live, paused, revoked, superseded or ended. A derived one is what became of its parent."""
        own = self._own_status(now)
        return self.parent.status(now) if own == "live" and self.parent is not None else own

    def _own_status(self, now: datetime) -> str:
        if self.revoked_at is not None:
            return "revoked"
        if self.superseded_at is not None:
            return "superseded"
        if self.ends_at <= now:
            return "ended"
        return "paused" if self.is_paused(now) else "live"

    @property
    def limits(self) -> Conditions:
        """The conditions under which it counts."""
        if not self.conditions and self.uses_allowed is None:
            return NONE
        return conditions_from(self.conditions, self.uses_allowed)

    @property
    def uses_left(self) -> int | None:
        """How many more tokens may be issued under it. None: any number."""
        return None if self.uses_allowed is None else self.uses_allowed - self.uses_taken

    def held(self, now: datetime) -> list[ConsentScope]:
        """The scopes that it holds now, with scope, resource and wording. Uses prefetched rows where there are any."""
        return [row for row in self.consent_scopes.all() if row.is_held(now)]

    def scopes(self, now: datetime) -> frozenset[Scope]:
        return frozenset(row.scope for row in self.held(now))

    def is_sensitive(self) -> bool:
        """Whether it holds something sensitive that was not taken away. Uses prefetched rows where there are any."""
        return any(row.ended_at is None and row.scope.is_sensitive for row in self.consent_scopes.all())

    def resources(self, now: datetime) -> list[Resource]:
        """The resources at which it holds a scope now, by name."""
        found = {row.scope.resource_id: row.scope.resource for row in self.held(now)}
        return sorted(found.values(), key=lambda resource: resource.name)
