"""Resources: create, change, end. Their scopes are in ``scopes.py`` and can be had from here too."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from agents.actors import Actor, require
from agents.detail_types import end_with_what_they_were_for
from agents.details.offline import must_not_stand_in_tokens
from agents.errors import InvalidInput
from agents.ids import random_handle
from agents.models import Checks, DetailType, Resource
from agents.models.resource import LONGEST_OFFLINE_LIFE
from agents.permissions import May
from agents.redirects import LOOPBACK_NAMES
from agents.resource_locks import locked
from agents.scope_words import reword_scope
from agents.scopes import add_scope, change_scope, end_scope
from agents.sensitive_offline import SensitiveOffline, allow_sensitive_offline, must_not_mix
from agents.texts import one_line, reason_of
from agents.trail.kinds import Kind
from agents.trail.record import record

__all__ = [
    "CHANGEABLE",
    "SensitiveOffline",
    "add_scope",
    "allow_sensitive_offline",
    "change",
    "change_scope",
    "check_resource_uri",
    "create",
    "end",
    "end_scope",
    "reword_scope",
]

CHANGEABLE = frozenset({"name", "checks", "cache_seconds", "token_life", "operations", "record_types", "require_dpop"})
LONGEST_CACHE_SECONDS = 3600
LONGEST_TOKEN_LIFE = timedelta(days=1)
_PLAIN_URI = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]{1,255}\Z")
_WORD = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}\Z")


@transaction.atomic
def create(
    *,
    name: str,
    uri: str,
    by: Actor,
    now: datetime,
    checks: str = Checks.INTROSPECTION,
    cache_seconds: int = 0,
    token_life: timedelta = timedelta(minutes=5),
    operations: Iterable[str] = (),
    record_types: Iterable[str] = (),
    require_dpop: bool = False,
) -> Resource:
    """Make a resource known. uri: its resource indicator (RFC 8707 §2), compared byte for byte and never changed.

    cache_seconds: for how long it keeps an answer of introspection. operations, record_types: what its receipts may
    name. Raises Forbidden, InvalidInput. Records ``resource.created``.
    """
    require(by, May.MANAGE_RESOURCE)
    check_resource_uri(uri)
    facts = _checked(
        {
            "name": name,
            "checks": checks,
            "cache_seconds": cache_seconds,
            "token_life": token_life,
            "operations": operations,
            "record_types": record_types,
            "require_dpop": require_dpop,
        }
    )
    try:
        with transaction.atomic():  # the unique address decides between two at once
            resource = Resource.objects.create(
                uri=uri, identifier=_new_identifier(facts["name"]), created_at=now, **facts
            )
    except IntegrityError as taken:
        raise InvalidInput("uri", _("A resource with this address exists already, or existed before.")) from taken
    record(
        Kind.RESOURCE_CREATED,
        by=by,
        now=now,
        resource_id=resource.pk,
        name=resource.name,
        uri=resource.uri,
        checks=resource.checks,
    )
    return resource


@transaction.atomic
def change(resource: Resource, *, by: Actor, now: datetime, offline_reason: str = "", **changes: Any) -> Resource:
    """Change facts of a resource: any of ``CHANGEABLE``. A change to what already holds is no change and no event.

    offline_reason: why sensitive scopes may stand at a resource that goes offline with this change; without it, one that
    has any stays as it is. A resource that comes back to introspection loses that leave.
    Raises Forbidden, Ended, InvalidInput, SensitiveOffline. Records ``resource.changed`` and, where the reason was
    needed, ``resource.sensitive_offline_allowed``.
    """
    unknown = changes.keys() - CHANGEABLE
    if unknown:
        raise TypeError(f"not changeable: {sorted(unknown)}")
    resource = locked(resource)
    require(by, May.MANAGE_RESOURCE, resource)
    current = {name: getattr(resource, name) for name in CHANGEABLE}
    wanted = _checked({**current, **changes})
    facts = {name: value for name, value in wanted.items() if value != current[name]}
    if not facts:
        return resource
    came_back = resource.is_offline and wanted["checks"] == Checks.INTROSPECTION
    delay_so_far, own_delay_so_far = resource.effect_delay, resource.own_delay
    for name, value in facts.items():
        setattr(resource, name, value)
    sensitive = resource.scopes.filter(ended_at=None).sensitive().exists()
    allowed = sensitive and facts.get("checks") == Checks.OFFLINE and bool(offline_reason.strip())
    if allowed:
        require(by, May.DECIDE_SENSITIVITY, resource)
        offline_reason = resource.sensitive_offline_reason = reason_of(offline_reason)
    must_not_mix(resource, sensitive=sensitive)
    if came_back:
        resource.sensitive_offline_reason = ""
    if resource.own_delay < own_delay_so_far:
        # What is out from a slower time before that still counts: a second change must not end the promise of the first.
        ends = now + own_delay_so_far
        resource.slower_until = max(resource.slower_until, ends) if resource.slower_until else ends
        resource.slower_delay = delay_so_far
    resource.save(update_fields=[*facts, "sensitive_offline_reason", "slower_delay", "slower_until"])
    must_not_stand_in_tokens(resource)
    record(
        Kind.RESOURCE_CHANGED,
        by=by,
        now=now,
        resource_id=resource.pk,
        before={name: current[name] for name in facts},
        after=facts,
    )
    if allowed:
        record(Kind.SENSITIVE_OFFLINE_ALLOWED, by=by, now=now, resource_id=resource.pk, reason=offline_reason)
    return resource


@transaction.atomic
def end(resource: Resource, *, reason: str, by: Actor, now: datetime) -> Resource:
    """Remove a resource for good. Nobody gets a token for it any more; consents no longer hold its scopes.

    Raises Forbidden, Ended, InvalidInput (no reason). Records ``resource.ended``, and ``detail_type.ended`` for each type.
    """
    reason = reason_of(reason)
    resource = locked(resource)
    require(by, May.MANAGE_RESOURCE, resource)
    resource.ended_at = now
    resource.save(update_fields=["ended_at"])
    record(Kind.RESOURCE_ENDED, by=by, now=now, resource_id=resource.pk, reason=reason)
    types = DetailType.objects.filter(scope__resource=resource)
    end_with_what_they_were_for(types, reason=reason, by=by, now=now)
    return resource


def check_resource_uri(uri: str) -> None:
    """Raise InvalidInput unless the URI may name a resource: absolute, http(s), no fragment (RFC 8707 §2)."""
    if not _PLAIN_URI.match(uri):
        raise InvalidInput("uri", _("Give a whole address, such as https://records.example.org, without # or blanks."))
    try:
        parts = urlsplit(uri)
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        port_is_fine = False
    if not port_is_fine or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidInput("uri", _("Give a whole address that begins with https://."))
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("uri", _("The address of a resource must not contain a user name."))
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_NAMES:
        raise InvalidInput("uri", _("Plain http is for addresses on the same machine only. Use https."))


def _checked(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts as they are kept. Raises InvalidInput for the first that may not be."""
    checked = {**facts, "name": one_line("name", facts["name"], longest=80), "checks": str(facts["checks"])}
    if checked["checks"] not in Checks.values:
        raise InvalidInput("checks", _("Choose how the resource checks tokens."))
    if not 0 <= facts["cache_seconds"] <= LONGEST_CACHE_SECONDS:
        raise InvalidInput(
            "cache_seconds",
            _("Give 0 to %(most)s seconds.") % {"most": LONGEST_CACHE_SECONDS},
        )
    if not timedelta(0) < facts["token_life"] <= LONGEST_TOKEN_LIFE:
        raise InvalidInput("token_life", _("A token lives for more than nothing and at most a day."))
    if checked["checks"] == Checks.OFFLINE and facts["token_life"] > LONGEST_OFFLINE_LIFE:
        raise InvalidInput("token_life", _("A resource that checks offline gets tokens of at most 5 minutes."))
    for name in ("operations", "record_types"):
        checked[name] = list(dict.fromkeys(facts[name]))
        if len(checked[name]) > 50 or not all(_WORD.match(word) for word in checked[name]):
            raise InvalidInput(name, _("Give up to 50 short words of small letters, digits, dots and hyphens."))
    return checked


def _new_identifier(name: str) -> str:
    return f"{slugify(name)[:50].strip('-') or 'resource'}-{random_handle(6)}"
