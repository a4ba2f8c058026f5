"""What somebody agreed to, before it changes."""

from __future__ import annotations

import pytest

from agents.models import Client, Scope, User
from consent.models import Consent
from tests.consent.asking import allows


@pytest.fixture
def consent(weber: User, discharge_client: Client, see_appointments: Scope, look_up_staff: Scope) -> Consent:
    """Weber allowed two things on the screen."""
    return allows(weber, discharge_client, [see_appointments, look_up_staff], scope="calendar:read staff:read")
