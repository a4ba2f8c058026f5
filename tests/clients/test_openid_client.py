"""openid-client against the running server: every grant that it speaks, configured from the metadata alone."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from django.utils import timezone

from agents import organisation
from agents.models import AuthMethod, DataClass
from consent.models import AccessRequest
from tests import builders, grants
from tests.clients.person import person_decides
from tests.clients.records import records_api
from tests.consent.asking import AUTHORIZE, ticked
from tests.grants import REDIRECT
from tests.out_of_band import asking_client, decides, joins_circle, let_use_device_codes, request_of, types_code
from tests.services.node import node
from tests.signing import ed25519_pair, gives_key, pair, rsa_pair

# They need `make npm`, and Node takes its time to start: part of `make test-all`.
pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
SUBTLE = {
    "EC": {"name": "ECDSA", "namedCurve": "P-256"},
    "OKP": {"name": "Ed25519"},
    "RSA": {"name": "RSA-PSS", "hash": "SHA-256"},
}
PAIRS = {"EC": pair, "OKP": ed25519_pair, "RSA": rsa_pair}


def settings_of(mandate, client, key="", **more):
    return {
        "issuer": mandate.url,
        "client_id": client.client_id,
        "key": key,
        "auth": client.auth_method,
        "redirect_uri": REDIRECT,
        **more,
    }


def signing(client, kind):
    """Give the client a key pair of this kind. What its program needs to sign with it."""
    key = PAIRS[kind]()
    gives_key(client, key)
    return {"pem": key.as_pem(private=True).decode(), "subtle": SUBTLE[kind]}


@pytest.mark.parametrize("push", [False, True], ids=["plain", "pushed"])
@pytest.mark.parametrize("method", [AuthMethod.BASIC, AuthMethod.POST, AuthMethod.NONE, AuthMethod.PRIVATE_KEY_JWT])
def test_code_refresh_and_give_back(
    running_mandate, discharge_assistant, weber, records, records_api, see_appointments, method, push
):
    client = builders.client(discharge_assistant, "openid-client", auth_method=method, require_par=push)
    more = {"more": {"purpose": "See what is due"}}
    if method == AuthMethod.PRIVATE_KEY_JWT:
        more |= signing(client, "EC")
    key = builders.key(client).key if method in {AuthMethod.BASIC, AuthMethod.POST} else ""
    about = settings_of(running_mandate, client, key, scope="calendar:read", resource=records.uri, push=push, **more)
    with node("openid_client", "code", **about) as program:
        address = program.says_well()["open"]
        assert AUTHORIZE in address
        assert ("purpose" in address) is not push
        program.hears(person_decides(address, weber))
        got = program.says_well()
        assert got["first"]["scope"] == got["second"]["scope"] == "calendar:read"
        assert got["second"]["refresh_token"] != got["first"]["refresh_token"]
        seen = records_api.introspects(got["second"]["access_token"])
        assert (seen["active"], seen["sub"], seen["purpose"]) == (True, str(weber.pk), "See what is due")
        program.hears(True)
        assert program.says()["failed"] == "invalid_grant"  # the refresh token was given back
    assert records_api.introspects(got["second"]["access_token"]) == {"active": False}


def test_a_person_who_says_no_is_understood(running_mandate, discharge, weber, records):
    about = settings_of(running_mandate, discharge.client, discharge.key, scope="calendar:read", resource=records.uri)
    with node("openid_client", "code", **about) as program:
        program.hears(person_decides(program.says_well()["open"], weber, decision="refuse"))
        assert program.says()["failed"] == "access_denied"


@pytest.fixture
def health(running_mandate, mara, weber, tmp_path: Path):
    """The records API of the examples, which takes bound tokens only, and its scope of health data."""
    api, records = records_api(tmp_path, running_mandate, by=mara, wards=f"{weber.pk}=3B")
    api.settings["RECORDS_REQUIRE_DPOP"] = "1"
    try:
        yield api.start(), builders.scope(records, "records:read", data_class=DataClass.HEALTH)
    finally:
        api.stop()


@pytest.mark.parametrize(("method", "nonces"), [(AuthMethod.BASIC, False), (AuthMethod.NONE, True)])
def test_bound_tokens_from_the_push_to_the_patient(running_mandate, health, ada, weber, mara, method, nonces):
    api, read = health
    policy = {"name": "St. Anna", "second_person_activates": False, "dpop_nonces": nonces}
    organisation.change_policy(**policy, by=builders.actor(mara), now=timezone.now())
    client = builders.client(builders.agent(owner=ada, scopes=[read]), auth_method=method)
    key = builders.key(client).key if method == AuthMethod.BASIC else ""
    about = settings_of(
        running_mandate, client, key, scope="records:read", resource=api.uri, api=f"{api.uri}/patients", push=True
    )
    with node("openid_client", "codeWithDPoP", **about) as program:
        address = program.says_well()["open"]
        program.hears(person_decides(address, weber, changing=lambda form: {**form, "scope": ticked(read)}))
        got = program.says_well()
        assert (got["first"]["token_type"], got["second"]["token_type"]) == ("dpop", "dpop")
        called = program.says_well()
        assert called["status"] == 200
        assert {patient["ward"] for patient in called["body"]["patients"]} == {"3B"}
        # Another key: a public client's refresh token belongs to the first; a client that authenticates may change it.
        again = program.says()
        assert again.get("failed", "") == ("" if method == AuthMethod.BASIC else "invalid_grant"), again
    stolen = httpx.get(f"{api.uri}/patients", headers={"Authorization": f"Bearer {got['second']['access_token']}"})
    assert stolen.status_code == 401


@pytest.mark.parametrize("method", [AuthMethod.BASIC, AuthMethod.POST, "EC", "OKP", "RSA"])
def test_client_credentials(running_mandate, claims_filer, mara, see_appointments, records_api, method):
    signs = method in PAIRS
    client = builders.client(claims_filer, auth_method=AuthMethod.PRIVATE_KEY_JWT if signs else method)
    grants.consent(client, scopes=[see_appointments], user=None, by=mara, purpose="File claims")
    key, more = ("", signing(client, method)) if signs else (builders.key(client).key, {})
    about = settings_of(running_mandate, client, key, scope="calendar:read", resource=records_api.resource.uri, **more)
    with node("openid_client", "clientCredentials", **about) as program:
        token = program.says_well()
    assert token["token_type"] == "bearer"
    assert records_api.introspects(token["access_token"])["scope"] == "calendar:read"
    with node("openid_client", "clientCredentialsWithDPoP", **about) as program:
        bound = program.says_well()
    assert bound["token_type"] == "dpop"
    assert "jkt" in records_api.introspects(bound["access_token"])["cnf"]


def test_a_device(running_mandate, discharge, weber, mara, records_api):
    let_use_device_codes(discharge.client, by=mara)
    about = settings_of(running_mandate, discharge.client, discharge.key, scope="calendar:read")
    with node("openid_client", "device", **about) as program:
        shown = program.says_well()
        assert shown["at"] == f"{running_mandate.url}/device"
        types_code(weber, shown["code"])
        decides(weber, AccessRequest.objects.get())
        program.hears(True)
        token = program.says_well()
    assert records_api.introspects(token["access_token"])["sub"] == str(weber.pk)


def test_asking_out_of_band(running_mandate, discharge_assistant, weber, mara, records_api):
    joins_circle(discharge_assistant, weber, by=mara)
    robot = asking_client(discharge_assistant)
    about = settings_of(running_mandate, robot.client, robot.key, scope="openid calendar:read", login_hint=weber.email)
    with node("openid_client", "backchannel", **about) as program:
        request = request_of(program.says_well()["asked"])
        assert request.binding_message == "W4SCT"
        decides(weber, request)
        program.hears(True)
        token = program.says_well()
    assert records_api.introspects(token["access_token"])["sub"] == str(weber.pk)
