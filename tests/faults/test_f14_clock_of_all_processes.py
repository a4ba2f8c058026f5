"""F14 over real processes: the clock of the whole server jumps an hour ahead, back, and a day back, between two requests."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests

from tests import grants
from tests.grants import REDIRECT, Pkce
from tests.services.shifted_clock import clock_file

pytestmark = [
    pytest.mark.faults,
    pytest.mark.engine,
    pytest.mark.django_db(transaction=True),
    pytest.mark.parametrize("running_mandate", [{"DJANGO_SETTINGS_MODULE": "tests.shifted_settings"}], indirect=True),
]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def server(running_mandate, discharge, records_api):
    yield Server(running_mandate, discharge, records_api)
    clock_file(running_mandate.data_dir).unlink(missing_ok=True)


class Server:
    """The token endpoints of the running Mandate, and its clock."""

    def __init__(self, mandate, client, resource):
        self.mandate, self.client, self.resource = mandate, client, resource

    def jumps(self, by: timedelta) -> None:
        clock_file(self.mandate.data_dir).write_text(str(by.total_seconds()))

    def asks(self, **form):
        auth = (self.client.client.client_id, self.client.key)
        return requests.post(f"{self.mandate.url}/oauth/token", data=form, auth=auth, timeout=30)

    def redeems(self, code, pkce):
        form = {"code": code, "code_verifier": pkce.verifier, "redirect_uri": REDIRECT}
        return self.asks(grant_type="authorization_code", **form)

    def refreshes(self, token):
        return self.asks(grant_type="refresh_token", refresh_token=token)

    def says_of(self, token):
        auth = (self.resource.resource.identifier, self.resource.key)
        answer = requests.post(f"{self.mandate.url}/oauth/introspect", data={"token": token}, auth=auth, timeout=30)
        return answer.json().get("active", False) if answer.status_code == 200 else answer.status_code


def test_f14_an_hour_ahead_and_back_revives_nothing(server, weber_allows):
    pkce = Pkce()
    used, unused, later = (grants.code(weber_allows, pkce) for _ in range(3))
    first = server.redeems(used, pkce).json()
    assert server.says_of(first["access_token"]) is True
    server.jumps(HOUR)
    assert server.says_of(first["access_token"]) is False
    assert server.redeems(unused, pkce).json()["error"] == "invalid_grant"
    second = server.refreshes(first["refresh_token"]).json()
    assert server.says_of(second["access_token"]) is True
    server.jumps(timedelta(0))
    assert server.redeems(used, pkce).json()["error"] == "invalid_grant"  # and what it got is dead now
    assert server.refreshes(first["refresh_token"]).json()["error"] == "invalid_grant"
    for token in (first, second):
        assert server.says_of(token["access_token"]) is False
        assert server.refreshes(token["refresh_token"]).json()["error"] == "invalid_grant"
    assert server.redeems(later, pkce).status_code == 200  # nothing hangs after the clock


def test_f14_a_day_back_nothing_counts_that_had_ended_and_all_is_good_again_afterwards(server, weber_allows):
    pkce = Pkce()
    code = grants.code(weber_allows, pkce)
    pair = server.redeems(code, pkce).json()
    assert server.redeems(code, pkce).json()["error"] == "invalid_grant"  # ends what the first use got
    server.jumps(-DAY)
    assert server.says_of(pair["access_token"]) in {False, 401}  # a day ago the resource had no key
    assert server.refreshes(pair["refresh_token"]).status_code in {400, 401}
    assert requests.get(f"{server.mandate.url}/healthz", timeout=30).status_code == 200
    server.jumps(timedelta(0))
    assert server.says_of(pair["access_token"]) is False
    again = grants.code(weber_allows, pkce)
    assert server.says_of(server.redeems(again, pkce).json()["access_token"]) is True
