"""Builders of what follows a consent: the consent itself, codes, token requests, introspection."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from django.db import transaction
from django.http import HttpResponse
from django.test import Client as Browser
from django.utils import timezone

from agents.actors import Actor
from agents.models import Client, Resource, Scope, User
from consent import codes, mandate
from consent.approval import Approval
from consent.models import Consent
from consent.models.consent_scope import scope_ids

FORM = "application/x-www-form-urlencoded"
REDIRECT = "https://app.st-anna.example/callback"


def consent(
    of: Client,
    *,
    scopes: Iterable[Scope],
    user: User | None,
    by: User | None = None,
    purpose: str = "Draft the discharge letters for ward 3B",
    life: timedelta = timedelta(hours=8),
    now: datetime | None = None,
    **more: Any,
) -> Consent:
    """A consent of this person (or, with ``user=None``, of the organisation, approved by ``by``). more: of its approval."""
    now = now or timezone.now()
    approver = user or by
    assert approver is not None
    approval = Approval(
        client=of,
        user=user,
        scopes={scope: scope.wording for scope in scopes},
        purpose=purpose,
        ends_at=now + life,
        **more,
    )
    return mandate.approve(approval, by=Actor.person(approver), now=now)


@dataclass
class Pkce:
    """A verifier and its S256 challenge (RFC 7636 §4)."""

    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def code(given: Consent, pkce: Pkce, *, redirect_uri: str = REDIRECT, now: datetime | None = None) -> str:
    """An authorization code under this consent, for all that it holds."""
    now = now or timezone.now()
    assert given.user is not None
    requested = [(str(scope.resource_id), scope.name) for scope in given.scopes(now)]
    with transaction.atomic():
        return codes.issue(
            given,
            client=given.client,
            user=given.user,
            redirect_uri=redirect_uri,
            code_challenge=pkce.challenge,
            requested=requested,
            now=now,
            by=Actor.person(given.user),
        )


def basic(name: str, secret: str) -> dict[str, str]:
    """An Authorization header for the test client (RFC 6749 §2.3.1)."""
    pair = f"{quote(name, safe='')}:{quote(secret, safe='')}"
    return {"HTTP_AUTHORIZATION": "Basic " + base64.b64encode(pair.encode()).decode()}


def post(path: str, form: Any, **headers: str) -> HttpResponse:
    """POST a form to one of the OAuth endpoints. A value that is a list is sent repeatedly."""
    body = form if isinstance(form, str) else urlencode(form, doseq=True)
    return Browser().post(path, body, content_type=FORM, **headers)


@dataclass
class TokenClient:
    """A client with its key, at the token endpoints."""

    client: Client
    key: str

    @property
    def header(self) -> dict[str, str]:
        return basic(self.client.client_id, self.key)

    def ask(self, **form: Any) -> HttpResponse:
        """Send any token request, authenticated by Basic."""
        return post("/oauth/token", form, **self.header)

    def redeem(self, code: str, pkce: Pkce, **form: Any) -> HttpResponse:
        form = {"redirect_uri": REDIRECT} | form
        return self.ask(grant_type="authorization_code", code=code, code_verifier=pkce.verifier, **form)

    def refresh(self, token: str, **form: Any) -> HttpResponse:
        return self.ask(grant_type="refresh_token", refresh_token=token, **form)

    def act_alone(self, **form: Any) -> HttpResponse:
        return self.ask(grant_type="client_credentials", **form)

    def revoke(self, token: str, **form: Any) -> HttpResponse:
        return post("/oauth/revoke", {"token": token, **form}, **self.header)


@dataclass
class ResourceServer:
    """A resource with its key, at the introspection endpoint."""

    resource: Resource
    key: str

    @property
    def header(self) -> dict[str, str]:
        return basic(self.resource.identifier, self.key)

    def introspects(self, token: str, **form: Any) -> dict[str, Any]:
        response = post("/oauth/introspect", {"token": token, **form}, **self.header)
        assert response.status_code == 200, response.content
        return response.json()


def keeps(given: Consent, *scopes: Scope, by: User, reason: str = "No longer needed.") -> Consent:
    """The person narrows the consent to these scopes."""
    wanted = scope_ids(scopes)
    keep = frozenset(scope for scope in given.scopes(timezone.now()) if scope.pk in wanted)
    return mandate.narrow(given.pk, keep=keep, reason=reason, by=Actor.person(by), now=timezone.now())
