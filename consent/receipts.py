"""Receipts: what a resource reports that an agent did with a token (decisions.md, Receipts).

They come from the resource alone, by its own credentials, for a token of its audience named by ``jti``, up to 24 hours
after the token's end. They hold operations, record types and counts from the resource's registered lists, and a keyed
digest of its own pseudonym for whom it was about; never values.
"""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from agents.actors import Actor
from agents.errors import Refused
from agents.models import Event, Resource, Scope
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from agents.trail.record import heaviest, plain, record, text_digest
from consent.counts import add_up
from consent.models import AccessToken
from consent.once import UsedAlready, use_once

COME_WITHIN = timedelta(hours=24)
"""So long after a token's end a receipt for it is taken."""
LEEWAY = timedelta(minutes=1)
"""By so much the clock of a resource may be wrong."""
MOST_A_MINUTE = 600
"""Receipts of one resource. Beyond it the trail would be filled faster than people can read it."""
MOST_RECORDS = 50
LARGEST_COUNT = 1_000_000


class ReceiptRefused(Refused):
    """A receipt that does not follow the rules. ``code`` is one of a closed list; ``member`` names what is wrong."""

    code = "invalid_receipt"

    def __init__(self, message: str, *, member: str = "", code: str = "invalid_receipt") -> None:
        super().__init__(message)
        self.member = member
        self.code = code
        self.about: dict[str, Any] = {}
        """The token and what stands behind it, where they are known, for the event of the refusal."""


class UnknownToken(ReceiptRefused):
    """The token was never issued for this resource, or is forgotten. Another resource's token is told alike."""

    def __init__(self) -> None:
        super().__init__("No token with this jti was issued for this resource.", member="token", code="unknown_token")


class TooManyReceipts(ReceiptRefused):
    """The resource has had its share of this minute. retry_after: seconds until it has a place again."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            f"At most {MOST_A_MINUTE} receipts a minute are taken of one resource. Put more records into one receipt.",
            code="too_many_receipts",
        )
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one type. subject: the resource's own pseudonym for whom they are about, or empty."""

    type: str
    count: int
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a resource reports. idempotency_key: one receipt counts once under it.

    at: when it was done. Without it that is now, which must lie within the token's life too.
    """

    token_id: uuid.UUID
    operation: str
    records: tuple[Records, ...]
    idempotency_key: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """The event of a receipt. repeated: it had been reported before, and nothing was written now."""

    number: int
    repeated: bool


@transaction.atomic
def report(receipt: Receipt, *, resource_id: uuid.UUID, by: Actor, now: datetime) -> Reported:
    """Write down what a resource reports. The same receipt again has the same answer and no second event.

    Raises UnknownToken, TooManyReceipts, ReceiptRefused (too late, not in the registered lists, done outside the
    token's life, a key used for another receipt).
    Records ``receipt.reported`` with the whole chain of the token.
    """
    token = AccessToken.objects.select_related("consent", "audience").filter(pk=receipt.token_id).first()
    try:
        if token is None or token.audience_id != resource_id:
            raise UnknownToken
        return _report_for(token, receipt, by=by, now=now)
    except ReceiptRefused as refused:
        refused.about = _chain_of(token) if token else {}
        raise


def _chain_of(token: AccessToken) -> dict[str, Any]:
    """Return the columns by which an event names a token and what stands behind it."""
    return {
        "user_id": token.user_id,
        "agent_id": token.consent.agent_id,
        "client_id": token.application_id,
        "consent_id": token.consent_id,
        "token_id": token.pk,
        "purpose_digest": token.consent.purpose_digest,
    }


def _report_for(token: AccessToken, receipt: Receipt, *, by: Actor, now: datetime) -> Reported:
    resource_id = token.audience_id
    if now > token.expires + COME_WITHIN:
        raise ReceiptRefused("The token ended more than 24 hours ago.", member="token", code="receipt_too_late")
    _check_lists(receipt, token.audience)
    told = _as_told(receipt, resource_id)
    if not _is_first(receipt, resource_id, token.expires + COME_WITHIN + LEEWAY, now):
        return Reported(_number_of_the_first(receipt, told, resource_id), repeated=True)
    _check_time(receipt, token, now)
    _check_rate(resource_id, now)
    names = token.scope.split()
    classes = Scope.objects.filter(resource_id=resource_id, name__in=names).values_list("data_class", flat=True)
    number = record(
        Kind.RECEIPT_REPORTED,
        by=by,
        now=now,
        outcome=Outcome.REPORTED,
        resource_id=resource_id,
        scopes=names,
        data_class=heaviest(classes),
        **_chain_of(token),
        **told,
    )
    counts: Counter[str] = Counter()
    for records in receipt.records:
        counts[records.type] += records.count
    add_up(
        counts,
        consent_id=token.consent_id,
        resource_id=resource_id,
        operation=receipt.operation,
        at=receipt.at or now,
    )
    return Reported(number, repeated=False)


def _check_lists(receipt: Receipt, resource: Resource) -> None:
    """Refuse operations and record types that the resource has not registered: no value slips in as a name."""
    if receipt.operation not in resource.operations:
        raise ReceiptRefused("The resource has not registered this operation.", member="operation")
    if not 1 <= len(receipt.records) <= MOST_RECORDS:
        raise ReceiptRefused(f"Report 1 to {MOST_RECORDS} kinds of records.", member="records")
    for records in receipt.records:
        if records.type not in resource.record_types:
            raise ReceiptRefused("The resource has not registered this record type.", member="records.type")
        if not 1 <= records.count <= LARGEST_COUNT:
            raise ReceiptRefused(f"A count lies between 1 and {LARGEST_COUNT}.", member="records.count")


def _check_time(receipt: Receipt, token: AccessToken, now: datetime) -> None:
    """Refuse what was not done within the token's life. A receipt without a time says that it was done now."""
    if receipt.at is None and now > token.expires + LEEWAY:
        raise ReceiptRefused("The token has ended. Say in at when it was done.", member="at")
    if not token.created - LEEWAY <= (receipt.at or now) <= min(now, token.expires) + LEEWAY:
        raise ReceiptRefused("The time lies outside the token's life or in the future.", member="at")


def _check_rate(resource_id: uuid.UUID, now: datetime) -> None:
    """Refuse more than the share of a minute, counted in the trail itself: by one walk along an index."""
    reported = Event.objects.filter(resource_id=resource_id, outcome=Outcome.REPORTED).order_by("-pk")
    first = reported.values_list("at", flat=True)[MOST_A_MINUTE - 1 : MOST_A_MINUTE].first()
    if first is not None and (waits := first + timedelta(minutes=1) - now) > timedelta(0):
        raise TooManyReceipts(retry_after=-(-waits // timedelta(seconds=1)))


def _as_told(receipt: Receipt, resource_id: uuid.UUID) -> dict[str, object]:
    """Return the detail of the event. The same receipt always gives the same detail."""
    return {
        "operation": receipt.operation,
        "records": [
            {"type": records.type, "count": records.count, "subject": pseudonym(records.subject, resource_id)}
            for records in receipt.records
        ],
        "idempotency_key": key_digest(receipt.idempotency_key, resource_id),
        **({"at": receipt.at} if receipt.at is not None else {}),
    }


def pseudonym(subject: str, resource_id: uuid.UUID) -> str:
    """Return the keyed digest under which a resource's pseudonym is kept: ``subj_`` and 64 bits, or nothing for none.

    Two resources that use the same pseudonym mean different people, so the resource is part of the digest.
    """
    return f"subj_{text_digest('subject', subject, resource_id)[:16]}" if subject else ""


def key_digest(idempotency_key: str, resource_id: uuid.UUID) -> str:
    """Return the keyed digest under which an idempotency key is kept: what somebody hides in it is not in the trail."""
    return f"idem_{text_digest('idempotency', idempotency_key, resource_id)[:32]}"


def _is_first(receipt: Receipt, resource_id: uuid.UUID, ends_at: datetime, now: datetime) -> bool:
    """Whether nobody reported under this key before: the unique constraint decides, also between two at once."""
    try:
        use_once("receipt", key_digest(receipt.idempotency_key, resource_id), now=now, life=ends_at - now)
    except UsedAlready:
        return False
    return True


def _number_of_the_first(receipt: Receipt, told: dict[str, object], resource_id: uuid.UUID) -> int:
    first = (
        Event.objects.filter(token_id=receipt.token_id, kind=Kind.RECEIPT_REPORTED, resource_id=resource_id)
        .filter(detail__idempotency_key=told["idempotency_key"])
        .order_by("pk")
        .first()
    )
    if first is None or first.detail != plain(told):
        raise ReceiptRefused(
            "This idempotency key was used for another receipt.", member="idempotency_key", code="key_used_for_another"
        )
    return first.pk
