"""ID tokens (OpenID Connect Core 1.0): they tell a client who allowed it, and how and when that person had signed in.

§2 iss sub aud exp iat auth_time nonce acr azp     id_token         §3.1.3.6 at_hash         _left_half
§3.1.2.1 id_token_hint                             person_hinted    §12.2 after a refresh    id_token, without a nonce
CIBA Core §10.1.1, RFC 8628: as after a code.

``openid`` is no permission of a resource: it is a line of its own on the consent screen (*Know who you are*), is kept with
the consent, and can be unticked. Asked for and allowed, an ID token goes along with each access token; ``scope`` says so.
``sub`` is the person's id, the same as in access tokens. An ID token opens nothing: its ``typ`` is another, and no endpoint
takes it but as a hint.
Left out: names and addresses (``profile``, ``email``), which no agent needs to act for somebody; userinfo, which would only
say the same; logout, since a sign-in here is for people and not for clients; implicit and hybrid flows; encryption.
"""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from consent.models import Consent
from consent.oauth.access_token import authentication
from consent.oauth.signing_keys import sign, verified_claims
from consent.telling_who import OPENID, is_wished

TYP = "JWT"
LIFE = timedelta(minutes=5)
CLAIMS = ("iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "acr", "nonce", "at_hash")
"""What there may be in one: ``claims_supported``."""


def is_due(consent: Consent, requested: Iterable[Sequence[str]], *, asked_now: Collection[str] = ()) -> bool:
    """Whether an ID token goes along: it was asked for, the person allowed it, and this request did not leave it out.

    asked_now: the scopes that a refresh names, where it names any.
    """
    return consent.tells_who and is_wished(requested) and (not asked_now or OPENID in asked_now)


def id_token(consent: Consent, *, client_id: str, access_token: str, now: datetime, nonce: str = "") -> str:
    """Return an ID token for this client about the person of the consent. It is kept nowhere."""
    issued_at = int(now.timestamp())
    claims: dict[str, Any] = {
        "iss": settings.ISSUER,
        "sub": str(consent.user_id),
        "aud": client_id,
        "azp": client_id,
        "iat": issued_at,
        "exp": issued_at + int(LIFE.total_seconds()),
        **authentication(consent.acr, consent.auth_time),
        "at_hash": _left_half(access_token),
    }
    if nonce:
        claims["nonce"] = nonce
    return sign(claims, typ=TYP, now=now)


def person_hinted(hint: str, *, client_id: str, now: datetime) -> uuid.UUID | None:
    """Return whom an ID token of ours names that was issued to this client, over or not. None for anything else."""
    claims = verified_claims(hint, typ=TYP, now=now) or {}
    if claims.get("iss") != settings.ISSUER or claims.get("aud") != client_id:
        return None
    try:
        return uuid.UUID(str(claims.get("sub")))
    except ValueError:
        return None


def _left_half(access_token: str) -> str:
    digest = hashlib.sha256(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()
