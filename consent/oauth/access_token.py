"""Access tokens: opaque for resources that ask, RFC 9068 JWTs for those that check offline.

§2.1 header ``typ: at+jwt``, ES256     claims       §2.2 claims (iss sub aud exp iat jti client_id scope)     claims
RFC 8693 §4.1, §4.4 act, may_act       claims       ``consent``: the id of the consent; no free text ever     claims
RFC 9449 §6.1 ``cnf.jkt``              claims

A delegated token has ``sub`` = the user and ``act.sub`` = the agent; an autonomous one has ``sub`` = the agent.
The row and its event are written together; what the token is worth is asked at its use (``worth.py``).
"""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from agents.actors import Actor
from agents.details.detail import as_granted
from agents.ids import uuid7
from agents.trail.kinds import Kind
from agents.trail.record import event_facts, heaviest, write_with
from consent.models.token import digest_of
from consent.oauth.chain import act_of, may_act_of
from consent.oauth.errors import OAuthRefusal
from consent.oauth.signing_keys import LONGEST_TOKEN, sign
from consent.passing_on.passing import NOTHING, Passing

TYP = "at+jwt"
ROW_STATEMENT = """
    INSERT INTO consent_accesstoken (id, token_checksum, application_id, user_id, consent_id, audience_id, family_id,
                                     credential_id, scope, expires, created, details, jkt, elsewhere)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True)
class Audience:
    """The resource that a token is for, as far as issuing asks: id, URI, how it checks, how long tokens live."""

    pk: uuid.UUID
    uri: str
    offline: bool
    life: timedelta
    require_dpop: bool = False
    """Whether it takes only tokens that are bound to a key (RFC 9449)."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The consent under which a token is issued. acr, auth_time: how and when its person had signed in."""

    pk: uuid.UUID
    agent_id: uuid.UUID
    user_id: uuid.UUID | None
    ends_at: datetime
    purpose_digest: str
    acr: str = ""
    auth_time: datetime | None = None
    earlier: tuple[uuid.UUID, ...] = ()
    """The agents that passed the work on, the latest first (RFC 8693 §4.1)."""
    passing: Passing = NOTHING


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """What the client gets. ``expires_in`` is in whole seconds."""

    value: str
    expires_in: int
    scope: str
    details: list[dict[str, Any]] = field(default_factory=list)
    """``authorization_details`` as they were granted (RFC 9396 §7)."""
    is_bound: bool = False


def issue(
    *,
    client: Any,
    standing: Standing,
    audience: Audience,
    scopes: dict[str, str],
    grant: str,
    by: Actor,
    now: datetime,
    family_id: uuid.UUID | None = None,
    credential_id: uuid.UUID | None = None,
    latest_end: datetime | None = None,
    details: list[dict[str, Any]] | None = None,
    narrowed: bool = False,
    jkt: str = "",
    subject_id: uuid.UUID | None = None,
    elsewhere: Mapping[str, Any] | None = None,
    id_token: bool = False,
) -> IssuedToken:
    """Issue one access token with its event, both or neither.

    client: has ``pk`` and ``client_id``. scopes: name to data class, all of the audience. latest_end: the family's.
    details: for what the scopes are held, as a consent keeps it. narrowed: that they are only what this request asked for.
    jkt: the thumbprint of the key that it is bound to (RFC 9449 §6), or empty. subject_id: of the token that was exchanged.
    elsewhere: as an access token keeps it.
    id_token: that one goes along, for the event.
    Never lives longer than the consent or the family. Raises OAuthRefusal invalid_grant when no second is left,
    invalid_dpop_proof where the resource demands a bound token, and invalid_authorization_details for too many in a JWT.
    Records ``token.issued``.
    """
    if audience.require_dpop and not jkt:
        raise OAuthRefusal(
            "invalid_dpop_proof", f"{audience.uri} takes only tokens that are bound to a key. Send a proof."
        )
    end = min(now + audience.life, standing.ends_at, latest_end or standing.ends_at)
    life = int((end - now).total_seconds())
    if life < 1:
        raise OAuthRefusal("invalid_grant", "The consent is over.", client_id=client.pk, agent_id=standing.agent_id)
    names = sorted(scopes)
    scope = " ".join(names)
    granted = [as_granted(kept) for kept in details or []]
    token_id = uuid7()
    if audience.offline:
        claims = _claims(token_id, client.client_id, standing, audience, scope, now, life, jkt)
        value = sign({**claims, "authorization_details": granted} if granted else claims, typ=TYP, now=now)
        if len(value) > LONGEST_TOKEN:  # we would not know it again, and few servers take a header that long
            raise OAuthRefusal(
                "invalid_authorization_details",
                f"That is more than fits into a token that {audience.uri} checks itself. Ask for fewer details at once.",
            )
        checksum = f"jti:{token_id.hex}"  # never equal to a digest: nothing that could be presented finds a JWT's row
    else:
        value = secrets.token_urlsafe(32)
        checksum = digest_of(value)
    more: dict[str, Any] = ({"bound": True} if jkt else {}) | ({"subject": subject_id} if subject_id else {})
    if id_token:
        more["id_token"] = True
    event = event_facts(
        Kind.TOKEN_ISSUED,
        by=by,
        now=now,
        user_id=standing.user_id,
        agent_id=standing.agent_id,
        client_id=client.pk,
        credential_id=credential_id,
        consent_id=standing.pk,
        token_id=token_id,
        resource_id=audience.pk,
        scopes=names,
        data_class=heaviest(scopes.values()),
        purpose_digest=standing.purpose_digest,
        grant=grant,
        life=life,
        **more,
    )
    row = [token_id, checksum, client.pk, standing.user_id, standing.pk, audience.pk, family_id]
    kept_with_it = json.dumps(details) if narrowed else None
    row += [credential_id, scope, now + timedelta(seconds=life), now, kept_with_it, jkt]
    row.append(json.dumps(elsewhere) if elsewhere else None)
    write_with(ROW_STATEMENT, row, event)
    return IssuedToken(value, life, scope, granted, bool(jkt))


def _claims(
    token_id: uuid.UUID,
    client_id: str,
    standing: Standing,
    audience: Audience,
    scope: str,
    now: datetime,
    life: int,
    jkt: str,
) -> dict[str, Any]:
    issued_at = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": settings.ISSUER,
        "sub": str(standing.user_id or standing.agent_id),
        "aud": audience.uri,
        "exp": issued_at + life,
        "iat": issued_at,
        "jti": str(token_id),
        "client_id": client_id,
        "scope": scope,
        "consent": str(standing.pk),
    }
    if standing.user_id is not None:
        actors = (standing.agent_id, *standing.earlier)
        claims["act"] = act_of(actors)
        claims |= may_act_of(standing.passing, actors)
        claims |= authentication(standing.acr, standing.auth_time)
    if jkt:
        claims["cnf"] = {"jkt": jkt}
    return claims


def authentication(acr: str, auth_time: datetime | None) -> dict[str, Any]:
    """Return ``acr`` and ``auth_time`` as a token and its introspection say them (RFC 9068 §2.2.1, RFC 9470 §6).

    They are of the person's decision. Nothing is said where it was not kept.
    """
    if not acr or auth_time is None:
        return {}
    return {"acr": acr, "auth_time": int(auth_time.timestamp())}
