"""Types of rich requests at a scope: register, change, end (RFC 9396 §2, §6).

A scope with a type is given for what the details say and no more, so registering, changing and ending one changes what
people agreed to: consents that hold the scope pause until their human has seen it (``agents/drift.py``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from agents import drift
from agents.actors import Actor, require
from agents.details.narrowing import checked_narrowing
from agents.details.offline import must_not_stand_in_tokens
from agents.details.schema import checked_schema
from agents.details.words import checked_words
from agents.drift import Drift, What
from agents.errors import Ended, InvalidInput
from agents.models import DetailType, DetailVersion, Resource, Scope
from agents.permissions import May
from agents.resource_locks import locked_scope
from agents.texts import reason_of
from agents.trail.kinds import Kind
from agents.trail.record import record

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{1,119}\Z")


@transaction.atomic
def add_detail_type(
    scope: Scope, *, name: str, schema: str, words: str, narrowing: Mapping[str, Any], by: Actor, now: datetime
) -> DetailType:
    """Let a scope be asked for only with details of this type.

    schema: JSON Schema of the members, as text. words: a sentence with ``{member}``. narrowing: member to ``at_most`` or
    ``subset``, for what a person may make less.
    Raises Forbidden, Ended, InvalidInput. Records ``detail_type.created``.
    """
    scope, resource = _locked(scope, by)
    if not _NAME.match(name):
        raise InvalidInput("name", _("Use letters, digits and . _ : / - without blanks, as clients will write it."))
    if DetailType.objects.filter(scope=scope, ended_at=None).exists():
        raise InvalidInput("name", _("This permission has a type of its own already. Change that one."))
    kept = DetailType(scope=scope, name=name, created_at=now)
    version = _version(kept, 1, schema, words, narrowing, by, now)
    try:
        with transaction.atomic():  # the unique name decides, also between two resources at once
            kept.save(force_insert=True)
    except IntegrityError as taken:
        raise InvalidInput("name", _("There is a type of this name already.")) from taken
    version.save(force_insert=True)
    must_not_stand_in_tokens(resource)
    _record(Kind.DETAIL_TYPE_CREATED, kept, version, by=by, now=now)
    drift.tell([_difference(scope, None, version)], by=by, now=now)
    return kept


@transaction.atomic
def change_detail_type(
    scope: Scope, *, schema: str, words: str, narrowing: Mapping[str, Any], by: Actor, now: datetime
) -> DetailVersion:
    """Give the type of this scope another schema, other words or other limits. Its name never changes.

    Raises Forbidden, Ended, InvalidInput. Records ``detail_type.changed``.
    """
    scope, _resource = _locked(scope, by)
    kept = _type_of(scope)
    before = kept.versions.get(replaced_at=None)
    version = _version(kept, before.version + 1, schema, words, narrowing, by, now)
    if (version.schema, version.words, version.narrowing) == (before.schema, before.words, before.narrowing):
        return before
    before.replaced_at = now
    before.save(update_fields=["replaced_at"])
    version.save(force_insert=True)
    _record(Kind.DETAIL_TYPE_CHANGED, kept, version, by=by, now=now)
    drift.tell([_difference(scope, before, version)], by=by, now=now)
    return version


@transaction.atomic
def end_detail_type(scope: Scope, *, reason: str, by: Actor, now: datetime) -> DetailType:
    """Let the scope be asked for without details again: all of it, so whoever holds it is asked first.

    Raises Forbidden, Ended. Records ``detail_type.ended``.
    """
    reason = reason_of(reason)
    scope, _resource = _locked(scope, by)
    kept = _type_of(scope)
    version = _end(kept, reason=reason, by=by, now=now)
    drift.tell([_difference(scope, version, None)], by=by, now=now)
    return kept


def end_with_what_they_were_for(types: QuerySet[DetailType], *, reason: str, by: Actor, now: datetime) -> None:
    """End the types of scopes that are no longer offered, in the caller's transaction: their names are free again.

    Nobody holds such a scope any more, so no consent pauses. Records ``detail_type.ended`` for each.
    """
    for kept in types.filter(ended_at=None).select_related("scope").order_by("pk"):
        _end(kept, reason=reason, by=by, now=now)


def _end(kept: DetailType, *, reason: str, by: Actor, now: datetime) -> DetailVersion:
    version = kept.versions.get(replaced_at=None)
    kept.ended_at = now
    kept.save(update_fields=["ended_at"])
    _record(Kind.DETAIL_TYPE_ENDED, kept, version, by=by, now=now, reason=reason)
    return version


def drift_of_details(scope: Scope) -> list[Drift]:
    """Return what any change of the scope's type would make different, for whom it concerns."""
    return [_difference(scope, None, None)]


def _locked(scope: Scope, by: Actor) -> tuple[Scope, Resource]:
    scope, resource = locked_scope(scope)
    require(by, May.MANAGE_RESOURCE, resource)
    return scope, resource


def _type_of(scope: Scope) -> DetailType:
    kept = DetailType.objects.filter(scope=scope, ended_at=None).first()
    if kept is None:
        raise Ended(_("This permission has no type of details any more."))
    return kept


def _version(
    kept: DetailType, number: int, schema: str, words: str, narrowing: Mapping[str, Any], by: Actor, now: datetime
) -> DetailVersion:
    checked = checked_schema(schema)
    return DetailVersion(
        type=kept,
        version=number,
        schema=checked,
        words=checked_words(words, checked),
        narrowing=checked_narrowing(narrowing, checked),
        created_at=now,
        created_by=by.user,
    )


def _difference(scope: Scope, before: DetailVersion | None, after: DetailVersion | None) -> Drift:
    return Drift(What.DETAILS, _said(before), _said(after), scope=scope)


def _said(version: DetailVersion | None) -> str:
    return f"{version.words} ({version.type.name} {version.version})" if version else ""


def _record(
    kind: Kind, kept: DetailType, version: DetailVersion, *, by: Actor, now: datetime, reason: str = ""
) -> None:
    record(
        kind,
        by=by,
        now=now,
        resource_id=kept.scope.resource_id,
        scopes=[kept.scope.name],
        name=kept.name,
        version=version.version,
        words=version.words,
        schema=json.dumps(version.schema, sort_keys=True)[:2000],
        reason=reason,
    )
