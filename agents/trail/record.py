"""The only writer of the trail: one event, in the same transaction as the change that it records."""

from __future__ import annotations

import hmac
import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from agents.actors import Actor, ActorKind
from agents.database.statements import changed_by, on_postgresql, rows_of, turn_to_write
from agents.own_reasons import in_words
from agents.trail.kinds import Kind
from agents.trail.models import EventText, Outcome
from agents.trail.notices import SIGNALLED, leave

LONGEST_SCOPES = 1000
_compact = json.JSONEncoder(separators=(",", ":")).encode
_SEVERITY = {"": 0, "none": 0, "personal": 1, "financial": 2, "health": 3}


class NoTransaction(RuntimeError):
    """``record`` was called outside a transaction: the event could outlive a change that failed."""


@dataclass(frozen=True, slots=True)
class EventFacts:
    """The columns of one event, ready to be written. ``texts`` are the erasable rows it names."""

    columns: dict[str, Any]
    texts: list[tuple[str, str, str, uuid.UUID | None]] = field(default_factory=list)


@lru_cache(maxsize=1)
def _trail_key() -> bytes:
    return settings.TRAIL_KEY.encode()


def text_digest(kind: str, text: str, subject_id: uuid.UUID | None) -> str:
    """Return the keyed digest by which events name a text (HMAC-SHA-256, hexadecimal).

    The subject is part of it, so that erasing one person's text never takes the same words from another.
    """
    if not text:
        return ""
    material = f"{kind}\0{subject_id.hex if subject_id else ''}\0{text}".encode("utf-8", "replace")
    return hmac.digest(_trail_key(), material, "sha256").hex()


def storable(text: str) -> str:
    """Return the text as both engines can keep it: a NUL and half of a surrogate pair become a stand-in.

    A client can send either (in JSON, or percent-encoded), and its refusal must be an event all the same.
    """
    if text.isascii():
        return text.replace("\0", "\ufffd") if "\0" in text else text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def plain(value: Any) -> Any:
    """Turn a detail value into JSON: dates in ISO 8601, sets sorted, ids as text."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {storable(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def event_facts(
    kind: Kind,
    /,
    *,
    by: Actor,
    now: datetime,
    outcome: Outcome = Outcome.ALLOWED,
    reason_code: str = "",
    reason: str = "",
    purpose: str = "",
    purpose_digest: str = "",
    user_id: uuid.UUID | None = None,
    agent_id: uuid.UUID | None = None,
    client_id: uuid.UUID | None = None,
    credential_id: uuid.UUID | None = None,
    consent_id: uuid.UUID | None = None,
    token_id: uuid.UUID | None = None,
    resource_id: uuid.UUID | None = None,
    scopes: Iterable[str] = (),
    data_class: str = "",
    **detail: Any,
) -> EventFacts:
    """Check and digest what one event says. Raises ValueError for a detail field that the kind does not declare.

    purpose: the agent's own sentence, kept beside the trail for the consent (or the person) it belongs to.
    purpose_digest: its digest where the text is already there, so that a token needs no second look at it.
    """
    undeclared = detail.keys() - kind.facts.fields
    if undeclared:
        raise ValueError(f"{kind} does not declare {sorted(undeclared)}")
    texts: list[tuple[str, str, str, uuid.UUID | None]] = []

    def kept(text_kind: str, text: str, subject: uuid.UUID | None) -> str:
        text = storable(text)
        digest = text_digest(text_kind, text, subject)
        if digest:
            texts.append((digest, text_kind, text, subject))
        return digest

    person = by.id if by.kind == ActorKind.USER else user_id
    return EventFacts(
        {
            "at": now,
            "kind": kind.value,
            "outcome": outcome.value,
            "reason_code": reason_code[:60],
            "actor_kind": by.kind.value,
            "actor_id": by.id,
            "user_id": user_id,
            "agent_id": agent_id,
            "client_id": client_id,
            "credential_id": credential_id,
            "consent_id": consent_id,
            "token_id": token_id,
            "resource_id": resource_id,
            "scopes": storable(" ".join(scopes)[:LONGEST_SCOPES]),
            "data_class": data_class,
            "purpose_digest": purpose_digest or kept("purpose", purpose, consent_id or person),
            "reason_digest": kept("reason", reason, person),
            "address_digest": kept("address", by.address, person or by.id),
            "request_id": by.request_id,
            "detail": _compact(plain(detail)) if detail else "{}",
        },
        texts,
    )


EVENT_COLUMNS = (
    "at", "kind", "outcome", "reason_code", "actor_kind", "actor_id", "user_id", "agent_id", "client_id",
    "credential_id", "consent_id", "token_id", "resource_id", "scopes", "data_class", "purpose_digest",
    "reason_digest", "address_digest", "request_id", "detail",
)  # fmt: skip
TEXT_STATEMENT = (
    "INSERT INTO agents_eventtext (digest, kind, text, subject_id) VALUES (%s, %s, %s, %s) "
    "ON CONFLICT (digest) DO NOTHING"
)


@lru_cache(maxsize=1)
def _event_statement() -> str:
    """Return the INSERT of one event. On PostgreSQL it notes the transaction in which it is written."""
    names = ", ".join(f'"{name}"' for name in (*EVENT_COLUMNS, "transaction_id"))
    marks = ", ".join(["%s"] * len(EVENT_COLUMNS))
    transaction_id = "pg_current_xact_id()::text::bigint" if on_postgresql() else "0"
    return f"INSERT INTO agents_event ({names}) VALUES ({marks}, {transaction_id}) RETURNING id"  # noqa: S608 - names of our own


KEPT_LATELY = timedelta(minutes=1)
MOST_REMEMBERED = 10_000

# Addresses that this process saw committed within the minute: a machine's comes with each of its tokens, and to insert
# it again each time would be a statement for nothing. Another process, or a forgetful one, inserts it once more.
_kept_lately: dict[str, datetime] = {}


def _not_kept_yet(facts: EventFacts) -> list[tuple[str, str, str, uuid.UUID | None]]:
    """Return the texts that have to be inserted: all but addresses that were kept lately."""
    return [text for text in facts.texts if text[1] != "address" or not _was_kept(text[0], facts.columns["at"])]


def _note_kept(texts: list[tuple[str, str, str, uuid.UUID | None]], now: datetime) -> None:
    """Remember the addresses among inserted texts, once that is committed."""
    addresses = [digest for digest, kind, _, _ in texts if kind == "address"]
    if addresses:
        transaction.on_commit(partial(_remember, addresses, now))


def _was_kept(digest: str, now: datetime) -> bool:
    before = _kept_lately.get(digest)
    return before is not None and abs(now - before) < KEPT_LATELY


def _remember(digests: list[str], now: datetime) -> None:
    if len(_kept_lately) > MOST_REMEMBERED:
        _kept_lately.clear()
    _kept_lately.update(dict.fromkeys(digests, now))


def forget_addresses() -> None:
    """Insert addresses again: after texts were erased, and between tests."""
    _kept_lately.clear()


def write(facts: EventFacts) -> int:
    """Write one event and the texts it names. Returns its number. Raises NoTransaction outside a transaction."""
    if not connection.in_atomic_block:
        raise NoTransaction(facts.columns["kind"])
    texts = _not_kept_yet(facts)
    for text in texts:
        changed_by(TEXT_STATEMENT, text)
    number = int(rows_of(_event_statement(), [facts.columns[name] for name in EVENT_COLUMNS])[0][0])
    _note_kept(texts, facts.columns["at"])
    return number


@lru_cache(maxsize=32)
def _joined(statement: str, texts: int) -> str:
    """Return one PostgreSQL statement that makes a change, keeps the texts and writes the event."""
    parts = [f"change AS ({statement})", *(f"text_{number} AS ({TEXT_STATEMENT})" for number in range(texts))]
    return f"WITH {', '.join(parts)} {_event_statement()}"


def write_with(statement: str, parameters: list[Any], facts: EventFacts) -> None:
    """Make one change and write its event, both or neither, in as few round trips as the engine allows.

    For the token path, where ORM compilation is what costs. statement: one INSERT or UPDATE with ``%s`` marks.
    """
    if on_postgresql():
        texts = _not_kept_yet(facts)
        values = list(parameters)
        for text in texts:
            values.extend(text)
        values.extend(facts.columns[name] for name in EVENT_COLUMNS)
        rows_of(_joined(statement, len(texts)), values)
        _note_kept(texts, facts.columns["at"])
        return
    with turn_to_write(), transaction.atomic():
        changed_by(statement, parameters)
        write(facts)


def record(kind: Kind, /, *, by: Actor, now: datetime, **facts: Any) -> int:
    """Write one event in the caller's transaction and return its number. Takes what ``event_facts`` takes.

    With the note that receivers of signals have to hear of it, where they do (``agents/trail/notices.py``).
    """
    number = write(event_facts(kind, by=by, now=now, **facts))
    if kind in SIGNALLED:
        leave(kind, number, now)
    return number


def heaviest(data_classes: Iterable[str]) -> str:
    """Return the most sensitive of these data classes, or an empty string for none."""
    top = max(data_classes, key=lambda data_class: _SEVERITY.get(data_class, 0), default="")
    return "" if top == "none" else top


def text_of(digests: Iterable[str]) -> dict[str, str]:
    """Return the texts that still exist for these digests. What Mandate wrote itself is in the reader's language."""
    wanted = {digest for digest in digests if digest}
    if not wanted:
        return {}
    return {
        digest: in_words(text) for digest, text in EventText.objects.filter(pk__in=wanted).values_list("digest", "text")
    }
