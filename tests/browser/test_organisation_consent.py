"""An agent that acts for the organisation: allowed by one administrator, confirmed by another once the first has left."""

from __future__ import annotations

import pytest

from agents import people
from agents.models import Role
from consent.models import Consent
from tests import builders

pytestmark = pytest.mark.browser


def test_an_administrator_allows_it_and_another_answers_for_it_later(somebody, mara, claims_client, now):
    nora = builders.person("Nora Lind", Role.ADMINISTRATOR)
    allows = somebody(mara).opens(f"/agents/{claims_client.agent_id}/consents/").follows("See what it asks for")
    allows.is_at("Claims Filer asks to act for St. Anna").finds_no_fault().presses("Allow")
    given = Consent.objects.get(client=claims_client)
    assert (given.user, given.approved_by) == (None, mara)
    people.deactivate(mara, reason="She left the clinic.", by=builders.actor(nora), now=now)
    confirms = somebody(nora).opens(f"/consents/{given.pk}/").finds_no_fault().follows("Confirm…")
    confirms.is_at("Confirm what Claims Filer may do for St. Anna?").finds_no_fault()
    confirms.fills({"Why?": "I looked at it."}).presses("Confirm").sees("You answer for it now")
