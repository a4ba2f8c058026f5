"""DPoP proofs, right and wrong (RFC 9449 §4.2), and a client that sends them."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.http import HttpResponse

from agents.models import Client
from tests.grants import REDIRECT, Pkce, basic, post
from tests.signing import Pair, pair, public, signed

TOKEN = "/oauth/token"


def proof(key: Pair, path: str = TOKEN, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A proof of this key for a POST to this endpoint. claims, header: what is to be different; None leaves one out."""
    right = {
        "htm": "POST",
        "htu": settings.ISSUER + path,
        "iat": int(time.time()),
        "jti": secrets.token_urlsafe(16),
    }
    said = {name: value for name, value in {**right, **claims}.items() if value is not None}
    head = {"typ": "dpop+jwt", "jwk": public(key), **(header or {})}
    algorithm = head.pop("signed_by", "")
    return signed(said, key, algorithm=algorithm, **{name: value for name, value in head.items() if value is not None})


def ath(token: str) -> str:
    """The digest of an access token, as a proof for a resource names it (RFC 9449 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode().rstrip("=")


def with_proof(one: str) -> dict[str, str]:
    """The header, for the test client."""
    return {"HTTP_DPOP": one}


@dataclass
class BoundClient:
    """A client that proves a key of its own with each request. secret: empty for a public one."""

    client: Client
    secret: str = ""
    key: Pair = field(default_factory=pair)

    @property
    def jkt(self) -> str:
        return str(self.key.thumbprint())

    def ask(self, proven: str | None = None, **form: Any) -> HttpResponse:
        """Send any token request with a fresh proof, with this one, or (empty) without any."""
        one = proof(self.key) if proven is None else proven
        named = {} if self.secret else {"client_id": self.client.client_id}
        header = basic(self.client.client_id, self.secret) if self.secret else {}
        return post(TOKEN, {**named, **form}, **header, **(with_proof(one) if one else {}))

    def act_alone(self, proven: str | None = None, **form: Any) -> HttpResponse:
        return self.ask(proven, grant_type="client_credentials", **form)

    def redeem(self, code: str, pkce: Pkce, proven: str | None = None) -> HttpResponse:
        asked = {"grant_type": "authorization_code", "code": code, "code_verifier": pkce.verifier}
        return self.ask(proven, redirect_uri=REDIRECT, **asked)

    def refresh(self, token: str, proven: str | None = None) -> HttpResponse:
        return self.ask(proven, grant_type="refresh_token", refresh_token=token)
