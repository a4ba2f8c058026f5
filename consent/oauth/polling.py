"""Polling for a decision at the token endpoint: CIBA Core §10.1, §11 and RFC 8628 §3.4, §3.5. One file, as both say the same.

unknown, used, or another client's    invalid_grant            nobody has answered yet    authorization_pending
over                                  expired_token            asked too fast             slow_down, and 5 seconds more
refused                               access_denied            allowed                    tokens, once

A poll without an answer takes three statements: the client, the request, and the note of when it may come next. Waiting
is no refusal, so it leaves no event.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from oauthlib.common import Request

from agents.database.statements import changed_by, rows_of, turn_to_write
from agents.models import GrantType
from consent.models import AccessRequest, RequestDecision, RequestKind
from consent.models.token import digest_of
from consent.oauth.authorization_code import issue_first
from consent.oauth.client_authentication import ProvenClient
from consent.oauth.errors import OAuthRefusal, invalid_request
from consent.oauth.rows import as_list, as_time, known_id

MORE = 5
"""Seconds that a poll too many adds to the interval (RFC 8628 §3.5; CIBA Core §11)."""
LONGEST_WAIT = 300
"""Seconds above which it grows no more: whoever never waits learns nothing from a bigger number."""
SECRET_OF = {GrantType.CIBA.value: "auth_req_id", GrantType.DEVICE.value: "device_code"}
"""The parameter that names the request, by grant type."""
REQUEST_STATEMENT = """
    SELECT id, client_id, kind, expires_at, wait_seconds, next_poll_at, decision, redeemed_at, consent_id, user_id,
           requested, family_id
    FROM consent_accessrequest WHERE digest = %s
"""
POLLED_STATEMENT = "UPDATE consent_accessrequest SET next_poll_at = %s WHERE id = %s AND next_poll_at = %s"
TOO_FAST_STATEMENT = """
    UPDATE consent_accessrequest
    SET next_poll_at = %s, wait_seconds = CASE WHEN wait_seconds < %s THEN wait_seconds + %s ELSE wait_seconds END
    WHERE id = %s
"""


@dataclass(frozen=True, slots=True)
class PolledRequest:
    """An allowed request, with what issuing the first tokens asks of it."""

    pk: uuid.UUID
    application_id: uuid.UUID
    consent_id: uuid.UUID
    user_id: uuid.UUID
    requested: list[list[str]]
    family_id: uuid.UUID
    dpop_jkt: str = ""
    nonce: str = ""


def refused() -> OAuthRefusal:
    """The one answer for a request that is unknown, used, or another client's."""
    return OAuthRefusal("invalid_grant", "This is unknown, used, or belongs to another client.")


def find(request: Request) -> PolledRequest:
    """Return the client's allowed request. Raises OAuthRefusal for every other state of it."""
    name = SECRET_OF[request.grant_type]
    secret = getattr(request, name, None)
    if not secret:
        raise invalid_request(f"{name} is missing.")
    found = rows_of(REQUEST_STATEMENT, [digest_of(secret)])
    if not found:
        raise refused()
    row = found[0]
    pk, client_id, kind, expires_at, interval, next_poll, decision, redeemed, *issuing = row
    client: ProvenClient = request.client
    of_device = kind == RequestKind.DEVICE
    if known_id(client_id) != client.pk or of_device != (name == "device_code") or redeemed is not None:
        raise refused()
    if decision == RequestDecision.REFUSED:
        raise OAuthRefusal("access_denied", "The person refused.")
    now: datetime = request.facts.now
    ends = as_time(expires_at)
    if ends is None or ends <= now:
        raise OAuthRefusal(
            "expired_token", "Nobody answered in time, or the answer was not fetched in time. Ask again."
        )
    if decision != RequestDecision.ALLOWED:
        raise _wait(known_id(pk), as_time(next_poll) or now, int(interval), now)
    consent_id, user_id, requested, family_id = issuing
    return PolledRequest(
        pk=known_id(pk),
        application_id=client.pk,
        consent_id=known_id(consent_id),
        user_id=known_id(user_id),
        requested=as_list(requested),
        family_id=known_id(family_id),
    )


def _wait(pk: uuid.UUID, next_poll: datetime, interval: int, now: datetime) -> OAuthRefusal:
    """Note when the client may come next and return what it is told. Of two polls at once one was too fast."""
    pending = False
    longer = min(interval + MORE, LONGEST_WAIT)
    with turn_to_write():
        if next_poll <= now:
            pending = changed_by(POLLED_STATEMENT, [now + timedelta(seconds=interval), pk, next_poll]) == 1
        if not pending:
            changed_by(TOO_FAST_STATEMENT, [now + timedelta(seconds=longer), LONGEST_WAIT, MORE, pk])
    if pending:
        return OAuthRefusal("authorization_pending", "Nobody has answered yet.", told=True)
    return OAuthRefusal("slow_down", f"Wait {longer} seconds between two questions.", told=True)


def redeem(request: Request) -> dict[str, Any]:
    """Use the request and issue the first tokens under its consent, in one transaction. Of 50 at once one wins."""
    polled: PolledRequest = request.polled
    with transaction.atomic():
        won = AccessRequest.objects.filter(pk=polled.pk, redeemed_at=None).update(redeemed_at=request.facts.now)
        if not won:
            raise refused()
        return issue_first(request, polled, grant="ciba" if request.grant_type == GrantType.CIBA else "device_code")
