"""Keys that clients and trusted issuers publish at their ``jwks_uri``: fetched outside transactions, one fetch at a time, good for ten minutes.

What was fetched stands in the database, so that all processes share it. After five minutes, or for a key that is not
among them, whoever asks fetches them again; while that goes wrong the last ones count until they are ten minutes old,
and never longer. Only one asks a slow host: everybody else goes on with what there is, or is refused at once.
Anybody can register programs with an address of their own: of those, a process fetches for one at a time, and few in vain.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import BoundedSemaphore
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q

from agents.models import FetchedKeys, IssuerKeys
from agents.models.client import Fetched
from agents.outgoing import BadAddress, NotReached, get
from agents.public_keys import BadKey, keys_in_set
from agents.shares import has_left, takes_one

GOOD_FOR = timedelta(minutes=10)
OLD_AFTER = timedelta(minutes=5)
AGAIN_AFTER = timedelta(seconds=30)
"""How long after one try the next may follow, while there are keys that count."""
TRYING = timedelta(seconds=5)
"""The same while there are none."""
WITHIN, WITHIN_FOR_STRANGERS = 3.0, 2.0
"""Seconds for one fetch."""
LARGEST = 64_000
MOST_WAITERS = 2
"""Requests of one process that wait for a fetch that another makes. More would take the threads of everybody else."""
WAIT_STEP, WAIT_STEPS = 0.1, 10
_waiters = BoundedSemaphore(MOST_WAITERS)
STRANGERS_AT_ONCE = 1
"""Fetches of one process for programs that no agent of the organisation stands behind. With many of them, each at a host
that takes its time, they would hold the threads of everybody else without proving anything."""
IN_VAIN: dict[str, Any] = {"most": 3, "within": timedelta(minutes=1)}
"""Of their fetches, in all processes together, so many may come to nothing: a process with SQLite has one thread."""
_strangers = BoundedSemaphore(STRANGERS_AT_ONCE)
log = structlog.get_logger(__name__)

Jwks = list[dict[str, str]]
Table = type[FetchedKeys] | type[IssuerKeys]
"""Where keys are kept by whose they are."""


class KeysNotReached(Exception):
    """The keys could not be read, and none that still count are known."""


def published_keys(
    holder: uuid.UUID,
    uri: str,
    *,
    now: datetime,
    missing: bool = False,
    stranger: bool = False,
    table: Table = FetchedKeys,
) -> Jwks:
    """Return the usable public keys at the holder's address. missing: a key was asked for that is not among the known.

    holder: the client, or whose keys the table keeps. stranger: whether it belongs to no agent of the organisation.
    Raises KeysNotReached. Never call it inside a transaction.
    """
    kept = _kept(table, holder, uri)
    good = kept is not None and _is_good(kept, now)
    if kept is not None and good and not missing and kept.fetched_at is not None and kept.fetched_at > now - OLD_AFTER:
        return list(kept.keys)
    with _turn(stranger, now) as has_turn:
        if has_turn and _claims(table, holder, uri, now, AGAIN_AFTER if good else TRYING):
            try:
                keys = _fetch(uri, within=WITHIN_FOR_STRANGERS if stranger else WITHIN)
            except (BadAddress, NotReached, BadKey) as problem:
                log.warning("jwks_not_reached", holder=str(holder), problem=type(problem).__name__)
                if stranger:
                    takes_one("keys of strangers", "all", now=now, **IN_VAIN)
                if kept is not None and good:
                    return list(kept.keys)
                raise KeysNotReached from problem
            table.objects.filter(pk=holder).update(keys=keys, fetched_at=now, uri=uri)
            return keys
    if kept is not None and good:
        return list(kept.keys)
    if not has_turn:
        raise KeysNotReached
    return _wait(table, holder, uri, now)


@contextmanager
def _turn(stranger: bool, now: datetime) -> Iterator[bool]:
    """Give whether this request may fetch now. Nobody waits for it: a stranger comes again."""
    has_turn = not stranger or (
        has_left("keys of strangers", "all", now=now, **IN_VAIN) and _strangers.acquire(blocking=False)
    )
    try:
        yield has_turn
    finally:
        if stranger and has_turn:
            _strangers.release()


def _kept(table: Table, holder: uuid.UUID, uri: str) -> Fetched | None:
    return table.objects.filter(pk=holder, uri=uri).first()


def _is_good(kept: Fetched, now: datetime) -> bool:
    return kept.fetched_at is not None and kept.fetched_at > now - GOOD_FOR


def _claims(table: Table, holder: uuid.UUID, uri: str, now: datetime, pause: timedelta) -> bool:
    """Whether this request is the one that fetches. One statement decides."""
    due = Q(tried_at__lte=now - pause) | Q(tried_at__gt=now + pause)  # a clock that was set back
    if table.objects.filter(due, pk=holder).update(tried_at=now) == 1:
        return True
    if table.objects.filter(pk=holder).exists():
        return False
    try:
        with transaction.atomic():
            table.objects.create(pk=holder, uri=uri, tried_at=now)
    except IntegrityError:  # somebody was faster
        return False
    return True


def _fetch(uri: str, *, within: float) -> Jwks:
    try:
        document: Any = json.loads(get(uri, within=within, most=LARGEST))
    except (ValueError, RecursionError) as problem:
        if isinstance(problem, BadAddress):
            raise
        raise BadKey("It is no JSON.") from problem
    if isinstance(document, dict) and "keys" not in document and "jwks" in document:
        document = document["jwks"]  # a client's own document, which holds them beside what else it says (CIMD)
    return [key.jwk for key in keys_in_set(document)]


def _wait(table: Table, holder: uuid.UUID, uri: str, now: datetime) -> Jwks:
    """Wait a moment for the fetch of another request."""
    if _waiters.acquire(blocking=False):
        try:
            for _ in range(WAIT_STEPS):
                time.sleep(WAIT_STEP)
                kept = _kept(table, holder, uri)
                if kept is not None and _is_good(kept, now):
                    return list(kept.keys)
        finally:
            _waiters.release()
    raise KeysNotReached
