"""Who calls the API. A resource proves itself with its own credentials: HTTP Basic, or its key as a bearer token.

RFC 7617 (Basic), RFC 6750 §2.1 and §3 (Bearer and its challenge). A cookie never counts at these endpoints, so that a
bad credential cannot fall back to somebody's session, and no CSRF token is needed (security.md S26).
Left out: bearer tokens in the body or the query (RFC 6750 §2.2, §2.3), which Mandate never reads.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from agents.actors import Actor, RequestFacts, facts_of
from agents.credentials import digest_of_key, handle_of, proves
from agents.models import Credential
from consent.errors import TokenRefused
from consent.oauth.resource_authentication import prove_resource

CHALLENGE = 'Basic realm="Mandate", charset="UTF-8", Bearer realm="Mandate"'
BAD_KEY = (
    'Bearer realm="Mandate", error="invalid_token", error_description="The key is unknown, over or not a resource\'s."'
)
LONGEST_HEADER = 1_000
NO_DIGEST = digest_of_key("no credential")


@dataclass(frozen=True, slots=True)
class ResourceCaller:
    """The resource that proved itself at this request."""

    resource_id: uuid.UUID
    is_authenticated: bool = True
    is_active: bool = True

    @property
    def pk(self) -> uuid.UUID:
        return self.resource_id

    def actor(self, facts: RequestFacts) -> Actor:
        """Return the resource as the actor of a domain function."""
        return Actor.resource(self.resource_id, facts)


def caller_of(request: Request) -> ResourceCaller:
    """Return the resource that proved itself. Only for views that ask for one (``IsResource``)."""
    caller: object = request.user
    if not isinstance(caller, ResourceCaller):
        raise TypeError("no resource proved itself")
    return caller


class ResourceAuthentication(BaseAuthentication):
    """HTTP Basic with identifier and key, or ``Authorization: Bearer mdt_…`` with the key alone. One query each."""

    def authenticate(self, request: Request) -> tuple[ResourceCaller, None] | None:
        """Return the resource, or None where nothing was presented. Raises AuthenticationFailed, alike for all wrong."""
        header = request.META.get("HTTP_AUTHORIZATION", "")
        if not header:
            return None
        scheme, _, value = header.partition(" ")
        now = facts_of(request).now
        if len(header) <= LONGEST_HEADER and scheme.lower() == "basic":
            try:
                return ResourceCaller(prove_resource(header, now).pk), None
            except TokenRefused as refusal:
                raise AuthenticationFailed(refusal.description) from refusal
        if len(header) <= LONGEST_HEADER and scheme.lower() == "bearer":
            resource_id = resource_of_key(value.strip(), now)
            if resource_id is not None:
                return ResourceCaller(resource_id), None
        raise AuthenticationFailed("The resource is unknown, or it did not prove itself.")

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401: what was presented and wrong is named (RFC 6750 §3.1)."""
        presented_bearer = request.META.get("HTTP_AUTHORIZATION", "").lower().startswith("bearer ")
        return BAD_KEY if presented_bearer else CHALLENGE


def resource_of_key(key: str, now: datetime) -> uuid.UUID | None:
    """Return the resource whose live key this is, or None. The same work for a known and an unknown key."""
    handle = handle_of(key) or ""
    credential = (
        Credential.objects.live(now)
        .filter(handle=handle, resource__isnull=False, resource__ended_at=None)
        .only("digest", "resource_id")
        .first()
    )
    right = proves(key, credential.digest if credential else NO_DIGEST)
    return credential.resource_id if credential is not None and right else None


class IsResource(BasePermission):
    """Only a resource that proved itself."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.user, ResourceCaller)
