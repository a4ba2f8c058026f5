"""Sensitive scopes and resources that check tokens offline: they stand together only where an administrator said why.

How a resource checks tokens decides when a change counts there (decisions.md, Tokens).
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from agents.actors import Actor, require
from agents.errors import NotReady, Refused
from agents.models import Resource
from agents.permissions import May
from agents.resource_locks import locked
from agents.texts import reason_of
from agents.trail.kinds import Kind
from agents.trail.record import record


class SensitiveOffline(Refused):
    """A sensitive scope and a resource that would go on accepting a token after it was revoked."""

    code = "sensitive_offline"

    def __init__(self, resource_name: str) -> None:
        super().__init__(
            _(
                "%(resource)s checks tokens offline, so a revoked permission would go on counting there until the token ends. Let it ask Mandate instead, or have an administrator allow this with a reason."
            )
            % {"resource": resource_name}
        )


def must_not_mix(resource: Resource, *, sensitive: bool) -> None:
    """Raise SensitiveOffline where a sensitive scope would stand at a resource that checks offline without leave."""
    if sensitive and resource.is_offline and not resource.sensitive_offline_reason:
        raise SensitiveOffline(resource.name)


@transaction.atomic
def allow_sensitive_offline(resource: Resource, *, reason: str, by: Actor, now: datetime) -> Resource:
    """Let sensitive scopes stand at this resource although it checks tokens offline.

    One that asks Mandate needs no leave, and must not keep one for later: ``resources.change`` takes the reason together
    with the change. Raises Forbidden, Ended, InvalidInput, NotReady. Records ``resource.sensitive_offline_allowed``.
    """
    reason = reason_of(reason)
    resource = locked(resource)
    require(by, May.DECIDE_SENSITIVITY, resource)
    if not resource.is_offline:
        raise NotReady(
            _("%(resource)s asks Mandate about each token, so there is nothing to allow.") % {"resource": resource.name}
        )
    resource.sensitive_offline_reason = reason
    resource.save(update_fields=["sensitive_offline_reason"])
    record(Kind.SENSITIVE_OFFLINE_ALLOWED, by=by, now=now, resource_id=resource.pk, reason=reason)
    return resource
