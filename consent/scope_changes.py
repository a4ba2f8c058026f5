"""What a change of a scope means for the consents that hold it already."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.functions import Coalesce

from agents import scopes
from agents.actors import Actor
from agents.models import Ownership, Scope
from consent import mandate
from consent.models import Consent, ConsentScope


@transaction.atomic
def change_scope(scope: Scope, *, by: Actor, now: datetime, **changes: Any) -> Scope:
    """Change facts of a scope (``agents.scopes.change_scope``), and pause what nobody independent allowed.

    An administrator may allow their own agent what is not sensitive, for the organisation. Once it becomes sensitive,
    somebody else must answer for that: such a consent counts for nothing until another administrator confirms it.
    Raises what that raises. Records ``scope.changed`` and, for each consent, ``consent.paused``.
    """
    scopes.locked(scope.resource)  # before the scope is read, so that what it was is what is changed
    was_sensitive = Scope.objects.get(pk=scope.pk).is_sensitive
    scope = scopes.change_scope(scope, by=by, now=now, **changes)
    if scope.is_sensitive and not was_sensitive:
        for consent_id in _allowed_by_keepers(scope, now):
            mandate.pause(consent_id, by=by, now=now)
    return scope


def _allowed_by_keepers(scope: Scope, now: datetime) -> list[Any]:
    """Return the organisation's consents that hold the scope and for which a keeper of the agent answers."""
    holding = ConsentScope.objects.held(now).filter(scope=scope).values("consent")
    standing = Consent.objects.standing().filter(user=None, ends_at__gt=now, paused_at=None, pk__in=holding)
    answered = standing.annotate(answerable_id=Coalesce("confirmed_by_id", "approved_by_id"))
    kept = set(Ownership.objects.live().filter(agent__in=answered.values("agent")).values_list("agent_id", "user_id"))
    rows = answered.order_by("pk").values_list("pk", "agent_id", "answerable_id")
    return [consent_id for consent_id, agent_id, person_id in rows if (agent_id, person_id) in kept]
