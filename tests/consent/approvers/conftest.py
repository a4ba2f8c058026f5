"""The rule that somebody besides the person must agree."""

from __future__ import annotations

import pytest

from agents.models import User
from tests.ruling import rule


@pytest.fixture
def needs_administrator(mara: User) -> None:
    rule("personal", approver_role="administrator", by=mara)
