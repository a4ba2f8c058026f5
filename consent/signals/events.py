"""The vocabulary of signals: security event tokens with CAEP events, about subjects that a receiver knows from its tokens.

RFC 8417 §2.2 claims, §2.3 ``typ: secevent+jwt``     token           SSF 1.0 §4.1 no ``sub``, no ``exp``, one event    token
CAEP 1.0 §2 event_timestamp, initiating_entity       common          §3.1 session-revoked                  SESSION_REVOKED
§3.2 token-claims-change                         TOKEN_CLAIMS_CHANGE §3.3 credential-change              CREDENTIAL_CHANGE
SSF 1.0 §8.1.4.1 verification, §8.1.5 stream-updated                 verification, stream_updated

Subjects (RFC 9493; SSF 1.0 §3.3) are complex, of what stands in access tokens: ``session`` is the ``consent``, ``user`` the
``sub`` of a person, ``application`` the agent (``act.sub``, or ``sub`` where it acts for the organisation), and ``client``
the ``client_id``. One token alone is named by its ``jti`` (SSF 1.0 §3.5.1), a resource and Mandate itself by their address. No
names and no free text: CAEP's ``reason_admin`` and ``reason_user`` are left out. What each type is told for: ``concerned.py``.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from consent.oauth.signing_keys import sign

TYP = "secevent+jwt"
_CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
_SSF = "https://schemas.openid.net/secevent/ssf/event-type/"
SESSION_REVOKED = f"{_CAEP}session-revoked"
TOKEN_CLAIMS_CHANGE = f"{_CAEP}token-claims-change"
CREDENTIAL_CHANGE = f"{_CAEP}credential-change"
VERIFICATION = f"{_SSF}verification"
STREAM_UPDATED = f"{_SSF}stream-updated"
SUPPORTED = (SESSION_REVOKED, TOKEN_CLAIMS_CHANGE, CREDENTIAL_CHANGE)
"""What a receiver may ask to hear. The two about the stream itself it always hears (SSF 1.0 §8.1.4, §8.1.5)."""

Claims = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What one signal says: of which type, about whom, and the event itself."""

    type: str
    sub_id: Claims
    event: Claims
    about: uuid.UUID | None = None

    def claims(self, txn: str = "") -> Claims:
        """Return what is kept of it until it is signed."""
        said: Claims = {"sub_id": self.sub_id, "events": {self.type: self.event}}
        return said | {"txn": txn} if txn else said


def token(claims: Claims, *, jti: uuid.UUID, audience: str, made_at: datetime, now: datetime) -> str:
    """Return one security event token, signed now: whoever is sent it again finds the same ``jti`` in it."""
    said = {"iss": settings.ISSUER, "aud": audience, "jti": str(jti), "iat": int(made_at.timestamp()), **claims}
    return sign(said, typ=TYP, now=now)


def iss_sub(subject: uuid.UUID) -> Claims:
    """An agent or a person as tokens name them (RFC 9493 §3.2.3)."""
    return {"format": "iss_sub", "iss": settings.ISSUER, "sub": str(subject)}


def opaque(name: object) -> Claims:
    """Something that has an id of ours (RFC 9493 §3.2.4)."""
    return {"format": "opaque", "id": str(name)}


def jwt_id(token_id: uuid.UUID) -> Claims:
    """One access token, a JWT or not: introspection says the same ``jti`` (SSF 1.0 §3.5.1)."""
    return {"format": "jwt_id", "iss": settings.ISSUER, "jti": str(token_id)}


def uri(address: str) -> Claims:
    """A resource, or Mandate itself (RFC 9493 §3.2.7)."""
    return {"format": "uri", "uri": address}


def complex_subject(
    *,
    consent: uuid.UUID | None = None,
    user: uuid.UUID | None = None,
    agent: uuid.UUID | None = None,
    client: str = "",
) -> Claims:
    """All tokens that hold each of these (SSF 1.0 §3.3)."""
    members = {
        "session": opaque(consent) if consent else None,
        "user": iss_sub(user) if user else None,
        "application": iss_sub(agent) if agent else None,
        "client": opaque(client) if client else None,
    }
    return {"format": "complex", **{name: member for name, member in members.items() if member}}


def common(at: datetime, initiating_entity: str) -> Claims:
    """What every CAEP event may say: when it happened, and whether a person, an administrator or Mandate did it."""
    return {"event_timestamp": int(at.timestamp()), "initiating_entity": initiating_entity}


def stream_updated(stream_id: uuid.UUID, status: str, reason: str) -> Told:
    """Mandate, or a person here, changed the state of the stream. reason: one of ``StatusReason``."""
    event = {"status": status, "reason": reason}
    return Told(STREAM_UPDATED, opaque(stream_id), event)


def verification(stream_id: uuid.UUID, state: str | None) -> Told:
    """A signal by which a receiver sees that it is reached. state: what it sent along, to know it again."""
    return Told(VERIFICATION, opaque(stream_id), {} if state is None else {"state": state})
