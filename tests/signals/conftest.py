"""Receivers at ports of this machine, which the test switch lets Mandate call."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agents.models import Notice
from tests.receiving import Receiver


@pytest.fixture
def receiver(settings: object) -> Iterator[Receiver]:
    settings.LOCAL_CALLS = True  # type: ignore[attr-defined]
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture
def another(settings: object) -> Iterator[Receiver]:
    settings.LOCAL_CALLS = True  # type: ignore[attr-defined]
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture
def nothing_noted(discharge_key: object, weber_allows: object, records_api: object, directory_api: object) -> None:
    """The cast is ready, and what was noted while it was made is forgotten."""
    Notice.objects.all().delete()
