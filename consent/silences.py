"""“Never ask me again for this agent”: holds for every client of the agent, and can be taken back in My agents."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction

from agents.actors import Actor
from agents.models import Agent, User
from agents.trail.kinds import Kind
from agents.trail.record import record
from consent import requests
from consent.errors import NotSilenced, RequestClosed
from consent.models import RequestDecision, Silence
from consent.models.request import AccessRequest
from consent.offer import Offer


@transaction.atomic
def refuse_for_ever(request_id: uuid.UUID, offer: Offer, *, form_nonce: str, by: Actor, now: datetime) -> None:
    """Refuse this question and all that the agent waits for, and let it ask no more.

    Raises RequestClosed, DecisionMadeAlready. Records ``consent.refused`` and ``request.silenced``.
    """
    if by.user is None:
        raise RequestClosed
    # The lock that asking takes, and first as there: no question of the agent slips in beside this word.
    User.objects.select_for_update(no_key=True).get(pk=by.user.pk)
    requests.refuse(request_id, offer, form_nonce=form_nonce, by=by, now=now)
    _silence(offer.agent, by.user, by=by, now=now, request_id=request_id)


def _silence(agent: Agent, person: User, *, by: Actor, now: datetime, request_id: uuid.UUID) -> None:
    if Silence.objects.live().filter(agent=agent, user=person).exists():
        return
    Silence.objects.create(agent=agent, user=person, since=now)
    record(Kind.AGENT_SILENCED, by=by, now=now, agent_id=agent.pk, user_id=person.pk, request=request_id)
    for other in AccessRequest.objects.waiting(now).filter(agent=agent, user=person).select_for_update():
        requests.answer(other, RequestDecision.REFUSED, now=now)


@transaction.atomic
def let_ask(agent_id: uuid.UUID, *, by: Actor, now: datetime) -> Silence:
    """Let the agent ask this person again. Raises NotSilenced. Records ``request.unsilenced``."""
    silence = Silence.objects.live().select_for_update().filter(agent=agent_id, user=by.user).first()
    if silence is None or by.user is None:
        raise NotSilenced
    silence.until = now
    silence.save(update_fields=["until"])
    record(Kind.AGENT_UNSILENCED, by=by, now=now, agent_id=agent_id, user_id=by.user.pk)
    return silence
