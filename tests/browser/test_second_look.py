"""Pages that only exist while something waits: what was changed about an agent in use, and a type of details that ends."""

from __future__ import annotations

import pytest

from agents import registry
from tests import builders
from tests.in_detail import has_type

pytestmark = pytest.mark.browser


def test_a_second_person_looks_at_what_was_changed(somebody, ada, mara, discharge_assistant, discharge_client, now):
    builders.organisation(second_person_activates=True)
    registry.edit(discharge_assistant, name="Discharge Helper", by=builders.actor(ada), now=now)
    looks = somebody(mara).opens(f"/agents/{discharge_assistant.pk}/changes/")
    looks.is_at("What was changed about Discharge Helper").finds_no_fault()
    looks.presses("I have looked at it")
    discharge_assistant.refresh_from_db()
    assert discharge_assistant.changed_since is None


def test_an_administrator_ends_a_type_of_details(somebody, mara, see_appointments):
    has_type(see_appointments, by=mara)
    page = f"/resources/{see_appointments.resource_id}/scopes/{see_appointments.pk}/details/"
    ends = somebody(mara).opens(page).finds_no_fault().follows("End the type…").finds_no_fault()
    ends.fills({"Why?": "Nobody asks for it."}).presses("End the type").sees("as a whole again")
