"""Clients that sign: key pairs, assertions right and wrong, and a token client that proves itself by them."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from agents import credentials
from agents.models import Client, Credential
from agents.public_keys import key_of
from consent.oauth import signing_keys
from consent.oauth.private_key_jwt import ASSERTION_TYPE
from tests.builders import actor, administrator
from tests.grants import REDIRECT, Pkce, post

Pair = ECKey | OKPKey | RSAKey
ALGORITHM_OF: dict[type, str] = {ECKey: "ES256", OKPKey: "EdDSA", RSAKey: "PS256"}


def private_half_in_use() -> str:
    """The secret number of the key that signs now, as a JSON Web Key would hold it (RFC 7518 §6.2.2.1)."""
    number = signing_keys._keys(timezone.now()).signing.private_numbers().private_value
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()


def pair() -> ECKey:
    """A fresh key pair for ES256."""
    return ECKey.generate_key("P-256", private=True)


def ed25519_pair() -> OKPKey:
    return OKPKey.generate_key("Ed25519", private=True)


def rsa_pair() -> RSAKey:
    return RSAKey.generate_key(2048, private=True)


def public(key: Pair, **more: str) -> dict[str, Any]:
    """The public half as a JWK."""
    return {**key.as_dict(private=False), **more}


def gives_key(client: Client, key: Pair, **more: Any) -> Credential:
    """The owner gives the client this public key."""
    (added,) = credentials.add_public_keys(
        client, [key_of(public(key))], by=actor(administrator()), now=timezone.now(), **more
    )
    return added


def claims_of(client_id: str, **changed: Any) -> dict[str, Any]:
    """The claims of a right assertion; None leaves one out."""
    now = int(time.time())
    right = {
        "iss": client_id,
        "sub": client_id,
        "aud": settings.ISSUER,
        "jti": secrets.token_urlsafe(16),
        "iat": now,
        "exp": now + 60,
    }
    return {name: value for name, value in {**right, **changed}.items() if value is not None}


def signed(claims: Mapping[str, Any], key: Pair, *, algorithm: str = "", **header: Any) -> str:
    """These claims as a JWT signed by this key. header: more of its members."""
    algorithm = algorithm or ALGORITHM_OF[type(key)]
    model: Any = jws.JWSRegistry.algorithms[algorithm]  # the registry itself would not sign what is wrong
    parts = (json.dumps({"alg": algorithm, **header}).encode(), json.dumps(claims).encode())
    message = b".".join(map(encoded, parts))
    return (message + b"." + encoded(model.sign(message, key))).decode()


def encoded(part: bytes) -> bytes:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def by_assertion(assertion: str) -> dict[str, str]:
    """What a form holds to prove a client by an assertion (RFC 7521 §4.2)."""
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


@dataclass
class SigningClient:
    """A client that signs, at the token endpoints."""

    client: Client
    key: Pair = field(default_factory=pair)

    def assertion(self, **changed: Any) -> str:
        return signed(claims_of(self.client.client_id, **changed), self.key)

    def ask(self, assertion: str = "", **form: Any) -> HttpResponse:
        """Send any token request, proven by this assertion or by a fresh one."""
        return post("/oauth/token", {**by_assertion(assertion or self.assertion()), **form})

    def act_alone(self, assertion: str = "", **form: Any) -> HttpResponse:
        return self.ask(assertion, grant_type="client_credentials", **form)

    def redeem(self, code: str, pkce: Pkce, **form: Any) -> HttpResponse:
        form = {"redirect_uri": REDIRECT} | form
        return self.ask(grant_type="authorization_code", code=code, code_verifier=pkce.verifier, **form)
