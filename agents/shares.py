"""Shares: how often somebody may do what costs us something, counted in the cache that all processes have in common.

A limit and nothing more: what may happen once only stands in the database. Two at the same moment may count as one.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.core.cache import cache


def takes_one(what: str, who: object, *, most: int, within: timedelta, now: datetime) -> bool:
    """Count one more of their share, or return False where it is used up. within: a window that begins for all alike."""
    key = _key(what, who, within, now)
    so_far = int(cache.get(key, 0))
    if so_far >= most:
        return False
    cache.set(key, so_far + 1, within.total_seconds())
    return True


def has_left(what: str, who: object, *, most: int, within: timedelta, now: datetime) -> bool:
    """Whether anything of their share is left. Counts nothing."""
    return int(cache.get(_key(what, who, within, now), 0)) < most


def _key(what: str, who: object, within: timedelta, now: datetime) -> str:
    window = int(now.timestamp() // within.total_seconds())
    return "share:" + hashlib.sha256(f"{what}\0{who}\0{window}".encode()).hexdigest()
