"""Many at once: one person's approvals of one program make one agent, whichever installations they come from."""

from __future__ import annotations

import pytest
from django.db import OperationalError

from agents.models import Agent, Ownership
from consent.models import Consent
from tests import builders
from tests.consent.asking import DECIDE
from tests.forms import form_of
from tests.programs import registered, request_of
from tests.services.parallel import at_once

pytestmark = [pytest.mark.engine, pytest.mark.django_db(transaction=True)]
INSTALLATIONS, TIMES = 5, 10


def test_fifty_approvals_at_once_make_one_agent(organisation, weber, directory, look_up_staff):
    asks = {"resource": directory.uri, "scope": "staff:read"}
    forms = []
    for number in range(INSTALLATIONS):
        uri = f"http://127.0.0.1:{5_000 + number}/callback"
        client = registered(redirect_uris=[uri])
        for _ in range(TIMES):
            browser = builders.browser(weber)
            page = browser.get("/oauth/authorize", request_of(client.client_id, redirect_uri=uri, **asks))
            forms.append((browser, {**form_of(page), "decision": ["allow"]}))
    outcome = at_once(len(forms), lambda number: forms[number][0].post(DECIDE, forms[number][1]))
    assert outcome.raised_only(
        OperationalError
    )  # on PostgreSQL, who waited too long for the others is told to come again
    assert {answer.status_code for answer in outcome.returned} <= {303, 409}
    assert [answer for answer in outcome.returned if answer.status_code == 303]
    agent = Agent.objects.get()
    assert agent.personal_of == weber
    assert Ownership.objects.live_owners().get().user == weber
    assert Consent.objects.standing().count() <= INSTALLATIONS
    assert set(Consent.objects.values_list("agent", flat=True)) == {agent.pk}
