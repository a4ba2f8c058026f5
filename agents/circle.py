"""The circle of an agent: whom it may ask out of band (decisions.md, CIBA).

Whoever holds or held a consent of the agent is in it anyway (``consent/requests.py``); others only when an administrator
puts them there. Everybody else is, to the agent, the same ``unknown_user_id``.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from agents.actors import Actor, require
from agents.errors import Ended, Forbidden, InvalidInput
from agents.models import Agent, CircleMember, State, User
from agents.models.agent import Kind as AgentKind
from agents.models.moments import not_before
from agents.permissions import May
from agents.texts import reason_of
from agents.trail.kinds import Kind
from agents.trail.record import record


@transaction.atomic
def join(agent: Agent, person: User, *, reason: str, by: Actor, now: datetime) -> CircleMember:
    """Let the agent ask this person out of band. It still gets nothing before they allow it.

    Raises Forbidden, Ended (the agent is retired), InvalidInput. Records ``agent.circle_joined``.
    """
    agent = Agent.objects.locked(agent.pk)
    require(by, May.MANAGE_CIRCLE, agent)
    reason = reason_of(reason)
    if agent.state == State.RETIRED:
        raise Ended(_("%(agent)s is retired and asks nobody any more.") % {"agent": agent.name})
    if agent.kind != AgentKind.ASSISTANT:
        raise InvalidInput("person", _("This agent acts for the organisation: it asks no person."))
    if not person.is_active:
        raise InvalidInput("person", _("This person cannot sign in, so they cannot answer."))
    if by.user is None:
        raise Forbidden(May.MANAGE_CIRCLE, agent)
    if CircleMember.objects.live().filter(agent=agent, user=person).exists():
        raise InvalidInput("person", _("The agent may ask this person already."))
    member = CircleMember.objects.create(agent=agent, user=person, added_by=by.user, since=now)
    record(Kind.CIRCLE_JOINED, by=by, now=now, agent_id=agent.pk, user_id=person.pk, reason=reason)
    return member


@transaction.atomic
def leave(agent: Agent, person: User, *, reason: str, by: Actor, now: datetime) -> None:
    """Take somebody out of the circle. Whoever held a consent of the agent can still be asked, and can say "never".

    Raises Forbidden, Ended. Records ``agent.circle_left``.
    """
    agent = Agent.objects.locked(agent.pk)
    require(by, May.MANAGE_CIRCLE, agent)
    reason = reason_of(reason)
    if not CircleMember.objects.live().filter(agent=agent, user=person).update(until=not_before("since", now)):
        raise Ended(_("This person is not in the circle any more."))
    record(Kind.CIRCLE_LEFT, by=by, now=now, agent_id=agent.pk, user_id=person.pk, reason=reason)
