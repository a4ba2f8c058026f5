"""The rules for classes of permissions: what a decision on one of them takes. One row for each class that was changed.

What a rule means, and which counts where several classes meet, stands in ``agents/rules.py``. A class without a row has the
rule that Mandate comes with.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, Q
from django.utils.translation import gettext_lazy as _

SHORTEST_RULE_LIFE = timedelta(minutes=5)


class SensitivityClass(models.TextChoices):
    """What a permission is about. Each has one class of data; deleting and an administrator's mark come on top."""

    NONE = "none", _("no personal data")
    PERSONAL = "personal", _("personal data")
    HEALTH = "health", _("health data")
    FINANCIAL = "financial", _("financial data")
    DELETE = "delete", _("deleting")
    MARKED = "marked", _("marked as sensitive")


class ApproverRole(models.TextChoices):
    """Who must agree besides the person. Never the person, and never the agent's owner or deputies."""

    NOBODY = "", _("nobody else")
    OWNER = "owner", _("an agent owner or administrator")
    ADMINISTRATOR = "administrator", _("an administrator")


class SensitivityRule(models.Model):
    """The rule of one class, as administrators decided it last. What it was before stands in the trail."""

    sensitivity_class = models.CharField(primary_key=True, max_length=16, choices=SensitivityClass.choices)
    purpose_required = models.BooleanField()
    """Whether the person confirms on the screen what it is for, or says it in their own words."""
    longest_life = models.DurationField()
    """For how long a consent may hold it. A permission's own longest life can be shorter."""
    fresh_within = models.DurationField(null=True, blank=True)
    """How long ago the person may have proved who they are. Empty: their session is enough."""
    passkey_required = models.BooleanField()
    approver_role = models.CharField(max_length=16, choices=ApproverRole.choices, blank=True)
    remember_allowed = models.BooleanField()
    """Whether a client that asks for the same again may be answered without a screen."""
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(sensitivity_class__in=SensitivityClass.values), name="rule_is_for_a_known_class"
            ),
            CheckConstraint(condition=Q(approver_role__in=ApproverRole.values), name="rule_names_a_known_approver"),
            CheckConstraint(condition=Q(longest_life__gte=SHORTEST_RULE_LIFE), name="rule_leaves_some_life"),
            CheckConstraint(
                condition=Q(fresh_within=None) | Q(fresh_within__gte=SHORTEST_RULE_LIFE),
                name="rule_leaves_time_to_decide",
            ),
        ]

    def __str__(self) -> str:
        return self.get_sensitivity_class_display()
