"""What an answer to a pushed signal means (RFC 8935 §2.2 to §2.4): taken, to be tried again, or never to be read.

Only ``invalid_request`` is about the one signal: its receiver cannot read it, and would not the second time either. Every
other error (a key, an issuer or an audience it does not know, no access, a server that is down) is about the receiver's
set-up and can be mended there, so the signal waits, and the ones behind it with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from agents.outgoing import Answer

LONGEST_RETRY_AFTER = timedelta(hours=6)
CODES = frozenset(
    {"invalid_request", "invalid_key", "invalid_issuer", "invalid_audience", "authentication_failed", "access_denied"}
)
"""RFC 8935 §2.4. Other words of a receiver are not kept: nobody here vouches for them."""


class Meaning(StrEnum):
    TAKEN = "taken"
    LATER = "later"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to do now. error: one word for pages, empty where it was taken. wait: how long the receiver asked for."""

    meaning: Meaning
    error: str = ""
    wait: timedelta | None = None


def read(answer: Answer, *, now: datetime) -> Outcome:
    """Return what this answer means."""
    if 200 <= answer.status < 300:
        return Outcome(Meaning.TAKEN)
    error = _code(answer) if answer.status == 400 else ""
    if error == "invalid_request":
        return Outcome(Meaning.UNREADABLE, error)
    return Outcome(Meaning.LATER, error or f"status_{answer.status}", _wait(answer.retry_after, now))


def _code(answer: Answer) -> str:
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    code = said.get("err") if isinstance(said, dict) else None
    return code if isinstance(code, str) and code in CODES else ""


def _wait(retry_after: str, now: datetime) -> timedelta | None:
    """``Retry-After`` in seconds or as a date (RFC 9110 §10.2.3), up to ``LONGEST_RETRY_AFTER``."""
    if not retry_after:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        wait = timedelta(seconds=min(int(retry_after[:9]), int(LONGEST_RETRY_AFTER.total_seconds())))
    else:
        try:
            moment = parsedate_to_datetime(retry_after)
        except (ValueError, OverflowError):  # the second for a day or a zone of many digits
            return None
        wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    return min(max(wait, timedelta(0)), LONGEST_RETRY_AFTER)
