"""Telling a client that somebody decided (CIBA Core §10.2, ping mode): a POST that says which question, and nothing else.

The work stands in the database; the message to the worker is only a nudge, and beat asks again. The client's own token
proves that it is us. No access token goes out this way, no redirect is followed, and only public machines are called
(``agents/outgoing.py``). A client that cannot be told still polls.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import structlog
from celery import shared_task
from cryptography.fernet import InvalidToken
from django.db import transaction
from django.utils import timezone

from agents.actors import Actor
from agents.encryption import decrypt, encrypt
from agents.nudges import nudge_when_through
from agents.outgoing import BadAddress, NotReached, post
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from agents.trail.record import record
from consent.models import AccessRequest

TASK = "consent.tell_clients"
FIRST_PAUSE = timedelta(seconds=10)
MOST_TRIES = 6
WITHIN = 5.0
"""Seconds for one call, all of it."""
log = structlog.get_logger(__name__)


def seal(auth_req_id: str, token: str) -> str:
    """Return what telling takes, encrypted."""
    return encrypt(json.dumps({"auth_req_id": auth_req_id, "token": token}))


def nudge() -> None:
    """Let a worker look once the caller's transaction is through."""
    nudge_when_through(TASK)


@shared_task(name=TASK)
def tell_clients() -> int:
    """Tell clients of decisions. A door for the queue."""
    return tell(now=timezone.now())


def tell(*, now: datetime, batch: int = 50) -> int:
    """Try each telling that is due, once. Returns how many clients were told. Safe twice at once: one claims it."""
    told = 0
    due = AccessRequest.objects.filter(ping_at__lte=now).select_related("client__agent").order_by("ping_at")
    for request in list(due[:batch]):
        pause = FIRST_PAUSE * 2**request.ping_tries
        claimed = AccessRequest.objects.filter(pk=request.pk, ping_at=request.ping_at).update(
            ping_at=now + pause, ping_tries=request.ping_tries + 1
        )
        if not claimed:
            continue
        if not request.client.is_live(now):  # removed or suspended: it is told nothing more
            _give_up(request, now)
        elif _try(request):
            _done(request)
            told += 1
        elif request.ping_tries + 1 >= MOST_TRIES or request.expires_at <= now:
            _give_up(request, now)
    return told


def _try(request: AccessRequest) -> bool:
    try:
        sealed = json.loads(decrypt(request.ping_sealed))
    except InvalidToken:
        log.warning("ping_unreadable", request=str(request.pk))
        return False
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {sealed['token']}"}
    body = json.dumps({"auth_req_id": sealed["auth_req_id"]}).encode()
    try:
        status = post(request.client.notification_endpoint, body=body, headers=headers, within=WITHIN)
    except (BadAddress, NotReached) as problem:
        log.warning("ping_not_sent", request=str(request.pk), error=type(problem).__name__)
        return False
    return 200 <= status < 300


def _done(request: AccessRequest) -> None:
    AccessRequest.objects.filter(pk=request.pk).update(ping_at=None, ping_sealed="")


@transaction.atomic
def _give_up(request: AccessRequest, now: datetime) -> None:
    _done(request)
    record(
        Kind.REQUEST_NOT_TOLD,
        by=Actor.system(),
        now=now,
        outcome=Outcome.REFUSED,
        reason_code="not_reached",
        agent_id=request.agent_id,
        client_id=request.client_id,
        user_id=request.user_id,
        request=request.pk,
        tries=request.ping_tries + 1,
    )
