"""Who agents are and who answers for them: register, edit, hand over.

States are moved in ``lifecycle.py``, clients in ``clients.py``, what they may ask for in ``agent_scopes.py``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from agents import credentials
from agents.actors import Actor, require
from agents.ends import checked_end
from agents.errors import Ended, InvalidInput
from agents.models import Agent, DataClass, Environment, Ownership, State, User
from agents.models.agent import Kind as AgentKind
from agents.models.moments import not_before
from agents.permissions import May
from agents.review import before_change, note_change
from agents.texts import one_line, reason_of
from agents.trail.kinds import Kind
from agents.trail.record import record

EDITABLE = frozenset({"name", "purpose", "unit", "environment", "data_classes", "ends_at"})


@transaction.atomic
def register(
    *,
    name: str,
    purpose: str,
    kind: str,
    owner: User,
    by: Actor,
    now: datetime,
    environment: str = Environment.PRODUCTION,
    unit: str = "",
    data_classes: Iterable[str] = frozenset(),
    ends_at: datetime | None = None,
    deputies: Iterable[User] = (),
) -> Agent:
    """Make a new agent, a draft with one owner. Nothing can be done with it before it is active.

    Only administrators register for somebody else. Raises Forbidden, InvalidInput. Records ``agent.registered``.
    """
    require(by, May.REGISTER_AGENT, owner)
    _must_be_able_to_answer("owner", owner)
    if kind not in AgentKind.values:
        raise InvalidInput("kind", _("Choose whether it acts for people or for the organisation."))
    facts = _checked(
        {
            "name": name,
            "purpose": purpose,
            "unit": unit,
            "environment": environment,
            "data_classes": data_classes,
            "ends_at": ends_at,
        },
        now=now,
    )
    agent = Agent.objects.create(kind=kind, created_at=now, **facts)
    Ownership.objects.create(agent=agent, user=owner, role=Ownership.Part.OWNER, since=now)
    for deputy in _checked_deputies(deputies, owner=owner):
        Ownership.objects.create(agent=agent, user=deputy, role=Ownership.Part.DEPUTY, since=now)
    record(
        Kind.AGENT_REGISTERED,
        by=by,
        now=now,
        agent_id=agent.pk,
        user_id=owner.pk,
        purpose=agent.purpose,
        name=agent.name,
        kind=agent.kind,
        environment=agent.environment,
    )
    return agent


@transaction.atomic
def edit(agent: Agent, *, by: Actor, now: datetime, **changes: Any) -> Agent:
    """Change facts of an agent: any of ``EDITABLE``. A change to what already holds is no change and no event.

    Raises Forbidden, Ended (retired), InvalidInput. Records ``agent.edited``.
    """
    unknown = changes.keys() - EDITABLE
    if unknown:
        raise TypeError(f"not editable: {sorted(unknown)}")
    agent = Agent.objects.locked(agent.pk)
    require(by, May.EDIT_AGENT, agent)
    must_not_be_retired(agent)
    so_far = before_change(agent)
    facts = {name: value for name, value in _checked(changes, now=now).items() if getattr(agent, name) != value}
    if agent.is_personal and "ends_at" in facts:
        raise InvalidInput(
            "ends_at", _("A personal agent lasts longer only where its person allows it something anew.")
        )
    if facts.get("purpose") == "" and agent.state != State.DRAFT:
        raise InvalidInput("purpose", _("An agent that is in use needs a purpose."))
    if not facts:
        return agent
    before = {name: getattr(agent, name) for name in facts}
    for name, value in facts.items():
        setattr(agent, name, value)
    agent.save(update_fields=[*facts])
    # The purpose is free text: it stands beside the trail, where it can be erased, never in the detail of an event.
    record(
        Kind.AGENT_EDITED,
        by=by,
        now=now,
        agent_id=agent.pk,
        purpose=facts.get("purpose", ""),
        before={name: value for name, value in before.items() if name != "purpose"},
        after={name: value if name != "purpose" else "changed" for name, value in facts.items()},
    )
    note_change(agent, so_far, by=by, now=now)
    return agent


@transaction.atomic
def hand_over(agent: Agent, *, owner: User, reason: str, by: Actor, now: datetime, revoke_keys: bool = False) -> Agent:
    """Make somebody else the owner. The one so far has no part in the agent any more.

    revoke_keys: whether the keys made before end too, because somebody who leaves may have kept one.
    Raises Forbidden, Ended (retired), InvalidInput. Records ``agent.handed_over``, ``credential.revoked`` for each.
    """
    reason = reason_of(reason)
    agent = Agent.objects.locked(agent.pk)
    require(by, May.HAND_OVER_AGENT, agent)
    must_not_be_retired(agent)
    if agent.is_personal:
        raise InvalidInput("owner", _("A personal agent acts for its person alone, and belongs to nobody else."))
    _must_be_able_to_answer("owner", owner)
    before = agent.owner
    if before == owner:
        raise InvalidInput("owner", _("%(owner)s is the owner already.") % {"owner": owner.display_name})
    _end_parts(agent.ownerships.live().filter(role=Ownership.Part.OWNER), now)
    _end_parts(agent.ownerships.live().filter(user=owner), now)  # a deputy who becomes owner
    Ownership.objects.create(agent=agent, user=owner, role=Ownership.Part.OWNER, since=now)
    record(
        Kind.AGENT_HANDED_OVER,
        by=by,
        now=now,
        agent_id=agent.pk,
        user_id=owner.pk,
        reason=reason,
        before=before.pk if before else None,
        after=owner.pk,
    )
    if revoke_keys:
        credentials.revoke_all(agent, by=by, now=now, reason=reason)
    return Agent.objects.get(pk=agent.pk)


@transaction.atomic
def set_deputies(agent: Agent, *, deputies: Iterable[User], by: Actor, now: datetime) -> Agent:
    """Make exactly these people the deputies, who may do for the agent what its owner may, but for giving it away.

    Raises Forbidden, Ended (retired), InvalidInput. Records ``agent.deputies_changed``.
    """
    agent = Agent.objects.locked(agent.pk)
    require(by, May.HAND_OVER_AGENT, agent)
    must_not_be_retired(agent)
    wanted = {person.pk: person for person in _checked_deputies(deputies, owner=agent.owner)}
    if agent.is_personal and wanted:
        raise InvalidInput("deputies", _("A personal agent acts for its person alone, and belongs to nobody else."))
    before = {person.pk for person in agent.deputies}
    if wanted.keys() == before:
        return agent
    _end_parts(agent.ownerships.live().filter(role=Ownership.Part.DEPUTY).exclude(user__in=wanted), now)
    for person_id in wanted.keys() - before:
        Ownership.objects.create(agent=agent, user_id=person_id, role=Ownership.Part.DEPUTY, since=now)
    record(Kind.DEPUTIES_CHANGED, by=by, now=now, agent_id=agent.pk, before=before, after=set(wanted))
    return Agent.objects.get(pk=agent.pk)


def _end_parts(parts: QuerySet[Ownership], now: datetime) -> None:
    parts.update(until=not_before("since", now))


def must_not_be_retired(agent: Agent) -> None:
    """Raise Ended for an agent that is retired for good."""
    if agent.state == State.RETIRED:
        raise Ended(_("%(agent)s is retired. Nothing about it can be changed any more.") % {"agent": agent.name})


def _must_be_able_to_answer(field: str, person: User) -> None:
    if not person.may_own_agents:
        raise InvalidInput(
            field,
            _("%(person)s cannot answer for agents. Make them an agent owner or administrator first.")
            % {"person": person.display_name},
        )


def _checked_deputies(deputies: Iterable[User], *, owner: User | None) -> list[User]:
    people = list({person.pk: person for person in deputies}.values())
    for person in people:
        _must_be_able_to_answer("deputies", person)
        if owner is not None and person.pk == owner.pk:
            raise InvalidInput(
                "deputies", _("%(person)s is the owner and needs no part as deputy.") % {"person": person.display_name}
            )
    return people


def _checked(facts: dict[str, Any], *, now: datetime) -> dict[str, Any]:
    """Return the facts as they are kept. Raises InvalidInput for the first that may not be."""
    checked = dict(facts)
    for name, longest, needed in (("name", 80, True), ("purpose", 500, False), ("unit", 80, False)):
        if name in checked:
            checked[name] = one_line(name, checked[name], longest=longest, needed=needed)
    if checked.get("environment", Environment.PRODUCTION) not in Environment.values:
        raise InvalidInput("environment", _("Choose where it runs."))
    if "data_classes" in checked:
        classes = set(checked["data_classes"]) - {DataClass.NONE}
        if not classes <= set(DataClass.values):
            raise InvalidInput("data_classes", _("Choose among the data classes offered."))
        checked["data_classes"] = sorted(str(DataClass(data_class)) for data_class in classes)
    checked_end(checked.get("ends_at"), now=now)
    return checked
