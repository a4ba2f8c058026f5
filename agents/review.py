"""What somebody looks at before they let an agent act, and again when one person alone has changed it since.

Where policy wants a second person, the facts that were looked at are kept with the agent as soon as somebody changes them
while it is in use, until another administrator has looked at the difference. It goes on working meanwhile: what would change
a person's decision (a redirect host, what is required) pauses their consent at once (``agents/drift.py``), so what is left
is for the organisation to know, and stopping everybody's work for a new name would only teach people not to correct it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from agents.actors import Actor, require
from agents.errors import Ended, FactsChanged
from agents.models.agent import Agent, AgentScope, State
from agents.models.client import Client
from agents.models.organisation import Organisation
from agents.models.recipient import Recipient
from agents.permissions import May
from agents.trail.kinds import Kind
from agents.trail.record import record

IN_USE = frozenset({State.ACTIVE, State.SUSPENDED})


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The facts of an agent as they are reviewed. scopes: as (address and name of the resource, scope, required)."""

    name: str
    purpose: str
    unit: str
    kind: str
    scopes: tuple[tuple[str, str, str, bool], ...]
    redirect_uris: tuple[str, ...]
    passes_to: tuple[str, ...] = ()
    passes_deep: int = 0
    """To which agents people may let it pass work on, by name, and how far (``agents/passing.py``)."""

    def digest(self) -> str:
        """Return the SHA-256 of all of them."""
        facts: list[object] = [self.name, self.purpose, self.unit, self.kind, self.scopes, self.redirect_uris]
        if self.passes_to:
            facts += [self.passes_to, self.passes_deep]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def differing(self, other: Reviewed) -> list[str]:
        """Return the names of the facts that are not the same."""
        mine, theirs = asdict(self), asdict(other)
        return sorted(name for name, value in mine.items() if theirs[name] != value)


def reviewed(agent: Agent) -> Reviewed:
    """Return the facts of now: of the agent, of what it may ask for, where its clients return to, to whom it passes work on. Three queries."""
    asked = AgentScope.objects.live().filter(agent=agent)
    scopes = asked.order_by("scope__resource__uri", "scope__name", "pk").values_list(
        "scope__resource__uri", "scope__resource__name", "scope__name", "required"
    )
    clients = Client.objects.filter(agent=agent, ended_at=None).values_list("redirect_uris", flat=True)
    others = tuple(Recipient.objects.asked_by(agent).values_list("recipient__name", flat=True))
    return Reviewed(
        name=agent.name,
        purpose=agent.purpose,
        unit=agent.unit,
        kind=agent.kind,
        scopes=tuple(scopes),
        redirect_uris=tuple(sorted({uri for uris in clients for uri in uris.split()})),
        passes_to=others,
        passes_deep=agent.passes_deep if others else 0,
    )


def looked_at_last(agent: Agent) -> Reviewed | None:
    """Return the facts before the changes that wait to be looked at, or None where nothing waits."""
    kept: dict[str, Any] = agent.looked_at
    if not kept:
        return None
    scopes = tuple((uri, resource, name, required) for uri, resource, name, required in kept["scopes"])
    lists = {name: tuple(kept.get(name, ())) for name in ("redirect_uris", "passes_to")}
    return Reviewed(**{**kept, "scopes": scopes, **lists})


def before_change(agent: Agent) -> Reviewed | None:
    """Return the facts before a change of a locked agent, or None where nobody else has to look at it afterwards."""
    if agent.state not in IN_USE:
        return None
    organisation = Organisation.current()
    wants_two = organisation is not None and organisation.second_person_activates
    return reviewed(agent) if wants_two else None


def note_change(agent: Agent, before: Reviewed | None, *, by: Actor, now: datetime) -> None:
    """Let a change wait for another person, in the caller's transaction. One that takes back what waited waits no more.

    before: what ``before_change`` returned.
    """
    if before is None:
        return
    after, looked_at = reviewed(agent), looked_at_last(agent) or before
    if after == before:
        return
    if after == looked_at:
        forget_changes(agent)
    else:
        agent.looked_at = asdict(looked_at)
        agent.changed_since = agent.changed_since or now
        agent.changed_by = sorted({*agent.changed_by, str(by.id)})
    agent.save(update_fields=["looked_at", "changed_since", "changed_by"])


def forget_changes(agent: Agent) -> None:
    """Let nothing wait any more. The caller saves."""
    agent.looked_at, agent.changed_since, agent.changed_by = {}, None, []


@transaction.atomic
def look_at_changes(agent: Agent, *, seen: str, by: Actor, now: datetime) -> Agent:
    """Write down that another person has looked at what was changed. Nothing about the agent changes by it.

    seen: the digest of the facts as they were looked at (``Reviewed.digest``).
    Raises Forbidden (whoever changed it), Ended (nothing waits), FactsChanged. Records ``agent.changes_looked_at``.
    """
    agent = Agent.objects.locked(agent.pk)
    require(by, May.LOOK_AT_CHANGES, agent)
    before = looked_at_last(agent)
    if before is None:
        raise Ended(_("Somebody has looked at this already, or it was taken back."))
    after = reviewed(agent)
    if seen != after.digest():
        raise FactsChanged
    changed_by = list(agent.changed_by)
    forget_changes(agent)
    agent.save(update_fields=["looked_at", "changed_since", "changed_by"])
    record(
        Kind.AGENT_CHANGES_LOOKED_AT,
        by=by,
        now=now,
        agent_id=agent.pk,
        changed=before.differing(after),
        changed_by=changed_by,
    )
    return agent
