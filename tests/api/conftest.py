"""What the tests of receipts begin with: a token that a resource may report on, and a receipt that follows the rules."""

from __future__ import annotations

import pytest

from tests import grants


@pytest.fixture
def issued(discharge, weber_allows, pkce, records_api):
    """What Mandate says of a token that the assistant got for Weber, at Patient records."""
    token = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()["access_token"]
    return records_api.introspects(token)


@pytest.fixture
def said(issued):
    """A receipt that follows every rule."""
    return {
        "token": issued["jti"],
        "operation": "read",
        "records": [{"type": "patient-file", "count": 3, "subject": "p-8f1c"}],
        "idempotency_key": "first",
    }
