"""Moments that a row holds in their order, whatever the clocks of two requests say."""

from __future__ import annotations

from datetime import datetime

from django.db.models import DateTimeField, F, Value
from django.db.models.functions import Greatest


def not_before(column: str, now: datetime) -> Greatest:
    """Return now, or what stands in that column if it is later: an end for ``update`` that never lies before the start.

    A request that waited for a lock carries an earlier time than the one that held it and made the row, and another
    process may have a clock that is behind. The constraint on the two would turn either into an error.
    """
    return Greatest(F(column), Value(now, output_field=DateTimeField()))
