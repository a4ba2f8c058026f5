"""What stands above a derived consent: each consent up to the one that a human gave, and whether all of it still counts.

Work that was passed on stands under a consent with a parent (decisions.md, Delegation). What it is worth is asked here at
each use, from the consents and never from tokens, which are swept: whatever ends, pauses or narrows one of them counts for
all below at their next use. Ordinary tokens have nothing above them and never come here.

RFC 8693 §4.1 ``act``, earlier actors inside     act_of        §4.4 ``may_act``     may_act_of
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agents.database.statements import rows_of
from agents.models import State
from agents.models.resource import is_sensitive
from consent.conditions import Conditions, Unmet, conditions_from
from consent.oauth.rows import as_facts, as_list, as_moment, as_time, known_id
from consent.passing_on.passing import Passing, passing_from

MOST_STEPS = 8
"""More than there can be: so that a mistake in the rows ends, too."""
STATEMENT = """
    WITH RECURSIVE up (id, parent_id, distance) AS (
        SELECT c.id, c.parent_id, 0 FROM consent_consent c WHERE c.id = %s
        UNION ALL
        SELECT c.id, c.parent_id, up.distance + 1
        FROM consent_consent c JOIN up ON c.id = up.parent_id WHERE up.distance < %s
    )
    SELECT c.id, c.agent_id, c.starts_at, c.ends_at, c.revoked_at, c.superseded_at, c.paused_at, cl.ended_at,
           a.state, a.ends_at, a.environment, o_user.is_active, c.conditions, c.time_zone, c.uses_allowed,
           c.passing, c.stop_event, a.stop_event, s.id, s.name, s.data_class, s.access, s.marked_sensitive, cs.details
    FROM up
    JOIN consent_consent c ON c.id = up.id
    JOIN agents_client cl ON cl.id = c.client_id
    JOIN agents_agent a ON a.id = c.agent_id
    LEFT JOIN agents_ownership o ON o.agent_id = a.id AND o.role = 'owner' AND o.until IS NULL
    LEFT JOIN agents_user o_user ON o_user.id = o.user_id
    LEFT JOIN consent_consentscope cs ON cs.consent_id = c.id AND (cs.ended_at IS NULL OR cs.ended_at > %s)
    LEFT JOIN agents_scope s ON s.id = cs.scope_id AND s.resource_id = %s AND s.ended_at IS NULL
    ORDER BY up.distance
"""


@dataclass(frozen=True, slots=True)
class HeldScope:
    """A scope as one consent of a chain holds it now, and for what (RFC 9396)."""

    id: uuid.UUID
    name: str
    data_class: str
    sensitive: bool
    details: list[dict[str, Any]]


@dataclass(slots=True)
class Hop:
    """One consent of a chain. refusal: why it counts for nothing now, or empty. held: by name, at the resource asked about."""

    consent_id: uuid.UUID
    agent_id: uuid.UUID
    ends_at: datetime
    refusal: str
    conditions: Conditions
    time_zone: str
    environment: str
    passing: Passing
    consent_stopped: bool
    agent_stopped: bool
    held: dict[str, HeldScope] = field(default_factory=dict)

    def unmet(self, now: datetime, address: str | None) -> Unmet | None:
        """Return which of its conditions is not met. address: None where it is not known whence the agent calls."""
        if not self.conditions:
            return None
        return self.conditions.unmet(now, self.time_zone, environment=self.environment, address=address)


@dataclass(frozen=True, slots=True)
class Chain:
    """A consent with all above it, the nearest first; the last is the one that the human gave."""

    hops: tuple[Hop, ...]

    @property
    def root(self) -> Hop:
        return self.hops[-1]

    @property
    def agents(self) -> tuple[uuid.UUID, ...]:
        """Who acts and who acted before, the latest first."""
        return tuple(hop.agent_id for hop in self.hops)

    @property
    def ends_at(self) -> datetime:
        return min(hop.ends_at for hop in self.hops)

    def held(self) -> dict[str, HeldScope]:
        """Return what every one of them holds. For what: as the human's own consent says it now."""
        names = set.intersection(*(set(hop.held) for hop in self.hops))
        return {name: self.root.held[name] for name in names}

    def broken(self) -> Hop | None:
        """Return the one nearest to the human that counts for nothing by itself."""
        return next((hop for hop in reversed(self.hops) if hop.refusal), None)

    def unmet(self, now: datetime, address: str | None = None) -> tuple[Hop, Unmet] | None:
        """Return the first condition that is not met, the nearest to the human first. All of them hold for what is below."""
        for hop in reversed(self.hops):
            if (unmet := hop.unmet(now, address)) is not None:
                return hop, unmet
        return None

    def closes_at(self, now: datetime, latest: datetime) -> datetime:
        """Return when the first of their times of day closes, or ``latest``."""
        for hop in self.hops:
            latest = hop.conditions.closes_at(now, hop.time_zone, latest=latest)
        return latest

    def allows(self, *further: uuid.UUID) -> bool:
        """Whether the human allowed the work to go this way, and on to these agents."""
        path = [*reversed(self.agents[:-1]), *further]
        return self.root.agent_id not in path and self.root.passing.allows(path)

    def stopped_at(self, missing: frozenset[str]) -> Hop | None:
        """Return the one that holds less than a token was issued with because somebody took it away, unseen so far."""
        return next((hop for hop in reversed(self.hops) if hop.consent_stopped and missing - hop.held.keys()), None)


def read_chain(consent_id: uuid.UUID, resource_id: uuid.UUID, now: datetime) -> Chain:
    """Return this consent with all above it, and what each holds at the resource. One query."""
    rows = rows_of(STATEMENT, [consent_id, MOST_STEPS, now, resource_id])
    hops: dict[uuid.UUID, Hop] = {}
    for row in rows:
        key = known_id(row[0])
        hop = hops.get(key) or hops.setdefault(key, _hop(key, row, now))
        scope_id, name, data_class, access, marked, details = row[18:]
        if name is not None:
            sensitive = is_sensitive(data_class, access, marked=bool(marked))
            hop.held[name] = HeldScope(known_id(scope_id), name, data_class, sensitive, as_list(details))
    return Chain(tuple(hops.values()))


def _hop(key: uuid.UUID, row: tuple[Any, ...], now: datetime) -> Hop:
    (agent_id, starts, ends, revoked, superseded, paused, client_ended, state, agent_ends, environment) = row[1:11]
    (owner_active, kept, time_zone, uses, passing, consent_stop, agent_stop) = row[11:18]
    ends_at, starts_at = as_moment(ends), as_moment(starts)
    agent_end = as_time(agent_ends)
    reasons = (
        ("consent_revoked", revoked is not None),
        ("consent_superseded", superseded is not None),
        ("consent_paused", paused is not None),
        ("consent_ended", ends_at <= now or starts_at > now),
        ("client_ended", client_ended is not None),
        ("agent_not_active", state != State.ACTIVE),
        ("agent_ended", agent_end is not None and agent_end <= now),
        ("owner_gone", not owner_active),
    )
    facts = as_facts(kept)
    return Hop(
        consent_id=key,
        agent_id=known_id(agent_id),
        ends_at=ends_at,
        refusal=next((reason for reason, holds in reasons if holds), ""),
        conditions=conditions_from(facts, uses),
        time_zone=time_zone,
        environment=environment,
        passing=passing_from(as_facts(passing)),
        consent_stopped=consent_stop is not None,
        agent_stopped=agent_stop is not None,
    )


def act_of(agents: Sequence[uuid.UUID]) -> dict[str, Any]:
    """Return the ``act`` claim: who acts now, and inside it who acted before (RFC 8693 §4.1). agents: the latest first."""
    act: dict[str, Any] = {}
    for agent_id in reversed(agents):
        act = {"sub": str(agent_id), **({"act": act} if act else {})}
    return act


def may_act_of(passing: Passing, agents: Sequence[uuid.UUID]) -> dict[str, Any]:
    """Return the members that say who may act next (RFC 8693 §4.4): nothing where nobody, or more than one, may.

    The claim names one party. Where a person allowed several, each of them may exchange the token all the same: Mandate
    asks the consent and never the claim.
    """
    if not passing or len(agents) > passing.deep:
        return {}
    left = passing.without(agents).to
    return {"may_act": {"sub": str(next(iter(left)))}} if len(left) == 1 else {}
