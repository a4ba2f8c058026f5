"""What an agent asks people for beside permissions: to pass work on to other agents, to which, and how far.

It is a wish only. The person reads it on the consent screen and can untick it (``consent/passing_on/passing.py``), and the token
endpoint holds each exchange against both (``consent/oauth/token_exchange.py``).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from agents.actors import Actor, require
from agents.errors import InvalidInput
from agents.models import Agent, Recipient, State
from agents.models.agent import Kind as AgentKind
from agents.models.moments import not_before
from agents.permissions import May
from agents.registry import must_not_be_retired
from agents.review import before_change, note_change
from agents.trail.kinds import Kind
from agents.trail.record import record

MOST_DEEP = 3
"""So often work may be handed over, one agent after another. Each is one more that a person has to trust."""
MOST_RECIPIENTS = 10


@transaction.atomic
def set_recipients(agent: Agent, *, to: Iterable[Agent], deep: int, by: Actor, now: datetime) -> Agent:
    """Make exactly these the agents to which people may let it pass work on. deep: how many times, one after another.

    Consents keep what they say; what is named here no more gets nothing further under them.
    Raises Forbidden, Ended (retired), InvalidInput. Records ``agent.passing_changed``.
    """
    agent = Agent.objects.locked(agent.pk)
    require(by, May.EDIT_AGENT, agent)
    must_not_be_retired(agent)
    wanted = {other.pk: other for other in to}
    rows = {row.recipient_id: row for row in Recipient.objects.live().filter(agent=agent)}
    _check(agent, [wanted[key] for key in wanted.keys() - rows.keys()], deep, by)
    if len(wanted) > MOST_RECIPIENTS:
        raise InvalidInput("to", _("Choose at most %(most)s agents.") % {"most": MOST_RECIPIENTS})
    added, removed = wanted.keys() - rows.keys(), rows.keys() - wanted.keys()
    if not added and not removed and deep == agent.passes_deep:
        return agent
    so_far = before_change(agent)
    Recipient.objects.live().filter(agent=agent, recipient__in=removed).update(ended_at=not_before("added_at", now))
    for recipient_id in sorted(added):
        Recipient.objects.create(agent=agent, recipient_id=recipient_id, added_at=now)
    agent.passes_deep = deep
    agent.save(update_fields=["passes_deep"])
    record(
        Kind.AGENT_PASSING_CHANGED, by=by, now=now, agent_id=agent.pk, added=set(added), removed=set(removed), deep=deep
    )
    note_change(agent, so_far, by=by, now=now)
    return agent


def _check(agent: Agent, added: list[Agent], deep: int, by: Actor) -> None:
    if agent.kind != AgentKind.ASSISTANT:
        raise InvalidInput("to", _("This agent acts for the organisation, so it passes no person's work on."))
    if not 1 <= deep <= MOST_DEEP:
        raise InvalidInput("deep", _("Choose a number from 1 to %(most)s.") % {"most": MOST_DEEP})
    if any(other.pk == agent.pk for other in added):
        raise InvalidInput("to", _("An agent passes nothing on to itself."))
    if any(
        other.kind != AgentKind.ASSISTANT or other.state == State.RETIRED or other.personal_of_id for other in added
    ):
        raise InvalidInput(
            "to", _("Work goes on only to agents that act for people, are nobody’s personal ones and not retired.")
        )
    if by.user is not None:
        seen = Agent.objects.visible_to(by.user).filter(pk__in=[other.pk for other in added]).count()
        if seen != len(added):
            # Whose agents there are is told to nobody by trying.
            raise InvalidInput("to", _("Choose among the agents that you answer for, or ask an administrator."))
