"""What was passed on from consents, as pages draw it: under which agent, which permissions, since when and how far down."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from agents.last_use import last_used
from agents.models import Agent
from consent.models import Consent
from consent.passing_on.passing_words import how_far


@dataclass(frozen=True, slots=True)
class PassedOn:
    """One agent that took work over. step: 1 for one that got it from the agent that the person allowed. by: who passed it on."""

    consent: Consent
    by: Agent
    step: int
    status: str
    titles: list[str]
    used: datetime | None

    @property
    def stands(self) -> bool:
        return self.status in {"live", "paused"}


@dataclass(frozen=True, slots=True)
class Passes:
    """To whom a consent lets work be passed on, by name, and how far."""

    names: list[str]
    how_far: str


def passed_on_from(consents: Iterable[Consent], now: datetime) -> dict[uuid.UUID, list[PassedOn]]:
    """Return what was passed on from each of these, each agent below the one that passed it on. Three queries at most.

    Those that lead nowhere any more come too: what became of them is told by ``status``.
    """
    roots = {consent.pk: consent for consent in consents}
    below = list(Consent.objects.below(roots).with_scopes().order_by("starts_at", "pk")) if roots else []
    if not below:
        return {}
    used = last_used([share.pk for share in below])
    children: dict[uuid.UUID, list[Consent]] = {}
    for share in below:
        if share.parent_id is not None:
            children.setdefault(share.parent_id, []).append(share)
    found: dict[uuid.UUID, list[PassedOn]] = {}

    def walk(root_id: uuid.UUID, above: Consent, step: int) -> None:
        for share in children.get(above.pk, ()):
            share.parent = above  # what became of it is asked of these rows, without another query
            titles = [row.wording.title for row in share.held(now)]
            row = PassedOn(share, above.agent, step, share.status(now), titles, used.get(share.pk))
            found.setdefault(root_id, []).append(row)
            walk(root_id, share, step + 1)

    for key, consent in roots.items():
        walk(key, consent, 1)
    return found


def passes_of(consents: Iterable[Consent]) -> dict[uuid.UUID, Passes]:
    """Return to whom each of these lets work be passed on. One query, if any does."""
    held = {consent.pk: consent.passes for consent in consents}
    ids = {agent_id for passing in held.values() for agent_id in passing.to}
    if not ids:
        return {}
    names = dict(Agent.objects.filter(pk__in=ids).values_list("pk", "name"))
    return {
        key: Passes(sorted(names[agent_id] for agent_id in passing.to), how_far(passing.deep))
        for key, passing in held.items()
        if passing
    }
