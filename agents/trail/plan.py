"""What somebody looks for in the trail, and how to look for it: branches that an index serves, and further conditions."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import or_

from django.db.models import Exists, OuterRef, Q

from agents.models.agent import Ownership
from agents.models.client import Client
from agents.models.user import User
from agents.trail.groups import kinds_of
from agents.trail.indexes import is_refused, numbers_between
from agents.trail.models import Outcome
from agents.trail.words import of_person, wanted_by

MOST_BRANCHES = 300


@dataclass(frozen=True, slots=True)
class Search:
    """What somebody looks for. Empty members ask for nothing; ``since`` and ``until`` are moments in UTC."""

    words: str = ""
    outcome: str = ""
    data_class: str = ""
    group: str = ""
    """A ``Group``, or the name of one kind."""
    since: datetime | None = None
    until: datetime | None = None
    agent: uuid.UUID | None = None
    person: uuid.UUID | None = None
    """Acted for or concerned (``user_id``), or acting themselves."""
    client: uuid.UUID | None = None
    consent: uuid.UUID | None = None
    resource: uuid.UUID | None = None
    token: uuid.UUID | None = None
    request: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A search made ready: an event must match one of the branches (none means any), ``further`` and ``times``.

    is_narrow: few events stand behind the branches, so that no further condition makes the walk long.
    lowest, highest: the numbers between which the events of the asked time stand.
    """

    branches: list[Q]
    further: Q = field(default_factory=Q)
    times: Q = field(default_factory=Q)
    is_narrow: bool = True
    lowest: int = 0
    highest: int | None = None
    matches_nothing: bool = False
    looks_up_words: bool = False
    """The words of each event are looked up on the walk, which makes its steps dearer."""


def plan_of(search: Search, viewer: User) -> Plan:
    """Return how to look for this, within what the viewer may read (``EventQuerySet.visible_to``)."""
    indexed, is_narrow = _indexed(search)
    further = _unindexed(search)
    looks_up_words = False
    if search.words:
        wanted = wanted_by(search.words, viewer)
        if not wanted.branches and not wanted.further:
            return Plan([], matches_nothing=True)
        further &= wanted.further
        looks_up_words = bool(wanted.further)
        if wanted.branches:
            # Words narrow it further than an agent or a kind does, and less than a token or a consent.
            indexed = [*indexed, wanted.branches] if is_narrow else [wanted.branches, *indexed]
        is_narrow = is_narrow or wanted.is_exact
    branches = indexed[0] if indexed else []
    for alternatives in indexed[1:]:
        further &= reduce(or_, alternatives)
    branches, further = _visible(branches, further, search, viewer)
    lowest, highest = (0, None) if is_narrow else numbers_between(search.since, search.until)
    times = Q(at__gte=search.since) if search.since else Q()
    times &= Q(at__lt=search.until) if search.until else Q()
    return Plan(branches, further, times, is_narrow, lowest, highest, looks_up_words=looks_up_words)


def _indexed(search: Search) -> tuple[list[list[Q]], bool]:
    """Return the filters that an index answers, as alternatives, the one that narrows most first; and whether it is narrow.

    Narrow means that few events stand behind it, so that no further condition makes the walk long.
    """
    found = [
        [Q(**{name: value})]
        for name, value in (
            ("token_id", search.token),
            ("request_id", search.request),
            ("consent_id", search.consent),
        )
        if value
    ]
    is_narrow = bool(found)
    agent = search.agent or (_agent_of(search.client) if search.client else None)
    if agent:
        found.append([Q(agent_id=agent)])
    if search.person:
        found.append(of_person(search.person))
    if search.group:
        found.append([Q(kind=kind) for kind in kinds_of(search.group)] or [Q(pk__in=[])])
    if search.outcome == Outcome.REFUSED:
        found.append([Q(is_refused())])
    return found, is_narrow


def _agent_of(client: uuid.UUID) -> uuid.UUID | None:
    """Return the agent that the client belongs to: there is an index by agent, and none by client."""
    return Client.objects.filter(pk=client).values_list("agent_id", flat=True).first()


def _unindexed(search: Search) -> Q:
    """Return the filters that no index answers."""
    further = Q()
    if search.client:
        further &= Q(client_id=search.client)
    if search.resource:
        further &= Q(resource_id=search.resource)
    if search.data_class:
        further &= Q(data_class=search.data_class)
    if search.outcome and search.outcome != Outcome.REFUSED:
        further &= Q(outcome=search.outcome)
    return further


def _visible(branches: list[Q], further: Q, search: Search, viewer: User) -> tuple[list[Q], Q]:
    """Add what the viewer may read (``EventQuerySet.visible_to``): as branches where there are none yet."""
    if viewer.reads_everything:
        return branches, further
    mine = list(Ownership.objects.live().filter(user=viewer).values_list("agent_id", flat=True))
    if search.agent in mine:
        return branches, further
    own = of_person(viewer.pk)
    if branches or len(mine) > MOST_BRANCHES:
        many = Ownership.objects.live().filter(user=viewer, agent_id=OuterRef("agent_id"))
        kept = Q(agent_id__in=mine) if len(mine) <= MOST_BRANCHES else Q(Exists(many))
        return branches, further & reduce(or_, own, kept)
    return [*own, *(Q(agent_id=agent_id) for agent_id in mine)], further
