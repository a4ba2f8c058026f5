"""Many assertions at once: whoever is named for the first time is linked once, and everybody gets their token."""

from __future__ import annotations

import pytest

from agents.models import LinkedPerson
from agents.trail.kinds import Kind
from consent.models import Consent
from tests import builders
from tests.services.parallel import at_once
from tests.vouching import Idp, brings

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.engine]
MANY = 6


def test_a_person_who_is_named_for_the_first_time_by_many_at_once_is_linked_once(
    discharge, discharge_client, weber, mara, see_appointments, look_up_staff
):
    """An agent asks for tokens for two resources side by side as soon as somebody signs in."""
    idp = Idp()
    idp.trusted([discharge_client], [see_appointments, look_up_staff], by=mara)
    assertions = [idp.asserts(discharge_client, weber, scope="staff:read") for _ in range(MANY)]
    outcome = at_once(MANY, lambda number: brings(discharge, assertions[number]))
    assert outcome.raised == []
    assert [answer.status_code for answer in outcome.returned] == [200] * MANY
    assert LinkedPerson.objects.live().count() == 1
    assert Consent.objects.count() == 1
    assert len(builders.events(Kind.PERSON_LINKED)) == 1
