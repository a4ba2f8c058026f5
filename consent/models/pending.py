"""Decisions that wait for an approver: what a person allowed, before anything is allowed by it.

No consent stands until the approver agrees, so there is nothing that a token could be issued under, and nothing to forget
where tokens are checked.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint
from django.urls import reverse

from agents.ids import uuid7
from agents.models import Agent, ApproverRole, Client, Role, User
from consent.models.consent import Consent
from consent.models.request import AccessRequest


class Said(models.TextChoices):
    """What became of it."""

    AGREED = "agreed", "agreed"
    REFUSED = "refused", "refused"
    WITHDRAWN = "withdrawn", "withdrawn by who allowed it"
    REPLACED = "replaced", "decided anew"
    OVER = "over", "nobody agreed in time"


class PendingConsentQuerySet(models.QuerySet["PendingConsent"]):
    def open(self) -> Self:
        """Neither decided nor written down as over, whatever the clock says."""
        return self.filter(closed_at=None)

    def waiting(self, now: datetime) -> Self:
        return self.open().filter(expires_at__gt=now)

    def visible_to(self, viewer: User) -> Self:
        """One's own, those that the viewer has agreed to or refused, and those open that their role could agree to."""
        if viewer.reads_everything:
            return self
        mine = Q(user=viewer) | Q(decided_by=viewer) | Q(closed_by=viewer)
        return (
            self.filter(mine | Q(approver_role=Role.OWNER, closed_at=None))
            if viewer.may_own_agents
            else self.filter(mine)
        )

    def for_the_role_of(self, viewer: User) -> Self:
        """Those that the viewer's role is named for and that they did not decide. Keepers of the agent are told apart by row."""
        roles = [role for role in ApproverRole.values if role and viewer.may_agree(role)]
        return self.filter(approver_role__in=roles).exclude(decided_by=viewer).exclude(user=viewer)

    def with_what_is_asked(self) -> Self:
        return self.select_related("agent", "client__agent", "user", "decided_by", "closed_by", "consent")

    def locked(self, pending_id: uuid.UUID) -> PendingConsent:
        """Return one under a row lock, after the lock of its agent: as everywhere. Raises PendingConsent.DoesNotExist."""
        agent_id = self.values_list("agent_id", flat=True).get(pk=pending_id)
        Agent.objects.locked(agent_id)
        rows = self.select_for_update(of=("self",)).select_related("agent", "client__agent", "user", "decided_by")
        return rows.get(pk=pending_id)


class PendingConsent(models.Model):
    """What somebody allowed, while an approver has not agreed. ``consent/approvers.py`` and ``pending.py`` change it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """Whom the agent would act for. Empty for the organisation."""
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approver_role = models.CharField(max_length=16, choices=ApproverRole.choices)
    purpose = models.CharField(max_length=500)
    purpose_key = models.CharField(max_length=64)
    approval = models.JSONField(default=dict)
    """What was decided, word for word (``consent.pending.as_kept``)."""
    request = models.ForeignKey(AccessRequest, on_delete=models.SET_NULL, null=True, blank=True, related_name="pending")
    """The question out of band that it answers, if it does."""
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    said = models.CharField(max_length=12, choices=Said.choices, blank=True)
    consent = models.OneToOneField(Consent, on_delete=models.PROTECT, null=True, blank=True, related_name="pending")

    objects = PendingConsentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            UniqueConstraint(
                fields=["client", "user", "purpose_key"],
                condition=Q(closed_at=None, user__isnull=False),
                name="person_waits_once_for_a_purpose",
            ),
            UniqueConstraint(
                fields=["client", "purpose_key"],
                condition=Q(closed_at=None, user__isnull=True),
                name="organisation_waits_once_for_a_purpose",
            ),
            CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="pending_expires_after_it_was_made"),
            CheckConstraint(
                condition=Q(said="", closed_at=None) | (~Q(said="") & Q(closed_at__isnull=False)),
                name="closed_pending_says_why",
            ),
            CheckConstraint(
                condition=Q(said="agreed", consent__isnull=False, closed_by__isnull=False)
                | (~Q(said="agreed") & Q(consent=None)),
                name="agreed_pending_has_its_consent",
            ),
            CheckConstraint(
                condition=~Q(said="agreed") | ~Q(closed_by=F("decided_by")), name="nobody_agrees_to_their_own"
            ),
        ]
        indexes = [
            models.Index(fields=["decided_by", "-created_at"], name="pending_by_who_decided"),
            models.Index(fields=["expires_at"], name="pending_waiting_for_its_end", condition=Q(closed_at=None)),
        ]

    def __str__(self) -> str:
        return self.purpose

    def get_absolute_url(self) -> str:
        return reverse("approval", args=[self.pk])

    def is_waiting(self, now: datetime) -> bool:
        return self.closed_at is None and self.expires_at > now

    def status(self, now: datetime) -> str:
        """One word for pages: waiting, or what became of it."""
        return self.said or ("waiting" if self.is_waiting(now) else Said.OVER.value)

    def may_be_agreed_to_by(self, person: User) -> bool:
        """Whether this person has the role, has no part in the decision and does not keep the agent."""
        own = person.pk in {self.decided_by_id, self.user_id}
        return not own and person.may_agree(self.approver_role) and not self.agent.is_kept_by(person)
