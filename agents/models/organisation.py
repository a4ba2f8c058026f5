"""The one organisation of an installation, and the policy that its administrators decide."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q
from django.utils.translation import gettext_lazy as _


class Registration(models.TextChoices):
    """Whether programs may register themselves (RFC 7591)."""

    OPEN = "open", _("any program")
    TOKEN = "token", _("programs with an initial access token")
    OFF = "off", _("none")


class Adoption(models.TextChoices):
    """Who may let a program that registered itself become an agent. Each includes the one before it."""

    ADMINISTRATORS = "administrators", _("administrators")
    OWNERS = "owners", _("administrators and agent owners")
    EVERYBODY = "everybody", _("everybody, as a personal agent of their own")


class Organisation(models.Model):
    """One row. An installation serves one organisation (decisions.md, Who decides)."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    name = models.CharField(max_length=120)
    second_person_activates = models.BooleanField(default=False)
    """Whether somebody other than the person who submitted an agent must activate it."""
    dpop_nonces = models.BooleanField(default=False)
    """Whether proofs of keys must hold a nonce of ours (RFC 9449 §8)."""
    registration = models.CharField(max_length=8, choices=Registration.choices, default=Registration.OPEN)
    client_documents = models.BooleanField(default=True)
    """Whether a program may be known by the address of a document in which it describes itself (CIMD)."""
    adoption = models.CharField(max_length=16, choices=Adoption.choices, default=Adoption.EVERYBODY)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(id=1), name="organisation_is_one"),
            CheckConstraint(condition=Q(registration__in=Registration.values), name="registration_has_a_known_policy"),
            CheckConstraint(condition=Q(adoption__in=Adoption.values), name="adoption_has_a_known_policy"),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def current(cls) -> Organisation | None:
        """Return the organisation, or None before set-up."""
        return cls.objects.filter(pk=1).first()
