"""Which events others have to hear of, and the note of each: the outbox of shared signals.

The note is written by ``record``, in the same transaction as the change and its event: no change without its note. Who
has to hear of it, and how, is for the floor above (``consent/signals``): a worker there takes the notes. A message to it
is only a nudge, and beat asks again.
"""

from __future__ import annotations

from datetime import datetime

from agents import nudges
from agents.database.statements import changed_by
from agents.trail.kinds import Kind

SIGNALLED = frozenset(
    {
        Kind.CONSENT_NARROWED,
        Kind.CONSENT_SHORTENED,
        Kind.CONSENT_LESSENED,
        Kind.CONSENT_LIMITED,
        Kind.CONSENT_REVOKED,
        Kind.CONSENT_SUPERSEDED,
        Kind.CONSENT_PAUSED,
        Kind.AGENT_SUSPENDED,
        Kind.AGENT_RETIRED,
        Kind.CLIENT_ENDED,
        Kind.CREDENTIAL_ISSUED,
        Kind.PUBLIC_KEY_ADDED,
        Kind.CREDENTIAL_REVOKED,
        Kind.CREDENTIAL_ENDED,
        Kind.PERSON_DEACTIVATED,
        Kind.RESOURCE_ENDED,
        Kind.SIGNING_KEY_COMPROMISED,
        Kind.TOKEN_REVOKED,
        Kind.REFRESH_REPLAYED,
        Kind.CODE_USED_TWICE,
    }
)
"""None of them issues a token. A test holds them against what ``consent/signals/concerned.py`` knows to tell."""
BY_PROGRAMS = frozenset({Kind.TOKEN_REVOKED, Kind.REFRESH_REPLAYED, Kind.CODE_USED_TWICE})
"""Programs bring these about, as often as they like: beat finds their notes, so that none of them costs a message."""
TASK = "consent.send_signals"
"""By its name, since it belongs to the floor above."""
_STATEMENT = "INSERT INTO agents_notice (event_id, at) VALUES (%s, %s)"


def leave(kind: Kind, number: int, now: datetime) -> None:
    """Note that this event has to be told. In the transaction that wrote it."""
    changed_by(_STATEMENT, [number, now])
    if kind not in BY_PROGRAMS:
        nudge_when_through()


def nudge_when_through() -> None:
    """Let a worker look once the caller's transaction is through."""
    nudges.nudge_when_through(TASK)
