"""Scopes of a resource: add, change, end. A scope is always the pair (resource, name).

Its words are changed in ``scope_words.py``. Sensitive scopes stand only at resources that ask Mandate each time, unless
an administrator decides otherwise with a reason (``sensitive_offline.py``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from agents import drift
from agents.actors import Actor, require
from agents.detail_types import end_with_what_they_were_for
from agents.details.offline import must_not_stand_in_tokens
from agents.drift import Drift, What
from agents.errors import InvalidInput
from agents.models import Access, AgentScope, DataClass, Ownership, Resource, Scope
from agents.models.resource import is_sensitive
from agents.permissions import May
from agents.resource_locks import locked, locked_scope
from agents.rules import LONGEST_LIFE
from agents.scope_words import Words, add_wording
from agents.sensitive_offline import must_not_mix
from agents.texts import reason_of
from agents.trail.kinds import Kind
from agents.trail.record import record

CHANGEABLE = frozenset({"access", "data_class", "longest_life", "required_by_default", "marked_sensitive"})
WEIGHING = frozenset({"access", "data_class", "marked_sensitive"})
"""The facts that make a scope sensitive."""
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,80}\Z")
"""RFC 6749 §3.3."""
OF_THE_SERVER = frozenset({"openid", "offline_access"})
"""Scopes that every program takes for the authorization server's own (OpenID Connect Core §3.1.2.1, §11)."""


@transaction.atomic
def add_scope(
    resource: Resource,
    *,
    name: str,
    title: str,
    access: str,
    by: Actor,
    now: datetime,
    detail: str = "",
    concerns: str = "",
    data_class: str = DataClass.NONE,
    longest_life: timedelta = timedelta(days=365),
    required_by_default: bool = False,
    marked_sensitive: bool = False,
) -> Scope:
    """Offer one more permission at a resource, with the words in which people read it.

    title, detail: what it lets an agent do, and what it does not. concerns: whom the data is about. longest_life: for how long a consent may hold it.
    Raises Forbidden, Ended, InvalidInput, SensitiveOffline. Records ``scope.created``.
    """
    resource = locked(resource)
    require(by, May.MANAGE_RESOURCE, resource)
    if marked_sensitive:
        require(by, May.DECIDE_SENSITIVITY, resource)
    if not _SCOPE_TOKEN.match(name):
        raise InvalidInput(
            "name", _("Use letters, digits and signs such as : . _ - without blanks or quotation marks.")
        )
    if name in OF_THE_SERVER:
        raise InvalidInput(
            "name", _("%(name)s means something else to every program. Choose another name.") % {"name": name}
        )
    if resource.scopes.filter(name=name, ended_at=None).exists():
        raise InvalidInput(
            "name", _("%(resource)s offers a permission of this name already.") % {"resource": resource.name}
        )
    facts = _checked(
        {
            "access": access,
            "data_class": data_class,
            "longest_life": longest_life,
            "required_by_default": required_by_default,
            "marked_sensitive": marked_sensitive,
        }
    )
    scope = Scope(resource=resource, name=name, created_at=now, **facts)
    must_not_mix(resource, sensitive=scope.is_sensitive)
    scope.save(force_insert=True)
    words = Words(title, detail, concerns).checked()
    wording = add_wording(scope, version=1, meaning=1, words=words, by=by, now=now)
    record(
        Kind.SCOPE_CREATED,
        by=by,
        now=now,
        resource_id=resource.pk,
        scopes=[name],
        data_class=_class_of(scope),
        name=name,
        access=scope.access,
        title=wording.title,
    )
    return scope


@transaction.atomic
def change_scope(scope: Scope, *, by: Actor, now: datetime, **changes: Any) -> Scope:
    """Change facts of a scope: any of ``CHANGEABLE``. Its name never changes: tokens and consents name it.

    Whoever keeps an agent that may ask for it cannot make it less than sensitive: they would decide for their own agent.
    Consents that hold it pause where it is more than people agreed to (``drift_of_facts``).
    Raises Forbidden, Ended, InvalidInput, SensitiveOffline. Records ``scope.changed``.
    """
    unknown = changes.keys() - CHANGEABLE
    if unknown:
        raise TypeError(f"not changeable: {sorted(unknown)}")
    scope, resource = locked_scope(scope)
    require(by, May.MANAGE_RESOURCE, resource)
    current = {name: getattr(scope, name) for name in CHANGEABLE}
    wanted = _checked({**current, **changes})
    facts = {name: value for name, value in wanted.items() if value != current[name]}
    if not facts:
        return scope
    if "marked_sensitive" in facts:
        require(by, May.DECIDE_SENSITIVITY, resource)
    drifts = drift_of_facts(scope, facts)
    was_sensitive = scope.is_sensitive
    for name, value in facts.items():
        setattr(scope, name, value)
    if was_sensitive and not scope.is_sensitive:
        _must_not_keep_an_agent_with(scope, by, field=min(facts.keys() & WEIGHING))
    must_not_mix(resource, sensitive=scope.is_sensitive)
    scope.save(update_fields=[*facts])
    must_not_stand_in_tokens(resource)
    record(
        Kind.SCOPE_CHANGED,
        by=by,
        now=now,
        resource_id=resource.pk,
        scopes=[scope.name],
        data_class=_class_of(scope),
        name=scope.name,
        before={name: current[name] for name in facts},
        after=facts,
    )
    drift.tell(drifts, by=by, now=now)
    return scope


def drift_of_facts(scope: Scope, facts: Mapping[str, Any]) -> list[Drift]:
    """Return how these changes go beyond what people agreed to. What makes a scope less pauses nobody."""
    found = []
    access, data_class = facts.get("access", scope.access), facts.get("data_class", scope.data_class)
    if drift.goes_deeper(scope.access, access):
        found.append(Drift(What.ACCESS, str(scope.access), str(access), scope=scope))
    if drift.is_other_data(scope.data_class, data_class):
        found.append(Drift(What.DATA_CLASS, str(scope.data_class), str(data_class), scope=scope))
    if facts.get("marked_sensitive") and not scope.is_sensitive:
        found.append(Drift(What.SENSITIVE, False, True, scope=scope))
    marked = facts.get("marked_sensitive", scope.marked_sensitive)
    if scope.is_sensitive and not is_sensitive(data_class, access, marked=marked):
        # What an owner requires counts for sensitive ones only when it was confirmed, and from now on without that.
        rows = AgentScope.objects.live().filter(scope=scope, required=True, confirmed_by=None).select_related("agent")
        found += [Drift(What.REQUIRED, False, True, scope=scope, agent=row.agent) for row in rows.order_by("pk")]
    return found


@transaction.atomic
def end_scope(scope: Scope, *, reason: str, by: Actor, now: datetime) -> Scope:
    """Stop offering a permission, and its type of details with it. No consent holds it any more and no token is worth it.

    Raises Forbidden, Ended, InvalidInput (no reason). Records ``scope.ended`` and, where it has one, ``detail_type.ended``.
    """
    reason = reason_of(reason)
    scope, resource = locked_scope(scope)
    require(by, May.MANAGE_RESOURCE, resource)
    scope.ended_at = now
    scope.save(update_fields=["ended_at"])
    record(
        Kind.SCOPE_ENDED,
        by=by,
        now=now,
        resource_id=resource.pk,
        scopes=[scope.name],
        data_class=_class_of(scope),
        reason=reason,
        name=scope.name,
    )
    end_with_what_they_were_for(scope.detail_types.all(), reason=reason, by=by, now=now)
    return scope


def _must_not_keep_an_agent_with(scope: Scope, by: Actor, *, field: str) -> None:
    kept = Ownership.objects.live().filter(user=by.user).values("agent_id")
    if AgentScope.objects.live().filter(scope=scope, agent_id__in=kept).exists():
        raise InvalidInput(
            field,
            _(
                "You are responsible for an agent that may ask for this permission. Another administrator must decide that it "
                "is no longer sensitive."
            ),
        )


def _checked(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts as they are kept. Raises InvalidInput for the first that may not be."""
    if facts["access"] not in Access.values:
        raise InvalidInput("access", _("Choose whether it reads, writes or deletes."))
    if facts["data_class"] not in DataClass.values:
        raise InvalidInput("data_class", _("Choose among the data classes offered."))
    if not timedelta(0) < facts["longest_life"] <= LONGEST_LIFE:
        raise InvalidInput("longest_life", _("A consent may hold it for more than nothing and at most ten years."))
    return {**facts, "access": str(facts["access"]), "data_class": str(facts["data_class"])}


def _class_of(scope: Scope) -> str:
    return "" if scope.data_class == DataClass.NONE else scope.data_class
