"""A trusted issuer: how an administrator trusts it, what it signs, and a client that brings it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone

from agents import trusted_issuers
from agents.models import Client, Scope, TrustedIssuer, User
from agents.public_keys import key_of
from agents.trusted_issuers import Terms
from consent.oauth.id_jag import GRANT_TYPE
from consent.oauth.identity_assertion import TYP
from tests.builders import actor, administrator
from tests.grants import TokenClient
from tests.signing import Pair, pair, public, signed

ISSUER = "https://login.st-anna.example"


@dataclass
class Idp:
    """An identity provider with its key."""

    key: Pair = field(default_factory=pair)
    issuer: str = ISSUER

    def trusted(
        self, clients: Iterable[Client], scopes: Iterable[Scope], *, by: User | None = None, **terms: Any
    ) -> TrustedIssuer:
        """An administrator trusts it, with its key given."""
        given = {"name": "St. Anna sign-in", "email_domains": ("st-anna.example",), "keys": (key_of(public(self.key)),)}
        return trusted_issuers.trust(
            Terms(issuer=self.issuer, clients=frozenset(clients), scopes=frozenset(scopes), **{**given, **terms}),
            reason="They all sign in there.",
            by=actor(by or administrator()),
            now=timezone.now(),
        )

    def claims(self, client: Client, person: User, **changed: Any) -> dict[str, Any]:
        """The claims of a right assertion; None leaves one out."""
        now = int(time.time())
        right = {
            "iss": self.issuer,
            "sub": f"idp-{person.pk}",
            "aud": settings.ISSUER,
            "client_id": client.client_id,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + 300,
            "email": person.email,
            "email_verified": True,
        }
        return {name: value for name, value in {**right, **changed}.items() if value is not None}

    def asserts(self, client: Client, person: User, *, header: dict[str, Any] | None = None, **changed: Any) -> str:
        """An assertion that this person lets the client act for them, signed."""
        return signed(self.claims(client, person, **changed), self.key, **{"typ": TYP, **(header or {})})


def brings(client: TokenClient, assertion: str, **form: Any) -> HttpResponse:
    """The client brings the assertion to the token endpoint."""
    return client.ask(grant_type=GRANT_TYPE, assertion=assertion, **form)


LONG = timedelta(days=1)
