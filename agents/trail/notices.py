"""Which events others have to hear of, and the note of each: the outbox of shared signals.

The note is written by ``record``, in the same transaction as the change and its event: no change without its note. Who
has to hear of it, and how, is for the floor above (``consent/signals``): a worker there takes the notes. A message to it
is only a nudge, and beat asks again.
"""

from __future__ import annotations

from datetime import datetime

from celery import current_app
from django.db import connection, transaction

from agents.statements import changed_by
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
    }
)
"""None of them is on the way of a token. A test holds them against what ``consent/signals/concerned.py`` knows to tell."""
TASK = "consent.send_signals"
"""By its name, since it belongs to the floor above."""
PATIENCE = {
    "socket_connect_timeout": 0.3,
    "socket_timeout": 0.5,
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "connect_retries_timeout": 0.5,
}
"""How long a nudge waits for Redis, in seconds. Other queues know nothing of these."""
_STATEMENT = "INSERT INTO agents_notice (event_id, at) VALUES (%s, %s)"


def leave(number: int, now: datetime) -> None:
    """Note that this event has to be told. In the transaction that wrote it."""
    changed_by(_STATEMENT, [number, now])
    nudge_when_through()


def nudge_when_through() -> None:
    """Let a worker look once the caller's transaction is through. One nudge is enough for all that it wrote."""
    if not any(entry[1] is _nudge for entry in connection.run_on_commit):
        # robust: a queue that cannot be reached costs the nudge, not the change.
        transaction.on_commit(_nudge, robust=True)


def _nudge() -> None:
    # By its name alone where nobody has loaded the tasks, as in a command. And over a connection of its own: a queue that
    # hangs must not hold up the page on which somebody has just revoked.
    with current_app.connection_for_write(transport_options=PATIENCE) as queue:
        current_app.signature(TASK).apply_async(connection=queue, retry=False)
