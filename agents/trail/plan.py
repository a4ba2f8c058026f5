"""What somebody looks for in the trail, and how to look for it: branches that an index serves, and further conditions."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import or_

from django.db.models import Q

from agents.models.agent import Agent, Ownership
from agents.models.client import Client
from agents.models.user import User
from agents.trail.groups import kinds_of
from agents.trail.indexes import is_by_a_person, is_refused, numbers_between
from agents.trail.models import EventText, Outcome

MOST_PURPOSES, MOST_NAMES, MOST_BRANCHES = 50, 10, 300


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


def plan_of(search: Search, viewer: User) -> Plan:
    """Return how to look for this, within what the viewer may read (``EventQuerySet.visible_to``)."""
    indexed, is_narrow = _indexed(search)
    further = _unindexed(search)
    if search.words:
        found, is_exact = _branches_of_words(search.words)
        if not found:
            return Plan([], matches_nothing=True)
        # Words narrow it further than an agent or a kind does, and less than a token or a consent.
        indexed = [*indexed, found] if is_narrow else [found, *indexed]
        is_narrow = is_narrow or is_exact
    branches = indexed[0] if indexed else []
    for alternatives in indexed[1:]:
        further &= reduce(or_, alternatives)
    branches, further = _visible(branches, further, search, viewer)
    lowest, highest = (0, None) if is_narrow else numbers_between(search.since, search.until)
    times = Q(at__gte=search.since) if search.since else Q()
    times &= Q(at__lt=search.until) if search.until else Q()
    return Plan(branches, further, times, is_narrow, lowest, highest)


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
        found.append(_of_person(search.person))
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


def _branches_of_words(words: str) -> tuple[list[Q], bool]:
    """Return the branches of what somebody typed (a number, an id, words of a purpose, a name), and whether it was a number or id."""
    words = words.replace("\0", " ").strip()
    compact = re.sub(r"[\s,.'’]", "", words)
    if compact.isascii() and compact.isdigit():
        return ([Q(pk=int(compact))] if len(compact) <= 18 else []), True
    try:
        identifier = uuid.UUID(words)
    except ValueError:
        return _purposes(words) + _names(words), False
    columns = ("token_id", "request_id", "consent_id", "agent_id")
    return [Q(**{column: identifier}) for column in columns] + _of_person(identifier), True


def _purposes(words: str) -> list[Q]:
    texts = EventText.objects.filter(kind="purpose")
    for word in words.split()[:8]:
        texts = texts.filter(text__icontains=word)
    # Ids sort by time: the purposes of the newest consents come first.
    digests = texts.order_by("-subject_id").values_list("digest", flat=True)[:MOST_PURPOSES]
    return [Q(purpose_digest=digest) for digest in digests]


def _names(words: str) -> list[Q]:
    agents = Agent.objects.filter(name__icontains=words).values_list("pk", flat=True)[:MOST_NAMES]
    people = User.objects.filter(Q(name__icontains=words) | Q(email__iexact=words)).values_list("pk", flat=True)
    clients = Client.objects.filter(Q(name__icontains=words) | Q(client_id=words), agent__isnull=False)
    return [
        *(Q(agent_id=agent_id) for agent_id in agents),
        *(branch for user_id in people[:MOST_NAMES] for branch in _of_person(user_id)),
        *(
            Q(agent_id=agent_id, client_id=client_id)
            for client_id, agent_id in clients.values_list("pk", "agent_id")[:MOST_NAMES]
        ),
    ]


def _visible(branches: list[Q], further: Q, search: Search, viewer: User) -> tuple[list[Q], Q]:
    """Add what the viewer may read (``EventQuerySet.visible_to``): as branches where there are none yet."""
    if viewer.reads_everything:
        return branches, further
    mine = list(Ownership.objects.live().filter(user=viewer).values_list("agent_id", flat=True))
    if search.agent in mine:
        return branches, further
    own = _of_person(viewer.pk)
    if branches or len(mine) > MOST_BRANCHES:
        return branches, further & reduce(or_, own, Q(agent_id__in=mine))
    return [*own, *(Q(agent_id=agent_id) for agent_id in mine)], further


def _of_person(user_id: uuid.UUID) -> list[Q]:
    return [Q(user_id=user_id), Q(is_by_a_person(), actor_id=user_id)]
