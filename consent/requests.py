"""Access requests: an agent asks a person out of band. Who may be asked, how often, and how a question is closed.

What a person says to one is in ``request_answers.py``. Device codes begin here too; typing them is in ``user_codes.py``.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from agents.actors import Actor
from agents.addresses import page_address
from agents.details.detail import Detail, as_granted
from agents.mail import send_later
from agents.models import Agent, AgentScope, CircleMember, Client, User
from agents.models.user import folded_email
from agents.trail.kinds import Kind
from agents.trail.record import heaviest, record
from consent import pings
from consent.errors import AskedAlready, AskedTooOften, Silenced
from consent.models import AccessRequest, Consent, RequestDecision, RequestKind, Silence
from consent.models.consent import purpose_key
from consent.models.token import digest_of
from consent.telling_who import WISH
from consent.user_codes import digest_of_user_code, new_user_code

MOST_OPEN = 3
"""Unanswered questions of one agent to one person at a time."""
MOST_A_DAY = 10
"""Questions of one agent to one person in 24 hours, answered or not."""
DAY = timedelta(days=1)
INTERVAL = 5
"""Seconds between two polls, at first (RFC 8628 §3.2, CIBA Core §7.3)."""
DEVICE_LIFE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Question:
    """What a client asks. purpose: the agent's own sentence, or empty. life: how long it waits for an answer.

    notification_token: with which the client wants to be told of the decision, or empty where it polls.
    """

    client: Client
    scopes: tuple[AgentScope, ...]
    purpose: str
    life: timedelta
    binding_message: str = ""
    notification_token: str = ""
    acr_values: tuple[str, ...] = ()
    details: Mapping[uuid.UUID, tuple[Detail, ...]] = field(default_factory=dict)
    openid: bool = False
    """Whether it asks to know who the person is."""

    @property
    def agent(self) -> Agent:
        if self.client.agent is None:
            raise TypeError("only a client with an agent can ask")
        return self.client.agent

    @property
    def purpose_key(self) -> str:
        return purpose_key(self.purpose or self.agent.purpose)

    @property
    def columns(self) -> dict[str, Any]:
        return {
            "agent": self.agent,
            "client": self.client,
            "requested": [
                *([list(WISH)] if self.openid else []),
                *([str(row.scope.resource_id), row.scope.name] for row in self.scopes),
            ],
            "details": [as_granted(detail.kept()) for details in self.details.values() for detail in details],
            "purpose": self.purpose,
            "purpose_key": self.purpose_key,
            "binding_message": self.binding_message,
            "acr_values": " ".join(self.acr_values),
            "wait_seconds": INTERVAL,
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that waits. secret: what the client polls with; user_code: what a device shows. Both are kept nowhere."""

    request: AccessRequest
    secret: str
    user_code: str = ""


def person_to_ask(hint: str, agent: Agent) -> User | None:
    """Return the person whom the agent may ask by this address or id, or None. One query, whoever it is.

    Whoever holds or held a consent of the agent, or was put into its circle. A stranger, somebody unknown and somebody
    deactivated are the same to the agent (decisions.md, CIBA).
    """
    try:
        named = Q(pk=uuid.UUID(hint))
    except ValueError:
        named = Q(email=folded_email(hint))
    known = Consent.objects.given().filter(agent=agent, user=OuterRef("pk"))
    circle = CircleMember.objects.live().filter(agent=agent, user=OuterRef("pk"))
    return User.objects.active().filter(named, Exists(known) | Exists(circle)).first()


@transaction.atomic
def ask(question: Question, person: User, *, by: Actor, now: datetime) -> Asked:
    """Put a question into the person's inbox, and write them a mail. Nothing is allowed by it.

    Raises Silenced, AskedTooOften, AskedAlready (the same client waits for an answer about the same purpose): then no
    mail goes out. Records ``request.made``.
    """
    # One person at a time, so that many questions at once cannot pass the limits together.
    User.objects.select_for_update(no_key=True).get(pk=person.pk)
    agent = question.agent
    if Silence.objects.live().filter(agent=agent, user=person).exists():
        raise Silenced
    mine = AccessRequest.objects.filter(agent=agent, user=person).exclude(kind=RequestKind.DEVICE)
    _close(mine.open().filter(expires_at__lte=now), now)
    _must_not_nag(mine, now)
    stands = (
        Consent.objects.given()
        .standing()
        .filter(client=question.client, user=person, purpose_key=question.purpose_key, ends_at__gt=now)
    )
    kind = RequestKind.STEP_UP if stands.exists() else RequestKind.CIBA
    same = mine.open().filter(client=question.client, purpose_key=question.purpose_key)
    if same.exists():
        raise AskedAlready
    secret = secrets.token_urlsafe(32)
    request = AccessRequest.objects.create(
        kind=kind,
        user=person,
        digest=digest_of(secret),
        created_at=now,
        expires_at=now + question.life,
        next_poll_at=now,
        ping_sealed=pings.seal(secret, question.notification_token) if question.notification_token else "",
        **question.columns,
    )
    _record_made(request, question, by=by, now=now)
    _tell(request, person, now)
    return Asked(request, secret)


def _must_not_nag(mine: QuerySet[AccessRequest], now: datetime) -> None:
    if mine.filter(closed_at=None).count() >= MOST_OPEN:
        raise AskedTooOften(f"This person has {MOST_OPEN} questions of this agent to answer already.")
    if mine.filter(created_at__gt=now - DAY).count() >= MOST_A_DAY:
        raise AskedTooOften(f"This agent has asked this person {MOST_A_DAY} times within a day.")


@transaction.atomic
def start_device(question: Question, *, by: Actor, now: datetime) -> Asked:
    """Let a device wait for somebody to type its code. Records ``request.made``."""
    secret, user_code = secrets.token_urlsafe(32), new_user_code()
    request = AccessRequest.objects.create(
        kind=RequestKind.DEVICE,
        address=by.address or None,
        digest=digest_of(secret),
        user_code_digest=digest_of_user_code(user_code),
        created_at=now,
        expires_at=now + question.life,
        next_poll_at=now,
        **question.columns,
    )
    _record_made(request, question, by=by, now=now)
    return Asked(request, secret, user_code)


def _record_made(request: AccessRequest, question: Question, *, by: Actor, now: datetime) -> None:
    record(
        Kind.REQUEST_MADE,
        by=by,
        now=now,
        agent_id=request.agent_id,
        client_id=request.client_id,
        user_id=request.user_id,
        scopes=sorted({row.scope.name for row in question.scopes}),
        data_class=heaviest(row.scope.data_class for row in question.scopes),
        purpose=question.purpose,
        request=request.pk,
        way=request.kind,
        expires_at=request.expires_at,
    )


def _tell(request: AccessRequest, person: User, now: datetime) -> None:
    """Write the mail. Neither purpose nor message stands in it: they are the agent's words, and can name people."""
    address = page_address("request", request.pk)
    send_later(
        "request_waiting",
        person.email,
        {"name": person.display_name, "agent": request.agent, "url": address, "ends_at": request.expires_at},
        now=now,
        ends_at=request.expires_at,
    )


# ------------------------------------------------------------------------------------------------------------------ end


def answer(request: AccessRequest, word: RequestDecision, *, now: datetime) -> None:
    """Close a locked request with the person's word, and let the client be told where it wants that.

    For a yes: with ``consent`` set, and in ``requested`` the pairs for which tokens may be had.
    """
    request.decision, request.closed_at = word, now
    if request.ping_sealed:
        request.ping_at = now
        pings.nudge()
    request.save(update_fields=["consent", "requested", "decision", "closed_at", "ping_at"])


def close_over(*, now: datetime, batch: int = 500) -> int:
    """Write down which requests nobody answered in time. Answering and polling refused them before.

    Safe twice at once: whoever marks the row writes its event. Returns how many were written down.
    """
    written = 0
    while True:
        due = AccessRequest.objects.open().filter(expires_at__lte=now).order_by("expires_at")
        ids = list(due.values_list("pk", flat=True)[:batch])
        for request_id in ids:
            with transaction.atomic():
                written += _close(AccessRequest.objects.open().filter(pk=request_id), now)
        if len(ids) < batch:
            return written


def _close(rows: QuerySet[AccessRequest], now: datetime) -> int:
    closed = 0
    for request in rows:
        marked = AccessRequest.objects.open().filter(pk=request.pk).update(closed_at=now, ping_sealed="")
        if marked:
            record(
                Kind.REQUEST_OVER,
                by=Actor.system(),
                now=now,
                agent_id=request.agent_id,
                client_id=request.client_id,
                user_id=request.user_id,
                request=request.pk,
                way=request.kind,
            )
            closed += 1
    return closed
