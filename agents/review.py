"""What somebody looks at before they let an agent act, and a digest by which it is told whether it is still that."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from agents.models.agent import Agent, AgentScope
from agents.models.client import Client


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The facts of an agent as they are reviewed. scopes: as (address and name of the resource, scope, required)."""

    name: str
    purpose: str
    unit: str
    kind: str
    scopes: tuple[tuple[str, str, str, bool], ...]
    redirect_uris: tuple[str, ...]

    def digest(self) -> str:
        """Return the SHA-256 of all of them."""
        facts = [self.name, self.purpose, self.unit, self.kind, self.scopes, self.redirect_uris]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def reviewed(agent: Agent) -> Reviewed:
    """Return the facts of now: of the agent, of what it may ask for, and where its clients return to. Two queries."""
    asked = AgentScope.objects.live().filter(agent=agent)
    scopes = asked.order_by("scope__resource__uri", "scope__name", "pk").values_list(
        "scope__resource__uri", "scope__resource__name", "scope__name", "required"
    )
    clients = Client.objects.filter(agent=agent, ended_at=None).values_list("redirect_uris", flat=True)
    return Reviewed(
        name=agent.name,
        purpose=agent.purpose,
        unit=agent.unit,
        kind=agent.kind,
        scopes=tuple(scopes),
        redirect_uris=tuple(sorted({uri for uris in clients for uri in uris.split()})),
    )
