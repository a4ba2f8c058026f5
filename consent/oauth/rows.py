"""Reading plain SQL rows on both engines: SQLite keeps ids as text and times without a zone."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.dateparse import parse_datetime


def as_id(value: Any) -> uuid.UUID | None:
    """Return an id column as a UUID."""
    if value is None or isinstance(value, uuid.UUID):
        return value
    return uuid.UUID(value)


def known_id(value: Any) -> uuid.UUID:
    """Return an id column that is never empty."""
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)


def as_time(value: Any) -> datetime | None:
    """Return a time column in UTC."""
    if value is None:
        return None
    moment = parse_datetime(value) if isinstance(value, str) else value
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def as_moment(value: Any) -> datetime:
    """Return a time column that is never empty, in UTC."""
    moment = as_time(value)
    if moment is None:
        raise ValueError("a time that is never empty is empty")
    return moment


def as_list(value: Any) -> list[Any]:
    """Return a JSON column."""
    return json.loads(value) if isinstance(value, str) else list(value or [])


def as_facts(value: Any) -> dict[str, Any]:
    """Return a JSON column that holds an object. Most are empty, which costs no parsing."""
    if not value or value == "{}":
        return {}
    return json.loads(value) if isinstance(value, str) else dict(value)


def as_delta(value: Any) -> timedelta:
    """Return a duration column. SQLite keeps microseconds."""
    return value if isinstance(value, timedelta) else timedelta(microseconds=value)
