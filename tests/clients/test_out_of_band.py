"""CIBA and device codes by a client library that nobody here wrote (Authlib), over real HTTP to a running Mandate.

The library knows neither specification by name; it sends what a program would send by it. The person answers in a browser.
"""

from __future__ import annotations

from typing import Any

import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from agents.models import User
from tests import builders
from tests.grants import ResourceServer, TokenClient
from tests.out_of_band import (
    CIBA,
    DEVICE,
    asking_client,
    decides,
    joins_circle,
    let_use_device_codes,
    request_of,
    types_code,
)
from tests.services.mandate import RunningMandate

# They wait as long as a client waits between two polls: part of `make test-all`.
pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def session_of(client: TokenClient) -> OAuth2Session:
    return OAuth2Session(client.client.client_id, client.key, token_endpoint_auth_method="client_secret_basic")


def metadata_of(mandate: RunningMandate, session: OAuth2Session) -> dict[str, Any]:
    found = session.get(f"{mandate.url}/.well-known/oauth-authorization-server", withhold_token=True)
    # The issuer is this test's own; the running Mandate says its address, which is where to go.
    assert found.status_code == 200
    return dict(found.json())


def posts(session: OAuth2Session, url: str, form: dict[str, str], client: TokenClient) -> dict[str, Any]:
    answer = session.post(url, data=form, auth=(client.client.client_id, client.key), withhold_token=True)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_an_agent_asks_polls_and_works_and_the_person_narrows_nothing_away(
    running_mandate, discharge_assistant, weber: User, mara: User, records_api: ResourceServer
):
    joins_circle(discharge_assistant, weber, by=mara)
    robot = asking_client(discharge_assistant)
    session = session_of(robot)
    server = metadata_of(running_mandate, session)
    asked = posts(
        session,
        server["backchannel_authentication_endpoint"],
        {"scope": "openid calendar:read", "login_hint": weber.email, "binding_message": "W4SCT", "purpose": "Plan"},
        robot,
    )
    form = {"grant_type": CIBA, "auth_req_id": asked["auth_req_id"]}
    with pytest.raises(OAuthError) as waiting:
        session.fetch_token(server["token_endpoint"], **form)
    assert waiting.value.error == "authorization_pending"

    request = request_of(asked["auth_req_id"])
    assert "W4SCT" in builders.browser(weber).get(request.get_absolute_url()).content.decode()
    decides(weber, request)
    token = session.fetch_token(server["token_endpoint"], **form)
    assert records_api.introspects(token["access_token"])["sub"] == str(weber.pk)
    again = session.refresh_token(server["token_endpoint"], token["refresh_token"])
    assert records_api.introspects(again["access_token"])["active"] is True
    with pytest.raises(OAuthError) as used:
        session.fetch_token(server["token_endpoint"], **form)
    assert used.value.error == "invalid_grant"


def test_a_device_shows_its_code_and_gets_its_token(
    running_mandate, discharge: TokenClient, weber: User, mara: User, records_api: ResourceServer
):
    let_use_device_codes(discharge.client, by=mara)
    session = session_of(discharge)
    server = metadata_of(running_mandate, session)
    started = posts(session, server["device_authorization_endpoint"], {"scope": "calendar:read"}, discharge)
    assert started["verification_uri"] == f"{running_mandate.url}/device"
    form = {"grant_type": DEVICE, "device_code": started["device_code"]}
    for error in ("authorization_pending", "slow_down"):
        with pytest.raises(OAuthError) as waiting:
            session.fetch_token(server["token_endpoint"], **form)
        assert waiting.value.error == error
    types_code(weber, started["user_code"])
    decides(weber, request_of(started["device_code"]))
    token = session.fetch_token(server["token_endpoint"], **form)
    assert records_api.introspects(token["access_token"])["scope"] == "calendar:read"


def test_a_no_ends_the_polling(running_mandate, discharge: TokenClient, weber: User, mara: User):
    let_use_device_codes(discharge.client, by=mara)
    session = session_of(discharge)
    server = metadata_of(running_mandate, session)
    started = posts(session, server["device_authorization_endpoint"], {"scope": "calendar:read"}, discharge)
    types_code(weber, started["user_code"])
    decides(weber, request_of(started["device_code"]), "refuse")
    with pytest.raises(OAuthError) as refused:
        session.fetch_token(server["token_endpoint"], grant_type=DEVICE, device_code=started["device_code"])
    assert refused.value.error == "access_denied"
