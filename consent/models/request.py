"""Access requests: an agent asks a person out of band, or a device shows a code; and what limits the asking.

Nothing that could be presented is stored: ``auth_req_id``, device codes and user codes are kept as digests. Where the
agent is to be told of the decision, what that takes is encrypted and goes with the telling.
"""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, Exists, F, OuterRef, Q, UniqueConstraint
from django.urls import reverse

from agents.ids import uuid7
from agents.models import Agent, Client, User
from consent.models.consent import Consent


class RequestKind(models.TextChoices):
    """How the person came to be asked. A step-up asks for more beside a consent that stands."""

    CIBA = "ciba", "asked out of band"
    DEVICE = "device", "device code"
    STEP_UP = "step_up", "asked for more"


class RequestDecision(models.TextChoices):
    ALLOWED = "allowed", "allowed"
    REFUSED = "refused", "refused"


class AccessRequestQuerySet(models.QuerySet["AccessRequest"]):
    def open(self) -> Self:
        """Neither decided nor written down as over, whatever the clock says."""
        return self.filter(closed_at=None)

    def waiting(self, now: datetime) -> Self:
        """Requests that can still be decided."""
        return self.open().filter(expires_at__gt=now)

    def to_answer(self, now: datetime) -> Self:
        """Those that wait for the person, and not for an approver of what the person has said already."""
        return self.waiting(now).exclude(Exists(AccessRequest.objects.filter(pk=OuterRef("pk"), pending__said="")))

    def visible_to(self, viewer: User) -> Self:
        """Only one's own: an administrator does not answer for somebody else, and does not read what they are asked."""
        return self.filter(user=viewer)

    def with_what_is_asked(self) -> Self:
        return self.select_related("agent", "client__agent", "user", "consent")


class AccessRequest(models.Model):
    """One question to one person, answered once or not at all.

    ``consent/requests.py`` begins and closes it, ``user_codes.py`` says whose it is, ``pings.py`` notes who was told, and
    ``oauth/polling.py`` when its client may ask again and that it was used.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=8, choices=RequestKind.choices)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """Who is asked. Empty for a device until somebody has typed its code."""
    requested = models.JSONField(default=list)
    """The pairs ``[resource id, scope name]`` that the client asked for; once allowed, with what its consent holds beside."""
    details = models.JSONField(default=list)
    """The ``authorization_details`` that were asked for, as they were sent."""
    purpose = models.CharField(max_length=500, blank=True)
    """The agent's own sentence, or empty where it sent none and its registered purpose is meant."""
    purpose_key = models.CharField(max_length=64)
    binding_message = models.CharField(max_length=140, blank=True)
    """What the agent shows at the other end too, so that the person knows the two belong together."""
    acr_values = models.CharField(max_length=200, blank=True)
    """What the client asked of the person's sign-in (CIBA Core §7.1), with blanks between. One of them is enough."""
    address = models.GenericIPAddressField(null=True, blank=True)
    """From where a device was started: the person reads it before they decide."""
    digest = models.CharField(max_length=64, unique=True)
    """SHA-256 of ``auth_req_id`` or ``device_code``."""
    user_code_digest = models.CharField(max_length=64, blank=True)
    """Keyed, because a user code is short."""
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    wait_seconds = models.PositiveSmallIntegerField(default=5)
    """Seconds that a client waits between two polls. Five more each time that it does not."""
    next_poll_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    """When it was decided, or written down as over."""
    decision = models.CharField(max_length=8, choices=RequestDecision.choices, blank=True)
    consent = models.OneToOneField(
        Consent, on_delete=models.PROTECT, null=True, blank=True, related_name="access_request"
    )
    family_id = models.UUIDField(default=uuid7, unique=True)
    """The token family that its one use founds. No foreign key: the family comes later."""
    redeemed_at = models.DateTimeField(null=True, blank=True)
    ping_at = models.DateTimeField(null=True, blank=True)
    """When to try next to tell the client of the decision. Empty: nothing to tell, or told."""
    ping_tries = models.PositiveSmallIntegerField(default=0)
    ping_sealed = models.TextField(blank=True)
    """Encrypted: ``auth_req_id`` and the client's notification token, until it is told."""

    objects = AccessRequestQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            UniqueConstraint(
                fields=["kind", "client", "user", "purpose_key"],
                condition=Q(closed_at=None, user__isnull=False) & ~Q(kind="device"),
                name="person_is_asked_once_at_a_time",
            ),
            UniqueConstraint(
                fields=["user_code_digest"],
                condition=Q(closed_at=None) & ~Q(user_code_digest=""),
                name="user_code_names_one_open_request",
            ),
            CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="request_expires_after_it_was_made"),
            CheckConstraint(condition=Q(user__isnull=False) | Q(kind="device"), name="request_asks_somebody"),
            CheckConstraint(condition=Q(decision="") | Q(closed_at__isnull=False), name="decided_request_is_closed"),
            CheckConstraint(
                condition=Q(decision="allowed", consent__isnull=False)
                | (~Q(decision="allowed") & Q(consent__isnull=True)),
                name="allowed_request_has_its_consent",
            ),
            CheckConstraint(
                condition=Q(redeemed_at=None) | Q(decision="allowed"), name="only_an_allowed_request_is_used"
            ),
        ]
        indexes = [
            models.Index(
                fields=["closed_at"],
                name="request_to_be_deleted",
                condition=Q(closed_at__isnull=False, ping_at=None),
            ),
            models.Index(fields=["user", "-created_at", "-id"], name="request_by_person"),
            models.Index(fields=["agent", "user", "-created_at"], name="request_by_agent_and_person"),
            models.Index(fields=["expires_at"], name="request_waiting_for_its_end", condition=Q(closed_at=None)),
            models.Index(fields=["ping_at"], name="request_by_next_ping", condition=Q(ping_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("request", args=[self.pk])

    @property
    def is_device(self) -> bool:
        return self.kind == RequestKind.DEVICE

    def is_waiting(self, now: datetime) -> bool:
        """The same question as ``AccessRequestQuerySet.waiting``."""
        return self.closed_at is None and self.expires_at > now

    def status(self, now: datetime) -> str:
        """One word for pages: waiting, allowed, refused or over."""
        if self.decision:
            return self.decision
        return "waiting" if self.is_waiting(now) else "over"


class SilenceQuerySet(models.QuerySet["Silence"]):
    def live(self) -> Self:
        return self.filter(until=None)


class Silence(models.Model):
    """A person's word that an agent shall not ask them again. It holds for every client of the agent, until taken back."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    objects = SilenceQuerySet.as_manager()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["agent", "user"], condition=Q(until=None), name="person_silences_an_agent_once"),
            CheckConstraint(condition=Q(until=None) | Q(until__gte=F("since")), name="silence_ends_after_it_starts"),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} does not ask {self.user_id}"


class WrongEntries(models.Model):
    """The latest wrong user codes of one source: an account, or an address. Ten in 15 minutes make it wait."""

    source = models.CharField(primary_key=True, max_length=64)
    """Keyed digest of the account's id or of the address."""
    entered_at = models.JSONField(default=list)
    """When, in ISO 8601, oldest first."""
    stopped_until = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["changed_at"], name="wrong_entries_by_change")]

    def __str__(self) -> str:
        return f"wrong entries {self.source[:8]}"
