"""People. Their id is the pseudonym by which events name them; name and address can be erased."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, ClassVar, Self

from django.contrib.auth import get_backends
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from agents.ids import uuid7


class Role(models.TextChoices):
    """What a person is in the console. Rules stand in ``console/roles.py``."""

    ADMINISTRATOR = "administrator", _("administrator")
    OWNER = "owner", _("agent owner")
    AUDITOR = "auditor", _("auditor")
    USER = "user", _("user")


def folded_email(email: str) -> str:
    """Return the address as it is kept and looked up: without blanks around it, in small letters."""
    return email.strip().lower()


class UserQuerySet(models.QuerySet["User"]):
    def active(self) -> Self:
        """People who may sign in and stand behind a consent."""
        return self.filter(is_active=True)

    def administrators(self) -> Self:
        """Active administrators."""
        return self.active().filter(role=Role.ADMINISTRATOR)

    def who_may_own_agents(self) -> Self:
        """The same question as ``User.may_own_agents``."""
        return self.active().filter(role__in=[Role.ADMINISTRATOR, Role.OWNER])

    def who_may_agree(self, approver_role: str) -> Self:
        """People whose role a sensitivity rule names: administrators, who may also stand in where agent owners are named."""
        if approver_role == Role.OWNER:
            return self.who_may_own_agents()
        return self.administrators() if approver_role == Role.ADMINISTRATOR else self.none()

    def visible_to(self, viewer: User) -> Self:
        """People whom the viewer may see in the console."""
        if viewer.reads_everything:
            return self
        return self.filter(pk=viewer.pk)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a person without an event; domain code calls ``agents.people`` instead."""
        user: User = self.model(email=folded_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=120, blank=True)
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.USER)
    is_active = models.BooleanField(default=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    language = models.CharField(max_length=16, blank=True, default="")
    """What they chose to read, a code of ``settings.LANGUAGES``. Empty: what their browser asks for."""
    created_at = models.DateTimeField(default=timezone.now)
    deactivated_at = models.DateTimeField(null=True, blank=True)
    left_office_at = models.DateTimeField(null=True, blank=True)
    """When they stopped being an active administrator; empty again once they are one.

    What they allowed for the organisation pauses a while after it, unless another administrator confirms it.
    """

    objects = UserManager.from_queryset(UserQuerySet)()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            UniqueConstraint(Lower("email"), name="user_email_is_unique_whatever_its_case"),
            CheckConstraint(condition=Q(role__in=Role.values), name="user_has_a_known_role"),
            CheckConstraint(
                condition=~Q(is_active=True, role=Role.ADMINISTRATOR) | Q(left_office_at=None),
                name="an_administrator_is_in_office",
            ),
        ]
        indexes = [
            models.Index(fields=["left_office_at"], name="user_left_office", condition=Q(left_office_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.display_name

    @property
    def display_name(self) -> str:
        """The name that pages show."""
        return self.name or self.email or f"person {self.pk.hex[-8:]}"

    @property
    def is_administrator(self) -> bool:
        return self.is_active and self.role == Role.ADMINISTRATOR

    @property
    def reads_everything(self) -> bool:
        """Whether every row is theirs to read: what rules and ``visible_to`` both ask."""
        return self.is_active and self.role in {Role.ADMINISTRATOR, Role.AUDITOR}

    @property
    def may_own_agents(self) -> bool:
        """Whether they can answer for an agent as its owner or deputy."""
        return self.is_active and self.role in {Role.ADMINISTRATOR, Role.OWNER}

    def may_agree(self, approver_role: str) -> bool:
        """The same question as ``UserQuerySet.who_may_agree``."""
        if approver_role == Role.OWNER:
            return self.may_own_agents
        return approver_role == Role.ADMINISTRATOR and self.is_administrator

    def note_office(self, *, administered: bool, now: datetime) -> None:
        """Keep ``left_office_at`` true after a change of role or access. administered: what they were before it."""
        if self.is_administrator:
            self.left_office_at = None
        elif administered:
            self.left_office_at = now

    def has_perm(self, perm: str, obj: object | None = None) -> bool:
        """Ask the permission backends (``console/roles.py`` through ``rules``). Deny by default."""
        if not self.is_active:
            return False
        for backend in get_backends():
            ask = getattr(backend, "has_perm", None)
            if ask is None:
                continue
            try:
                if ask(self, perm, obj):
                    return True
            except PermissionDenied:
                return False
        return False

    @classmethod
    def by_id(cls, user_id: uuid.UUID) -> User | None:
        """Return the person with this id, or None."""
        return cls.objects.filter(pk=user_id).first()
