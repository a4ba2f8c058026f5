"""A token that is out under what Weber allowed."""

from __future__ import annotations

from typing import Any

import pytest

from consent.models import Consent
from tests import grants
from tests.grants import TokenClient


@pytest.fixture
def pair(discharge: TokenClient, weber_allows: Consent, pkce: Any) -> dict[str, str]:
    """Access and refresh token of the assistant for Weber."""
    return dict(discharge.redeem(grants.code(weber_allows, pkce), pkce).json())
