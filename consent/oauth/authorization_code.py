"""Redeeming an authorization code (RFC 6749 §4.1.3, §4.1.2; PKCE: RFC 7636 §4.6).

§4.1.3 the code belongs to the client     find       §4.1.2 used once, within 60 seconds     redeem
§4.1.2 a second use ends what the first one got      end_family
Errors: invalid_grant, invalid_target.
"""

from __future__ import annotations

import json
import uuid
from typing import Any, Protocol

from django.db import transaction
from django.db.models import QuerySet
from oauthlib.common import Request

from agents.actors import Actor, RequestFacts
from agents.database.compiled import Compiled
from agents.database.statements import changed_by
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from agents.trail.record import record
from consent.models import AuthorizationCode, Consent, TokenFamily
from consent.models.token import digest_of
from consent.oauth import refresh_token
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
from consent.observed import RefusedUse

USE_STATEMENT = "UPDATE consent_authorizationcode SET used_at = %s WHERE id = %s AND used_at IS NULL"
FAMILY_STATEMENT = """
    INSERT INTO consent_tokenfamily (id, consent_id, client_id, created_at, ends_at, ended_because, requested, jkt)
    VALUES (%s, %s, %s, %s, %s, '', %s, %s)
"""


def _presented(digest: str) -> QuerySet[AuthorizationCode]:
    return AuthorizationCode.objects.filter(code=digest)


PRESENTED = Compiled(_presented)


def refused(*, told: bool = False, consent: Consent | None = None) -> OAuthRefusal:
    """The one answer for a code that is unknown, used, over, or another client's."""
    sentence = "The code is unknown, used, over, or belongs to another client."
    return OAuthRefusal("invalid_grant", sentence, told=told, consent=consent)


def find(code: str, *, client: ProvenClient, facts: RequestFacts) -> AuthorizationCode:
    """Return the client's unused code. Raises OAuthRefusal; a second use ends what the first one got."""
    row = PRESENTED.first(digest_of(code))
    if row is None or row.application_id != client.pk:
        raise refused()
    if row.used_at is not None:
        punish(row, client=client, facts=facts)
        raise refused(told=True)
    if row.expires <= facts.now:
        raise refused(consent=row.consent)
    return row


def redeem(request: Request) -> dict[str, Any]:
    """Use the code, found its family, issue access token and, where the client may, a refresh token.

    Whoever marks the code has won; of 50 at once one does. The others count as a second use, whose penalty commits
    before the refusal is raised.
    """
    facts, client, row = request.facts, request.client, request.code_row
    with transaction.atomic():
        won = changed_by(USE_STATEMENT, [facts.now, row.pk])
        body = issue_first(request, row, grant="authorization_code") if won else None
    if body is None:
        punish(row, client=client, facts=facts)
        raise refused(told=True)
    return body


class Redeemable(Protocol):
    """What leads to first tokens: an authorization code, or an access request that somebody allowed (``polling.py``)."""

    @property
    def application_id(self) -> uuid.UUID: ...
    @property
    def consent_id(self) -> uuid.UUID: ...
    @property
    def user_id(self) -> uuid.UUID: ...
    @property
    def requested(self) -> list[list[str]]: ...
    @property
    def family_id(self) -> uuid.UUID: ...
    @property
    def dpop_jkt(self) -> str: ...
    @property
    def nonce(self) -> str: ...


def issue_first(request: Request, row: Redeemable, *, grant: str) -> dict[str, Any]:
    """Found the family and issue its first tokens, in the caller's transaction. Raises OAuthRefusal."""
    facts, client, jkt = request.facts, request.client, request.binding.jkt
    if row.dpop_jkt and row.dpop_jkt != jkt:
        raise OAuthRefusal("invalid_grant", "This is bound to another key (dpop_jkt).")
    consent = refresh_token.EFFECTIVE.first(row.consent_id, facts.now)
    if consent is None:
        raise OAuthRefusal("invalid_grant", "The consent behind this is over.", met=_met(row))
    request.consent_id, request.agent_id = consent.pk, consent.agent_id
    require_same_purpose(request.form, consent.purpose_key)
    held = held_rows(consent, row.requested, facts.now)
    if not held:
        raise OAuthRefusal("invalid_grant", "Nothing of what was asked for is allowed any more.", met=_met(row))
    resource = choose(asked_resource(request.form), {row.scope.resource for row in held})
    latest = must_meet(consent, facts=facts, latest=consent.ends_at)
    more = take_use(consent, now=facts.now)
    family = TokenFamily(id=row.family_id, client_id=client.pk)
    requested = json.dumps(row.requested)
    changed_by(FAMILY_STATEMENT, [family.pk, consent.pk, client.pk, facts.now, consent.ends_at, requested, jkt])
    at_resource = [row for row in held if row.scope.resource_id == resource.pk]
    token_for = in_detail(request.form, at_resource)
    tells_who = is_due(consent, row.requested)
    issued = issue(
        client=client,
        standing=standing_of(consent),
        audience=audience_of(resource),
        scopes={row.scope.name: row.scope.data_class for row in token_for.rows},
        grant=grant,
        by=Actor.client(client.pk, facts),
        now=facts.now,
        family_id=family.pk,
        credential_id=client.credential_id,
        latest_end=latest,
        details=token_for.details,
        narrowed=token_for.narrowed,
        jkt=jkt,
        id_token=tells_who,
    )
    tell_of_use(consent, token_for.rows, now=facts.now)
    told = {"client_id": client.client_id, "access_token": issued.value, "now": facts.now, "nonce": row.nonce}
    who = id_token(consent, **told) if tells_who else ""
    may_refresh = client.allows_grant_type("refresh_token") and more
    return answer(issued, refresh_token.start(family, user_id=row.user_id, now=facts.now) if may_refresh else None, who)


def _met(row: Redeemable) -> RefusedUse:
    asked = frozenset(name for _, name in row.requested)
    return RefusedUse(consent_id=row.consent_id, client_id=row.application_id, missing=asked)


def punish(row: AuthorizationCode, *, client: ProvenClient, facts: RequestFacts) -> None:
    """End the family that the first use founded. Commits before the refusal, which must not undo it."""
    with transaction.atomic(durable=True):
        end_family(row.family_id, because="code_used_twice", facts=facts)
        record(
            Kind.CODE_USED_TWICE,
            by=Actor.client(client.pk, facts),
            now=facts.now,
            outcome=Outcome.REFUSED,
            reason_code="code_used_twice",
            user_id=row.user_id,
            consent_id=row.consent_id,
            purpose_digest=row.consent.purpose_digest,
            **client.who,
        )


def end_family(family_id: uuid.UUID, *, because: str, facts: RequestFacts) -> None:
    """End all refresh and access tokens of a family at their next use."""
    TokenFamily.objects.filter(pk=family_id, ended_at=None).update(ended_at=facts.now, ended_because=because)
