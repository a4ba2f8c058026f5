"""Scopes of a resource: add, change, reword, end. A scope is always the pair (resource, name).

How a resource checks tokens decides when a change counts there, so sensitive scopes stand only at resources that
ask Mandate each time, unless an administrator decides otherwise with a reason (decisions.md, Tokens).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from agents import drift
from agents.actors import Actor, require
from agents.details.offline import must_not_stand_in_tokens
from agents.drift import Drift, What
from agents.errors import Ended, InvalidInput, NotReady, Refused
from agents.models import Access, AgentScope, DataClass, Ownership, Resource, Scope, ScopeWording
from agents.models.resource import is_sensitive
from agents.permissions import May
from agents.texts import one_line, reason_of
from agents.trail.kinds import Kind
from agents.trail.record import record

CHANGEABLE = frozenset({"access", "data_class", "longest_life", "required_by_default", "marked_sensitive"})
WEIGHING = frozenset({"access", "data_class", "marked_sensitive"})
"""The facts that make a scope sensitive."""
LONGEST_LIFE = timedelta(days=3653)
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,80}\Z")
"""RFC 6749 §3.3."""


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


@dataclass(frozen=True, slots=True)
class Words:
    """What people read of a scope. concerns: whom the data is about, if that is said."""

    title: str
    detail: str
    concerns: str = ""

    def checked(self) -> Words:
        """Return the words as they are kept. Raises InvalidInput."""
        return Words(
            one_line("title", self.title, longest=120),
            one_line("detail", self.detail, longest=500, needed=False),
            one_line("concerns", self.concerns, longest=80, needed=False),
        )

    def as_kept(self) -> dict[str, str]:
        """Return them as a difference keeps them."""
        said = {"title": self.title, "detail": self.detail}
        return {**said, "concerns": self.concerns} if self.concerns else said


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
    wording = _add_wording(scope, version=1, meaning=1, words=words, by=by, now=now)
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
    scope, resource = _locked_scope(scope)
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
def reword_scope(
    scope: Scope,
    *,
    title: str,
    detail: str,
    concerns: str | None = None,
    by: Actor,
    now: datetime,
    same_meaning: str = "",
) -> ScopeWording:
    """Give a scope new words. Consents keep the words that their human saw, and pause until they have seen these.

    concerns: None leaves whom the data is about as it is. same_meaning: why the new words mean the same, where only the writing is mended. Then nobody is asked again.
    Raises Forbidden, Ended, InvalidInput. Records ``scope.reworded``, with that reason.
    """
    scope, resource = _locked_scope(scope)
    require(by, May.MANAGE_RESOURCE, resource)
    newest = scope.wording
    drifts = drift_of_words(scope, title=title, detail=detail, concerns=concerns)
    if not drifts:
        return newest
    reason = reason_of(same_meaning) if same_meaning else ""
    wording = _add_wording(
        scope,
        version=newest.version + 1,
        meaning=newest.meaning if reason else newest.version + 1,
        words=_new_words(newest, title, detail, concerns),
        by=by,
        now=now,
    )
    record(
        Kind.SCOPE_REWORDED,
        by=by,
        now=now,
        resource_id=resource.pk,
        scopes=[scope.name],
        name=scope.name,
        version=wording.version,
        title=wording.title,
        detail=wording.detail,
        concerns=wording.concerns,
        same_meaning=bool(reason),
        reason=reason,
    )
    if not reason:
        drift.tell(drifts, by=by, now=now)
    return wording


def drift_of_words(scope: Scope, *, title: str, detail: str, concerns: str | None = None) -> list[Drift]:
    """Return how these words differ from the newest ones, or nothing. Raises InvalidInput for words that may not be."""
    newest = scope.wording
    before, after = Words(newest.title, newest.detail, newest.concerns), _new_words(newest, title, detail, concerns)
    return [] if before == after else [Drift(What.WORDING, before.as_kept(), after.as_kept(), scope=scope)]


def _new_words(newest: ScopeWording, title: str, detail: str, concerns: str | None) -> Words:
    return Words(title, detail, newest.concerns if concerns is None else concerns).checked()


@transaction.atomic
def end_scope(scope: Scope, *, reason: str, by: Actor, now: datetime) -> Scope:
    """Stop offering a permission. No consent holds it any more and no token is worth it.

    Raises Forbidden, Ended. Records ``scope.ended``.
    """
    reason = reason_of(reason)
    scope, resource = _locked_scope(scope)
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
    return scope


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


def must_not_mix(resource: Resource, *, sensitive: bool) -> None:
    """Raise SensitiveOffline where a sensitive scope would stand at a resource that checks offline without leave."""
    if sensitive and resource.is_offline and not resource.sensitive_offline_reason:
        raise SensitiveOffline(resource.name)


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


def locked(resource: Resource) -> Resource:
    """Return the resource under a row lock. Raises Ended for one that was removed."""
    resource = Resource.objects.select_for_update().get(pk=resource.pk)
    if resource.ended_at is not None:
        raise Ended(_("%(resource)s was removed already.") % {"resource": resource.name})
    return resource


def _locked_scope(scope: Scope) -> tuple[Scope, Resource]:
    """Lock resource and scope, in this order: the rule about sensitive scopes concerns both."""
    resource = locked(Resource(pk=scope.resource_id))
    scope = Scope.objects.select_for_update().get(pk=scope.pk)
    scope.resource = resource
    if scope.ended_at is not None:
        raise Ended(_("This permission is no longer offered."))
    return scope, resource


def _add_wording(scope: Scope, *, version: int, meaning: int, words: Words, by: Actor, now: datetime) -> ScopeWording:
    return ScopeWording.objects.create(
        scope=scope,
        version=version,
        meaning=meaning,
        title=words.title,
        detail=words.detail,
        concerns=words.concerns,
        created_at=now,
        created_by=by.user,
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
