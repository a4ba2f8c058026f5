"""User codes of devices (RFC 8628 §6.1): short enough to type, too many to guess, and guessing is stopped.

Twenty letters without vowels, so that no word comes of them: 20⁸ codes. Ten wrong entries in 15 minutes stop that account
and that address for 15 minutes (decisions.md, Device grant). No request is locked by it: it is the guesser who waits.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac

from agents.actors import Actor, require
from agents.permissions import May
from agents.trail.kinds import Kind
from agents.trail.record import record
from agents.trail.refusals import source_of
from consent.errors import UserCodesStopped, UserCodeUnknown
from consent.models import AccessRequest, RequestKind, WrongEntries

LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH = 8
MOST_WRONG = 10
WITHIN = timedelta(minutes=15)
STOPPED_FOR = timedelta(minutes=15)


def new_user_code() -> str:
    """Return a fresh code as it is shown: XXXX-XXXX."""
    code = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
    return f"{code[:4]}-{code[4:]}"


def folded(code: str) -> str:
    """Return a typed code without what people put between its letters: hyphens, blanks, small letters."""
    return "".join(letter for letter in code.upper() if letter.isalnum())


def digest_of_user_code(code: str) -> str:
    """Return the keyed digest by which a code is stored: there are too few codes for a plain one."""
    return salted_hmac("mandate.user-code", folded(code), algorithm="sha256").hexdigest()


def enter(code: str, *, by: Actor, now: datetime) -> AccessRequest:
    """Make the request behind a typed code this person's. From then on nobody else can answer it.

    Raises Forbidden, UserCodeUnknown (counted), UserCodesStopped. Records ``request.code_entered``. What was counted is
    committed before the error is raised, which must not undo it.
    """
    require(by, May.APPROVE_CONSENT)
    with transaction.atomic(durable=True):
        rows = _locked(by, now)
        stopped = max(
            (row.stopped_until for row in rows if row.stopped_until and row.stopped_until > now), default=None
        )
        found = None if stopped else _claim(code, by=by, now=now)
        if found is None and not stopped:
            for row in rows:
                _note_wrong(row, now)
    if stopped:
        raise UserCodesStopped(stopped)
    if found is None:
        raise UserCodeUnknown
    return found


def _claim(code: str, *, by: Actor, now: datetime) -> AccessRequest | None:
    waiting = AccessRequest.objects.waiting(now).filter(
        Q(user=None) | Q(user=by.user), kind=RequestKind.DEVICE, user_code_digest=digest_of_user_code(code)
    )
    request = waiting.select_for_update(of=("self",)).first()
    if request is None or by.user is None:
        return None
    if request.user_id is not None:  # the same person again: pressed twice, or went back
        return request
    request.user = by.user
    request.save(update_fields=["user"])
    record(
        Kind.USER_CODE_ENTERED,
        by=by,
        now=now,
        agent_id=request.agent_id,
        client_id=request.client_id,
        user_id=by.user.pk,
        request=request.pk,
    )
    return request


def _locked(by: Actor, now: datetime) -> list[WrongEntries]:
    """Return the rows of account and address under their locks, always in the same order."""
    sources = [_source("account", str(by.id))]
    if by.address:
        sources.append(_source("address", source_of(by.address)))
    fresh = [WrongEntries(source=source, changed_at=now) for source in sources]
    WrongEntries.objects.bulk_create(fresh, ignore_conflicts=True)
    return list(WrongEntries.objects.select_for_update().filter(pk__in=sources).order_by("pk"))


def _source(sort: str, value: str) -> str:
    return salted_hmac("mandate.wrong-user-codes", f"{sort}|{value}", algorithm="sha256").hexdigest()


def _note_wrong(row: WrongEntries, now: datetime) -> None:
    recent = [at for at in row.entered_at if datetime.fromisoformat(at) > now - WITHIN]
    row.entered_at = [*recent, now.isoformat()][-MOST_WRONG:]
    row.changed_at = now
    if len(row.entered_at) >= MOST_WRONG:
        row.stopped_until, row.entered_at = now + STOPPED_FOR, []
    row.save()
