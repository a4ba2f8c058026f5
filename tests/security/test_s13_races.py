"""S13: of fifty at once one wins, over two web processes. Each other thing that counts once has its race where it is told:

codes and refresh tokens in threads, and revoking meanwhile: ``tests/oauth/test_races.py``; decisions on the consent
screen: ``tests/consent/test_decision.py``; reset links: ``tests/console/test_passwords.py``; set-up links and
invitations: ``tests/agents/test_links.py``. Here: real HTTP, where nothing in the memory of one process can help.
"""

from __future__ import annotations

import pytest
import requests
from django.db.models import Count

from agents.models import AuthMethod
from consent.models import AccessToken, RefreshToken
from tests import builders, grants
from tests.grants import REDIRECT
from tests.services.parallel import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.engine]
MANY = 50


@pytest.fixture
def fifty(running_mandate):
    """Send the same token request fifty times at the same moment."""

    def send(form, auth=None):
        def one(_number):
            return requests.post(f"{running_mandate.url}/oauth/token", data=form, auth=auth, timeout=60)

        outcome = at_once(MANY, one)
        assert not outcome.raised, outcome.raised[:3]
        return outcome.returned

    return send


def test_s13_once_is_once_over_two_processes(
    fifty, running_mandate, discharge, discharge_assistant, weber, read_records, pkce
):
    public = builders.client(discharge_assistant, "local tool", auth_method=AuthMethod.NONE)
    given = grants.consent(public, scopes=[read_records], user=weber)
    named = {"client_id": public.client_id}
    form = {"grant_type": "authorization_code", "code_verifier": pkce.verifier, "redirect_uri": REDIRECT} | named
    answers = fifty(form | {"code": grants.code(given, pkce)})
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * (MANY - 1)
    assert {answer.json()["error"] for answer in answers if answer.status_code == 400} == {"invalid_grant"}
    assert AccessToken.objects.count() == 1

    live = requests.post(
        f"{running_mandate.url}/oauth/token", data=form | {"code": grants.code(given, pkce)}, timeout=60
    )
    refresh = {"grant_type": "refresh_token", "refresh_token": live.json()["refresh_token"]} | named
    answers = fifty(refresh)
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * (MANY - 1)
    won = next(answer.json() for answer in answers if answer.status_code == 200)
    assert won["access_token"]
    assert won["refresh_token"]
    alive = RefreshToken.objects.filter(used_at=None, replaced_at=None).values("family").annotate(n=Count("pk"))
    assert all(row["n"] == 1 for row in alive)
    assert "Traceback" not in running_mandate.log()
