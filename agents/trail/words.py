"""What words find in the trail: a number, an id, the purposes in which they stand, and the names of agents, people and clients.

Where few of these match, each is a branch that an index serves. Where many do, they are one condition that the walk
asks of each event: nothing is left out, whoever fills the trail with words that others look for.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import BooleanField, Exists, OuterRef, Q, QuerySet, Subquery, Value

from agents.models.agent import Agent, Ownership
from agents.models.client import Client
from agents.models.user import Role, User
from agents.trail.indexes import is_by_a_person
from agents.trail.kinds import Kind
from agents.trail.models import Event, EventText

MOST_PURPOSES, MOST_NAMES, MOST_WORDS = 50, 10, 8


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an event must match to be found by words.

    branches: alternatives that an index serves each; none, with ``further`` empty too, where nothing can match.
    further: the same as one condition without an index, where there are too many for branches.
    is_exact: a number or an id was typed, so that few events stand behind it.
    """

    branches: list[Q] = field(default_factory=list)
    further: Q = field(default_factory=Q)
    is_exact: bool = False


def wanted_by(words: str, viewer: User) -> Wanted:
    """Return what an event must match. Agents are found by name only where the viewer knows them."""
    words = words.replace("\0", " ").strip()
    compact = re.sub(r"[\s,.'’]", "", words)
    if compact.isascii() and compact.isdigit():
        return Wanted([Q(pk=int(compact))] if len(compact) <= 18 else [], is_exact=True)
    try:
        identifier = uuid.UUID(words)
    except ValueError:
        return _in_texts_and_names(words, viewer)
    columns = ("token_id", "request_id", "consent_id", "agent_id")
    return Wanted([Q(**{column: identifier}) for column in columns] + of_person(identifier), is_exact=True)


def of_person(user_id: uuid.UUID) -> list[Q]:
    """Return the branches of what concerns a person: acted for or concerned, or acting themselves."""
    return [Q(user_id=user_id), Q(is_by_a_person(), actor_id=user_id)]


def _in_texts_and_names(words: str, viewer: User) -> Wanted:
    known = _known_agents(viewer)
    agents = known.filter(name__icontains=words)
    people = User.objects.filter(Q(name__icontains=words) | Q(email__iexact=words))
    clients = Client.objects.filter(Q(name__icontains=words) | Q(client_id=words), agent__in=known)
    sources: list[tuple[list[Any] | None, Callable[[Any], list[Q]], Q]] = [
        (
            _few(_purposes(words).values_list("digest", flat=True), MOST_PURPOSES),
            lambda digest: [Q(purpose_digest=digest)],
            _stands_in(_purposes(words), "digest", "purpose_digest"),
        ),
        (
            _few(agents.values_list("pk", flat=True), MOST_NAMES),
            lambda agent_id: [Q(agent_id=agent_id)],
            _stands_in(agents, "pk", "agent_id"),
        ),
        (
            _few(people.values_list("pk", flat=True), MOST_NAMES),
            of_person,
            _stands_in(people, "pk", "user_id") | (Q(is_by_a_person()) & _stands_in(people, "pk", "actor_id")),
        ),
        (
            _few(clients.values_list("pk", "agent_id"), MOST_NAMES),
            lambda row: [Q(agent_id=row[1], client_id=row[0])],  # there is an index by agent, and none by client
            _stands_in(clients, "pk", "client_id"),
        ),
    ]
    found = [[branch for value in values for branch in branches(value)] for values, branches, _ in sources if values]
    if all(values is not None for values, _, _ in sources):
        return Wanted([branch for branches in found for branch in branches])
    many = [whole for values, _, whole in sources if values is None]
    return Wanted(further=reduce(or_, [*many, *(branch for branches in found for branch in branches)]))


def _few(rows: QuerySet[Any, Any], most: int) -> list[Any] | None:
    """Return the rows, or None where there are more than that."""
    found = list(rows.order_by()[: most + 1])
    return found if len(found) <= most else None


def _stands_in(rows: QuerySet[Any, Any], name: str, column: str) -> Q:
    """Return the condition that the event's column names one of these rows, asked of each event that the walk meets.

    Then many matches make a short walk; to collect them all first would take longest when they are most, which is what
    PostgreSQL may do with IN and with EXISTS, and never with a value that it looks up.
    """
    row = rows.filter(**{name: OuterRef(column)}).order_by().annotate(stands=Value(value=True))
    return Q(Subquery(row.values("stands")[:1], output_field=BooleanField()))


def _purposes(words: str) -> QuerySet[EventText]:
    texts = EventText.objects.filter(kind="purpose")
    for word in words.split()[:MOST_WORDS]:
        texts = texts.filter(text__icontains=word)
    return texts


def _known_agents(viewer: User) -> QuerySet[Agent]:
    """Agents whose names the viewer may know: those they may see, and those that asked them for something.

    An event may name another one only by its id (one of a page that was refused), and a search must not tell its name.
    """
    if viewer.role in {Role.ADMINISTRATOR, Role.AUDITOR}:
        return Agent.objects.all()
    mine = Ownership.objects.live().filter(agent=OuterRef("pk"), user=viewer)
    asked = Event.objects.filter(user_id=viewer.pk, kind__in=[Kind.CONSENT_APPROVED, Kind.CONSENT_REFUSED])
    return Agent.objects.filter(Exists(mine) | Q(pk__in=asked.values("agent_id")))
