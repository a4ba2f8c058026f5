"""The only writer of the trail: one event, in the same transaction as the change that it records."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection

from agents.actors import Actor, ActorKind
from agents.trail.kinds import Kind
from agents.trail.models import Event, EventText, Outcome

LONGEST_SCOPES = 1000
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
    return hmac.new(_trail_key(), material, hashlib.sha256).hexdigest()


def plain(value: Any) -> Any:
    """Turn a detail value into JSON: dates in ISO 8601, sets sorted, ids as text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
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
            "scopes": " ".join(scopes)[:LONGEST_SCOPES],
            "data_class": data_class,
            "purpose_digest": purpose_digest or kept("purpose", purpose, consent_id or person),
            "reason_digest": kept("reason", reason, person),
            "address_digest": kept("address", by.address, person or by.id),
            "request_id": by.request_id,
            "detail": json.dumps(plain(detail), separators=(",", ":")) if detail else "{}",
        },
        texts,
    )


@lru_cache(maxsize=4)
def _statements(vendor: str) -> tuple[str, str]:
    """Return the two INSERT statements for this engine: texts, event."""
    quote = connection.ops.quote_name
    text_table, event_table = quote(EventText._meta.db_table), quote(Event._meta.db_table)
    texts = (
        f"INSERT INTO {text_table} (digest, kind, text, subject_id) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (digest) DO NOTHING"
    )
    names = ", ".join(quote(name) for name in EVENT_COLUMNS)
    marks = ", ".join(["%s"] * len(EVENT_COLUMNS))
    if vendor == "postgresql":
        names += ", transaction_id"
        marks += ", pg_current_xact_id()::text::bigint"
    else:
        names += ", transaction_id"
        marks += ", 0"
    return texts, f"INSERT INTO {event_table} ({names}) VALUES ({marks}) RETURNING id"


EVENT_COLUMNS = (
    "at", "kind", "outcome", "reason_code", "actor_kind", "actor_id", "user_id", "agent_id", "client_id",
    "credential_id", "consent_id", "token_id", "resource_id", "scopes", "data_class", "purpose_digest",
    "reason_digest", "address_digest", "request_id", "detail",
)  # fmt: skip


def adapt(value: Any) -> Any:
    """Turn a value into what the engine's driver takes: SQLite keeps ids as 32 hexadecimal digits."""
    if connection.vendor == "sqlite":
        if isinstance(value, uuid.UUID):
            return value.hex
        if isinstance(value, datetime):
            return connection.ops.adapt_datetimefield_value(value)
    return value


def write(facts: EventFacts) -> int:
    """Write one event and the texts it names. Returns its number. Raises NoTransaction outside a transaction."""
    if not connection.in_atomic_block:
        raise NoTransaction(facts.columns["kind"])
    texts_sql, event_sql = _statements(connection.vendor)
    with connection.cursor() as cursor:
        for text in facts.texts:
            cursor.execute(texts_sql, [adapt(value) for value in text])
        cursor.execute(event_sql, [adapt(facts.columns[name]) for name in EVENT_COLUMNS])
        return int(cursor.fetchone()[0])


def record(kind: Kind, /, *, by: Actor, now: datetime, **facts: Any) -> int:
    """Write one event in the caller's transaction and return its number. Takes what ``event_facts`` takes."""
    return write(event_facts(kind, by=by, now=now, **facts))


def heaviest(data_classes: Iterable[str]) -> str:
    """Return the most sensitive of these data classes, or an empty string for none."""
    top = max(data_classes, key=lambda data_class: _SEVERITY.get(data_class, 0), default="")
    return "" if top == "none" else top


def text_of(digests: Iterable[str]) -> dict[str, str]:
    """Return the texts that still exist for these digests."""
    wanted = {digest for digest in digests if digest}
    if not wanted:
        return {}
    return dict(EventText.objects.filter(pk__in=wanted).values_list("digest", "text"))


__all__ = ["EventFacts", "NoTransaction", "event_facts", "heaviest", "record", "text_digest", "text_of", "write"]
