"""Agents, the people accountable for them, and the scopes they may ask for."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, Exists, F, OuterRef, Q, UniqueConstraint
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from agents.ids import uuid7

if TYPE_CHECKING:
    from agents.models.user import User


class Kind(models.TextChoices):
    ASSISTANT = "assistant", _("assistant, acts for people")
    AUTONOMOUS = "autonomous", _("autonomous, acts for the organisation")


class Environment(models.TextChoices):
    PRODUCTION = "production", _("production")
    STAGING = "staging", _("staging")
    DEVELOPMENT = "development", _("development")


class State(models.TextChoices):
    DRAFT = "draft", _("draft")
    PENDING = "pending", _("pending")
    ACTIVE = "active", _("active")
    SUSPENDED = "suspended", _("suspended")
    RETIRED = "retired", _("retired")


class DataClass(models.TextChoices):
    NONE = "none", _("none")
    PERSONAL = "personal", _("personal")
    HEALTH = "health", _("health")
    FINANCIAL = "financial", _("financial")


class AgentQuerySet(models.QuerySet["Agent"]):
    def usable(self, now: datetime) -> Self:
        """Agents that may get a token now: active, not past their end, with a live owner."""
        owner = Ownership.objects.live_owners().filter(agent=OuterRef("pk"), user__is_active=True)
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=now), Exists(owner), state=State.ACTIVE)

    def visible_to(self, viewer: User) -> Self:
        """Agents whose pages the viewer may see: all for administrators and auditors, else one's own."""
        if viewer.reads_everything:
            return self
        mine = Ownership.objects.live().filter(agent=OuterRef("pk"), user=viewer)
        return self.filter(Exists(mine))

    def locked(self, agent_id: uuid.UUID) -> Agent:
        """Return one agent under a row lock that holds until the transaction ends."""
        return self.select_for_update().get(pk=agent_id)


class Agent(models.Model):  # type: ignore[django-manager-missing]  # its clients derive from a library without types
    """A piece of software that acts. It has an owner, a purpose and a lifecycle (``agents/lifecycle.py``)."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=80)
    purpose = models.CharField(max_length=500, blank=True)
    """What it is for, in the owner's words. The agent's own sentence at a request is another thing."""
    unit = models.CharField(max_length=80, blank=True)
    """The part of the organisation that runs it, shown on the consent screen."""
    kind = models.CharField(max_length=16, choices=Kind.choices)
    environment = models.CharField(max_length=16, choices=Environment.choices, default=Environment.PRODUCTION)
    data_classes = models.JSONField(default=list)
    """Declared data classes: a sorted list of ``DataClass`` values without ``none``."""
    state = models.CharField(max_length=16, choices=State.choices, default=State.DRAFT)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """Who asked for activation: may not be the one who activates where a second person is required."""
    ends_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    origin = models.CharField(max_length=16, default="console")
    personal_of = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="personal_agents"
    )
    """Whose own agent it is (``agents/programs/personal.py``): it acts for nobody else. Empty for agents of the organisation."""
    software_key = models.CharField(max_length=64, blank=True)
    """Of a personal agent: of which program (``Client.software_key``)."""
    passes_deep = models.PositiveSmallIntegerField(default=1, db_default=1)
    """How many times work may be passed on, one agent after another, where it asks for that (``agents/passing.py``)."""
    stop_event = models.BigIntegerField(null=True, blank=True, editable=False)
    """The event by which it was stopped last, until the first use that was refused for it has been seen."""

    looked_at = models.JSONField(default=dict)
    """The facts before the changes that wait for another person to look at them (``agents/review.py``). Mostly empty."""
    changed_since = models.DateTimeField(null=True, blank=True)
    """Since when such a change waits."""
    changed_by = models.JSONField(default=list)
    """The ids of those who made them: none of them can be the other person."""

    objects = AgentQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            CheckConstraint(condition=Q(state__in=State.values), name="agent_has_a_known_state"),
            CheckConstraint(condition=Q(kind__in=Kind.values), name="agent_has_a_known_kind"),
            CheckConstraint(
                condition=~Q(state__in=[State.ACTIVE, State.PENDING]) | ~Q(purpose=""),
                name="agent_waiting_or_active_has_a_purpose",
            ),
            CheckConstraint(
                condition=Q(ends_at=None) | Q(ends_at__gt=F("created_at")), name="agent_ends_after_it_was_created"
            ),
            CheckConstraint(
                condition=Q(personal_of=None) | (Q(kind=Kind.ASSISTANT) & ~Q(software_key="")),
                name="a_personal_agent_is_of_one_program",
            ),
            UniqueConstraint(
                fields=["personal_of", "software_key"],
                condition=Q(personal_of__isnull=False) & ~Q(state="retired"),
                name="person_has_one_agent_of_a_program",
            ),
        ]
        indexes = [
            models.Index(fields=["name", "id"], name="agent_by_name"),
            models.Index(fields=["state", "name", "id"], name="agent_by_state_and_name"),
            models.Index(fields=["ends_at"], name="agent_by_end", condition=Q(ends_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("agent", args=[self.pk])

    def has_ended(self, now: datetime) -> bool:
        """Whether the agent's end date has passed. The sweep only writes down what is already true."""
        return self.ends_at is not None and self.ends_at <= now

    @property
    def is_personal(self) -> bool:
        """Whether it is somebody's own."""
        return self.personal_of_id is not None

    @property
    def is_made(self) -> bool:
        """Whether it stands in the table. Somebody's own is shown to them before it is made, with their approval."""
        return not self._state.adding

    @property
    def known_id(self) -> uuid.UUID | None:
        """Its id for an event: none before it is made."""
        return self.pk if self.is_made else None

    @property
    def owner(self) -> User | None:
        """The live owner. Uses prefetched ownerships where there are any."""
        return next((o.user for o in self.live_ownerships() if o.role == Ownership.Part.OWNER), None)

    @property
    def deputies(self) -> list[User]:
        return [o.user for o in self.live_ownerships() if o.role == Ownership.Part.DEPUTY]

    def live_ownerships(self) -> list[Ownership]:
        """Live ownerships with their people; one query unless they were prefetched as ``live_ownership_list``."""
        prefetched: list[Ownership] | None = getattr(self, "live_ownership_list", None)
        if prefetched is None:
            prefetched = list(self.ownerships.live().select_related("user"))
            self.live_ownership_list = prefetched
        return prefetched

    def is_kept_by(self, user: User) -> bool:
        """Whether the person is its owner or one of its deputies."""
        return any(o.user_id == user.pk for o in self.live_ownerships())


class OwnershipQuerySet(models.QuerySet["Ownership"]):
    def live(self) -> Self:
        return self.filter(until=None)

    def live_owners(self) -> Self:
        return self.live().filter(role=Ownership.Part.OWNER)


class Ownership(models.Model):
    """A person accountable for an agent, for a time. Ended by date, never deleted."""

    class Part(models.TextChoices):
        OWNER = "owner", _("owner")
        DEPUTY = "deputy", _("deputy")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="ownerships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="ownerships")
    role = models.CharField(max_length=8, choices=Part.choices)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    objects = OwnershipQuerySet.as_manager()

    class Meta:
        constraints = [
            UniqueConstraint(
                fields=["agent"], condition=Q(role="owner", until__isnull=True), name="agent_has_one_live_owner"
            ),
            UniqueConstraint(
                fields=["agent", "user"], condition=Q(until__isnull=True), name="person_has_one_part_in_an_agent"
            ),
            CheckConstraint(condition=Q(until=None) | Q(until__gte=F("since")), name="ownership_ends_after_it_starts"),
        ]
        indexes = [models.Index(fields=["user", "agent"], name="live_ownership_by_user", condition=Q(until=None))]

    def __str__(self) -> str:
        return f"{self.role} of {self.agent_id}"


class AgentScopeQuerySet(models.QuerySet["AgentScope"]):
    def live(self) -> Self:
        """Scopes that the agent may ask for now, at resources that still exist."""
        return self.filter(ended_at=None, scope__ended_at=None, scope__resource__ended_at=None)

    def offered_by(self, agent: Agent) -> Self:
        """What this agent may ask for now, with all that a page says of it, in a fixed number of queries.

        Of a personal agent never what is sensitive, also where it became so since.
        """
        from agents.models.resource import not_sensitive  # which builds upon this file

        if not agent.is_made:
            return self.none()
        found = self.live().filter(agent=agent)
        return (
            (found.filter(not_sensitive("scope__")) if agent.is_personal else found)
            .select_related("scope__resource", "confirmed_by")
            .prefetch_related("scope__wordings")
            .order_by("scope__resource__name", "scope__name")
        )


class AgentScope(models.Model):
    """A scope that an agent may ask for, set by its owner; required ones cannot be unticked on the screen."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="agent_scopes")
    scope = models.ForeignKey("agents.Scope", on_delete=models.PROTECT, related_name="agent_scopes")
    required = models.BooleanField(default=False)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """The administrator who confirmed that a sensitive scope is required (decisions.md, Who decides)."""
    added_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = AgentScopeQuerySet.as_manager()

    class Meta:
        constraints = [
            UniqueConstraint(
                fields=["agent", "scope"], condition=Q(ended_at__isnull=True), name="agent_names_a_scope_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} {self.scope_id}"

    @property
    def is_locked(self) -> bool:
        """Whether a person cannot untick it: required, and confirmed where the scope is sensitive."""
        return self.required and (self.confirmed_by_id is not None or not self.scope.is_sensitive)
