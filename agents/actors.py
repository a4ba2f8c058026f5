"""Who does something: passed to every domain function in place of a request."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from agents.errors import Forbidden
from agents.permissions import May

if TYPE_CHECKING:
    from django.http import HttpRequest

    from agents.models.user import User


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What is known of one HTTP request: its one time, its id, and the caller's address."""

    now: datetime
    id: uuid.UUID
    address: str


def facts_of(request: HttpRequest) -> RequestFacts:
    """Return what ``console/middleware.py`` noted of this request when it came in."""
    facts = getattr(request, "facts", None)
    if not isinstance(facts, RequestFacts):
        raise TypeError("this request did not come in through RequestFactsMiddleware")
    return facts


class ActorKind(StrEnum):
    USER = "user"
    CLIENT = "client"
    RESOURCE = "resource"
    SYSTEM = "system"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Actor:
    """The one who acts, and from where.

    A token never makes a ``user`` actor: at Mandate's own API the actor of a delegated token is the agent on
    behalf of the user, so that only a person's own session widens access (decisions.md, Who decides).
    """

    kind: ActorKind
    id: uuid.UUID | None = None
    user: User | None = None
    address: str = ""
    request_id: uuid.UUID | None = None

    @classmethod
    def of(cls, request: HttpRequest) -> Actor:
        """The person signed in at this request, or an anonymous actor."""
        facts = facts_of(request)
        if request.user.is_authenticated:
            return cls(ActorKind.USER, request.user.pk, request.user, facts.address, facts.id)
        return cls(ActorKind.ANONYMOUS, address=facts.address, request_id=facts.id)

    @classmethod
    def person(cls, user: User, facts: RequestFacts | None = None) -> Actor:
        """A person who acts outside a request (a command, a test, the demonstration data)."""
        return cls(ActorKind.USER, user.pk, user, facts.address if facts else "", facts.id if facts else None)

    @classmethod
    def system(cls) -> Actor:
        """Mandate itself: sweeps and commands."""
        return cls(ActorKind.SYSTEM)

    @classmethod
    def client(cls, client_id: uuid.UUID | None, facts: RequestFacts) -> Actor:
        """A client at the token endpoints; without an id when it could not be told."""
        kind = ActorKind.CLIENT if client_id else ActorKind.ANONYMOUS
        return cls(kind, client_id, address=facts.address, request_id=facts.id)

    @classmethod
    def resource(cls, resource_id: uuid.UUID, facts: RequestFacts) -> Actor:
        """A resource that authenticated with its own credentials."""
        return cls(ActorKind.RESOURCE, resource_id, address=facts.address, request_id=facts.id)


def allowed(by: Actor, permission: May, subject: object | None = None) -> bool:
    """Whether the actor may do this. Only people and Mandate itself ever may."""
    if by.kind == ActorKind.SYSTEM:
        return True
    return by.user is not None and by.user.has_perm(permission, subject)


def require(by: Actor, permission: May, subject: object | None = None) -> None:
    """Raise Forbidden unless the actor may do this (the rule stands in ``console/roles.py``)."""
    if not allowed(by, permission, subject):
        raise Forbidden(permission, subject)
