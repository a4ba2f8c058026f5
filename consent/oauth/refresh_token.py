"""Refreshing (RFC 6749 §6; rotation and replay: RFC 9700 §4.14.2).

§6 bound to the client, scopes never wider      find, redeem        §4.14.2 always rotated       start, _rotate
§4.14.2 a replay ends the family                punish              a lost answer heals          _heal

A refresh token is used once. A repeat within ten seconds, before its successor was used, is a lost answer: a client
that proves itself (by authentication or by the key that the family is bound to: RFC 9449) gets a new successor in place
of the unused one; a plain public client gets ``invalid_grant`` and nothing else happens. Any later repeat ends the family
(decisions.md, Refresh). The family row is locked first, so of many at once at most one successor is alive.
Errors: invalid_grant, invalid_scope (a scope never requested), invalid_target.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from oauthlib.common import Request

from agents.actors import Actor, RequestFacts
from agents.database.compiled import Compiled
from agents.database.statements import changed_by
from agents.ids import uuid7
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from agents.trail.record import record
from consent.models import Consent, RefreshToken, TokenFamily
from consent.models.token import digest_of
from consent.oauth.access_token import issue
from consent.oauth.audience import (
    answer,
    asked_resource,
    audience_of,
    choose,
    held_rows,
    in_detail,
    standing_of,
    tell_of_use,
)
from consent.oauth.client_authentication import ProvenClient
from consent.oauth.conditions import must_meet, take_use
from consent.oauth.errors import OAuthRefusal
from consent.oauth.id_token import id_token, is_due
from consent.oauth.purpose import require_same_purpose
from consent.oauth.what_is_asked import NO_PERMISSION, NOT_TOLD
from consent.observed import RefusedUse
from consent.telling_who import OPENID, is_wished

HEALS_WITHIN = timedelta(seconds=10)
START_STATEMENT = """
    INSERT INTO consent_refreshtoken (id, token_checksum, user_id, application_id, family_id, parent_id, created)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
USE_STATEMENT = "UPDATE consent_refreshtoken SET used_at = %s WHERE id = %s AND used_at IS NULL AND replaced_at IS NULL"


def _presented(digest: str) -> QuerySet[RefreshToken]:
    return RefreshToken.objects.select_related("family").filter(token_checksum=digest)


def _locked(family_id: UUID) -> QuerySet[TokenFamily]:
    return TokenFamily.objects.select_for_update().filter(pk=family_id)


def _effective(consent_id: UUID, now: datetime) -> QuerySet[Consent]:
    return Consent.objects.effective(now).filter(pk=consent_id)


PRESENTED, LOCKED, EFFECTIVE = Compiled(_presented), Compiled(_locked), Compiled(_effective)


class Replayed(Exception):
    """Inside a transaction: this repeat is no lost answer. The family must end."""


def refused(
    description: str = "The refresh token is unknown, used, over, or belongs to another client.",
    *,
    told: bool = False,
    consent: Consent | None = None,
    met: RefusedUse | None = None,
) -> OAuthRefusal:
    return OAuthRefusal("invalid_grant", description, told=told, consent=consent, met=met)


def nothing_left(met: RefusedUse) -> OAuthRefusal:
    return OAuthRefusal("invalid_scope", "Nothing of what was asked for is allowed any more.", met=met)


def start(family: TokenFamily, *, user_id: uuid.UUID, now: datetime, parent_id: uuid.UUID | None = None) -> str:
    """Make the family's live refresh token in the caller's transaction. Returns its value, which is kept nowhere."""
    value = secrets.token_urlsafe(32)
    changed_by(START_STATEMENT, [uuid7(), digest_of(value), user_id, family.client_id, family.pk, parent_id, now])
    return value


def find(value: str, *, client: ProvenClient, facts: RequestFacts) -> RefreshToken:
    """Return the client's refresh token, used or not. Raises OAuthRefusal; another client's stays untouched."""
    row = PRESENTED.first(digest_of(value))
    if row is None or row.application_id != client.pk:
        raise refused()
    if row.family.ended_at is not None:
        raise refused(consent=row.family.consent)
    if row.family.ends_at <= facts.now:
        raise refused("The refresh token is over. Ask the person again.", consent=row.family.consent)
    return row


def redeem(request: Request) -> dict[str, Any]:
    """Rotate the refresh token and issue an access token with today's worth, in one transaction.

    Raises OAuthRefusal. A replay ends the family, which commits before the refusal is raised.
    """
    facts, client, row = request.facts, request.client, request.refresh_row
    try:
        with transaction.atomic():
            return _issue(request, row)
    except Replayed:
        punish(row, client=client, facts=facts)
        raise refused(told=True) from None


def _issue(request: Request, row: RefreshToken) -> dict[str, Any]:
    facts, client = request.facts, request.client
    family = LOCKED.first(row.family_id)
    if family is None or family.ended_at is not None:
        raise refused()
    asked = frozenset(name for _, name in family.requested)
    met = RefusedUse(consent_id=family.consent_id, client_id=client.pk, missing=asked)
    consent = EFFECTIVE.first(family.consent_id, facts.now)
    if consent is None:
        raise refused("The consent is over. Ask the person again.", met=met)
    require_same_purpose(request.form, consent.purpose_key)
    _must_be_bound_as_before(family, client, jkt=request.binding.jkt)
    _use(row, client=client, bound=bool(family.jkt), now=facts.now)
    request.consent_id, request.agent_id = consent.pk, consent.agent_id
    held = held_rows(consent, family.requested, facts.now)
    if not held:
        raise nothing_left(met)
    resource = choose(asked_resource(request.form), {held_row.scope.resource for held_row in held})
    wanted = _wanted(request, family, resource.pk)
    at_resource = [row for row in held if row.scope.resource_id == resource.pk and row.scope.name in wanted]
    if not at_resource:
        raise nothing_left(met)
    token_for = in_detail(request.form, at_resource)
    # After the token was found to be no replay. What is refused here rolls its use back: it counts when the hours open.
    latest = must_meet(consent, facts=facts, latest=family.ends_at)
    more = take_use(consent, now=facts.now)
    tells_who = is_due(consent, family.requested, asked_now=(request.scope or "").split())
    issued = issue(
        client=client,
        standing=standing_of(consent),
        audience=audience_of(resource),
        scopes={row.scope.name: row.scope.data_class for row in token_for.rows},
        grant="refresh_token",
        by=Actor.client(client.pk, facts),
        now=facts.now,
        family_id=family.pk,
        credential_id=client.credential_id,
        latest_end=latest,
        details=token_for.details,
        narrowed=token_for.narrowed,
        jkt=request.binding.jkt,
        id_token=tells_who,
    )
    tell_of_use(consent, token_for.rows, now=facts.now)
    told = {"client_id": client.client_id, "access_token": issued.value, "now": facts.now}
    who = id_token(consent, **told) if tells_who else ""
    return answer(issued, start(family, user_id=row.user_id, now=facts.now, parent_id=row.pk) if more else None, who)


def _wanted(request: Request, family: TokenFamily, resource_id: uuid.UUID) -> set[str]:
    """Return the names asked for now among those first requested at this resource. Raises OAuthRefusal invalid_scope."""
    requested = {name for asked_at, name in family.requested if asked_at == str(resource_id)}
    # Authlib repeats at each refresh all that it first asked for, ``offline_access`` too.
    anywhere = {name for _, name in family.requested}
    asked = set((request.scope or "").split()) - passed_over(family.requested) - {OPENID} or requested
    if not asked <= anywhere:
        raise OAuthRefusal("invalid_scope", "A scope was asked for that the first request did not name.")
    return asked & requested


def passed_over(requested: Iterable[Sequence[str]]) -> frozenset[str]:
    """Return the scopes that a client may name again, since its first request named them, and that are none of ours."""
    pairs = list(requested)
    unbidden = NOT_TOLD - {name for _, name in pairs} if is_wished(pairs) else frozenset()
    return NO_PERMISSION | unbidden


def _must_be_bound_as_before(family: TokenFamily, client: ProvenClient, *, jkt: str) -> None:
    """RFC 9449 §5: a public client's family belongs to its key. What began with proofs never goes on without any.

    Raises OAuthRefusal: the family goes on, since whoever stole the token must not be able to end it.
    """
    if family.jkt and not jkt:
        raise OAuthRefusal("invalid_dpop_proof", "This refresh token was got with a DPoP proof, and needs one again.")
    if client.is_public and family.jkt and family.jkt != jkt:
        raise refused("The refresh token is bound to another key.", consent=family.consent)


def _use(row: RefreshToken, *, client: ProvenClient, bound: bool, now: datetime) -> None:
    """Mark the token used, or make room for a new successor where its repeat is a lost answer."""
    if changed_by(USE_STATEMENT, [now, row.pk]):
        return
    row.refresh_from_db(fields=["used_at", "replaced_at"])
    # Both ways: a clock that jumped back must not make an old token look as if it were used a moment ago.
    if row.used_at is None or abs(now - row.used_at) >= HEALS_WITHIN:
        raise Replayed
    unused = RefreshToken.objects.filter(parent_id=row.pk, used_at=None, replaced_at=None)
    if not unused.exists():
        raise Replayed
    if client.is_public and not bound:
        raise refused("The refresh token was used a moment ago.")
    unused.update(replaced_at=now)


def punish(row: RefreshToken, *, client: ProvenClient, facts: RequestFacts) -> None:
    """End the whole family: its refresh and access tokens are worth nothing from their next use on."""
    with transaction.atomic(durable=True):
        TokenFamily.objects.filter(pk=row.family_id, ended_at=None).update(
            ended_at=facts.now, ended_because="refresh_replayed"
        )
        consent = row.family.consent
        record(
            Kind.REFRESH_REPLAYED,
            by=Actor.client(client.pk, facts),
            now=facts.now,
            outcome=Outcome.REFUSED,
            reason_code="refresh_replayed",
            user_id=row.user_id,
            consent_id=consent.pk,
            purpose_digest=consent.purpose_digest,
            **client.who,
        )
