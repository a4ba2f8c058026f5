"""An authorization request while it is checked, and what it is when it is refused (RFC 6749 §4.1.2.1).

``authorization.py`` checks who asks and by which way; ``what_is_asked.py`` checks what for.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from agents.addresses import page_address
from agents.errors import MandateError
from agents.models import Agent, AgentScope, Client, DetailVersion, Scope, User
from consent.oauth import authorization_details
from consent.oauth.errors import NOT_IN_DESCRIPTION

Sent = Mapping[str, Sequence[str]]


class AuthorizationRefused(MandateError):
    """An authorization request that is refused: on a page of ours, or by a redirect once the address is proven.

    redirect_uri: where the error goes, or empty for a page. description: for developers, in RFC 6749's characters.
    beyond: what a personal agent wanted and may not have (``agents/programs/personal.py``).
    """

    def __init__(
        self,
        code: str,
        description: str,
        *,
        redirect_uri: str = "",
        state: str = "",
        client: Client | None = None,
        beyond: Sequence[Scope] = (),
    ) -> None:
        super().__init__(description)
        self.code = code
        self.description = NOT_IN_DESCRIPTION.sub("", description)
        self.redirect_uri = redirect_uri
        self.state = state
        self.client = client
        self.beyond = tuple(beyond)


@dataclass(slots=True)
class Reading:
    """A request while it is checked."""

    sent: Sent
    now: datetime
    tells: bool = False
    """Whether a refusal may say what the agent may ask for: to somebody who is signed in, not to a passer-by."""
    pushed: bool = False
    """Whether it came by a push, and so through no address."""
    person: User | None = None
    """Who reads it, if they have signed in: a program that nobody adopted acts by an agent of their own."""
    client: Client | None = None
    redirect_uri: str = ""
    purpose: str = ""
    prompt: frozenset[str] = frozenset()
    acr_values: tuple[str, ...] = ()
    max_age: timedelta | None = None
    offered: list[AgentScope] = field(default_factory=list)
    asked: list[AgentScope] = field(default_factory=list)
    versions: dict[uuid.UUID, DetailVersion] = field(default_factory=dict)
    """Which of the offered scopes are asked for in detail, and how."""
    details: authorization_details.Asked = field(default_factory=dict)
    beyond: list[Scope] = field(default_factory=list)
    """Of what was asked for: the sensitive part, where the agent is somebody's own and cannot have it."""
    openid: bool = False
    """Whether it asks to know who the person is."""
    hinted: uuid.UUID | None = None
    """Whom the client expects (``id_token_hint``)."""

    def one(self, name: str) -> str:
        """Return a parameter. One without a value counts as not sent (RFC 6749 §3.1)."""
        values = self.sent.get(name) or [""]
        return values[0]

    def may_ask_for(self, known: Iterable[str]) -> str:
        """Say which there are, and where its owner can add more, where that may be said."""
        if not self.tells:
            return " The agent's page lists what it may ask for."
        names = " ".join(sorted(known)) or "none yet"
        if self.agent.is_personal:
            return f" There it may ask for: {names}."
        return f" This agent may ask for: {names}. More can be added at {page_address('agent-scopes', self.agent.pk)}"

    def page(self, code: str, description: str) -> AuthorizationRefused:
        return AuthorizationRefused(code, description, client=self.client, beyond=self.beyond)

    def refused(self, code: str, description: str) -> AuthorizationRefused:
        doubled = len(self.sent.get("state") or []) > 1
        state = "" if doubled else self.one("state")
        if self.client is None or self.client.agent is None or not self.client.agent.is_made:
            return self.page(code, description)  # nobody has adopted it yet, so it has earned no redirect either
        return AuthorizationRefused(code, description, redirect_uri=self.redirect_uri, state=state, client=self.client)

    @property
    def agent(self) -> Agent:
        if self.client is None or self.client.agent is None:
            raise TypeError("the client is checked first")
        return self.client.agent
