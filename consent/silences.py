"""“Never ask me again for this agent”: holds for every client of the agent, and can be taken back in My agents."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction

from agents.actors import Actor
from agents.models import Agent, User
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from agents.trail.record import record
from consent import request_answers
from consent.errors import NotSilenced, RequestClosed, SilencedAlready
from consent.models import PendingConsent, RequestDecision, Silence
from consent.models.request import AccessRequest
from consent.offer import Offer
from consent.requests import answer


def is_silenced(agent: Agent, person: User) -> bool:
    """Whether this person has said that the agent shall not ask them."""
    return Silence.objects.live().filter(agent=agent, user=person).exists()


@transaction.atomic
def refuse_for_ever(request_id: uuid.UUID, offer: Offer, *, form_nonce: str, by: Actor, now: datetime) -> None:
    """Refuse this question and all that the agent waits for, and let it ask no more.

    Raises RequestClosed, DecisionMadeAlready. Records ``consent.refused`` and ``request.silenced``.
    """
    if by.user is None:
        raise RequestClosed
    # The lock that asking takes, and first as there: no question of the agent slips in beside this word.
    User.objects.select_for_update(no_key=True).get(pk=by.user.pk)
    request_answers.refuse(request_id, offer, form_nonce=form_nonce, by=by, now=now)
    _silence(offer.agent, by.user, by=by, now=now, request_id=request_id)


@transaction.atomic
def silence(request: AccessRequest, *, by: Actor, now: datetime) -> None:
    """Let the agent of a question that is over, or of which nothing can be allowed, ask no more.

    Whatever else it waits for is refused. Raises RequestClosed (not theirs), SilencedAlready. Records
    ``request.silenced``.
    """
    if by.user is None or request.user_id != by.user.pk:
        raise RequestClosed
    User.objects.select_for_update(no_key=True).get(pk=by.user.pk)
    if is_silenced(request.agent, by.user):
        raise SilencedAlready
    _silence(request.agent, by.user, by=by, now=now, request_id=request.pk)


def _silence(agent: Agent, person: User, *, by: Actor, now: datetime, request_id: uuid.UUID) -> None:
    if is_silenced(agent, person):
        return
    Silence.objects.create(agent=agent, user=person, since=now)
    record(Kind.AGENT_SILENCED, by=by, now=now, agent_id=agent.pk, user_id=person.pk, request=request_id)
    # What they have allowed already, and an approver must still agree to, is an answer of theirs: it stands.
    answered = PendingConsent.objects.open().exclude(request=None).values("request")
    others = AccessRequest.objects.waiting(now).filter(agent=agent, user=person).exclude(pk__in=answered)
    for other in others.select_for_update(of=("self",)).order_by("pk"):
        record(
            Kind.CONSENT_REFUSED,
            by=by,
            now=now,
            outcome=Outcome.REFUSED,
            reason_code="silenced",
            agent_id=agent.pk,
            client_id=other.client_id,
            user_id=person.pk,
            purpose=other.purpose or agent.purpose,
            scopes=sorted({name for _, name in other.requested}),
        )
        answer(other, RequestDecision.REFUSED, now=now)


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
