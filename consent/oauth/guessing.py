"""Guessing secrets (RFC 6749 §2.3.1, §10.10): after 30 wrong ones for a client from one address, that address waits.

Only the address that guesses is held up: from elsewhere the right secret goes on working, so nobody can lock a client
out. The count stands in the database; what a process remembers only saves the look-up for everybody who does not guess.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from threading import Lock

from agents.actors import RequestFacts
from agents.trail.kinds import Kind
from agents.trail.refusals import refused_this_minute, source_of
from consent.oauth.errors import OAuthRefusal

MOST_WRONG = 30
MOST_REMEMBERED = 10_000

_lock = Lock()
_guessing: dict[tuple[str, str], tuple[datetime, uuid.UUID | None]] = {}


def is_anybody_guessing() -> bool:
    """Whether this process has seen a wrong guess. If not, nobody's name has to be read for ``check_not_guessing``."""
    return bool(_guessing)


def check_not_guessing(kind: Kind, named: str, facts: RequestFacts) -> None:
    """Raise OAuthRefusal 429 where this address has had its wrong guesses of this minute for the client it names.

    Asks the database only where this process saw a wrong guess within the minute.
    """
    seen = _guessing.get((source_of(facts.address), named))
    if seen is None or seen[0] != _minute(facts.now):
        return
    wrong = refused_this_minute(
        kind, reason_code="invalid_client", client_id=seen[1], address=facts.address, now=facts.now
    )
    if wrong >= MOST_WRONG:
        raise OAuthRefusal(
            "invalid_client",
            "Too many wrong secrets from this address. Wait a minute.",
            status=429,
            client_id=seen[1],
            retry_after=60 - facts.now.second,
        )


def note_wrong_guess(refusal: OAuthRefusal, named: str, facts: RequestFacts) -> None:
    """Remember that this address guessed wrong for the client it named."""
    with _lock:
        if len(_guessing) > MOST_REMEMBERED:
            _guessing.clear()
        _guessing[source_of(facts.address), named] = _minute(facts.now), refusal.client_id


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
