"""Trying something and undoing it, so that many tries can begin with the same tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction


@contextmanager
def undone() -> Iterator[None]:
    """Whatever is changed inside is as it was afterwards. Refusals may commit in a block of their own, as outside of tests."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # what Django's own test cases set for this
    with block:
        yield
        transaction.set_rollback(True)
