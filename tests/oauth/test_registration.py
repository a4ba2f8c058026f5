"""Dynamic client registration (RFC 7591): any program may register, and gets nothing by it until somebody allows it."""

from __future__ import annotations

import json

import pytest
from django.test import Client as Browser

from agents.models import Client, Credential, Organisation
from agents.programs import self_registered
from tests import builders
from tests.builders import events, one_refusal
from tests.forms import text_of
from tests.grants import basic, post
from tests.programs import LOOPBACK, REGISTER, registered, registers, request_of
from tests.security.expected import is_oauth_error
from tests.signing import pair, public

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("organisation")]


def test_a_program_registers_and_belongs_to_nobody(settings):
    answer = registers()
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    said = answer.json()
    client = Client.objects.get(client_id=said["client_id"])
    assert said == {
        "client_id": client.client_id,
        "client_id_issued_at": int(client.created.timestamp()),
        "registration_client_uri": f"{settings.ISSUER}/oauth/register/{client.client_id}",
        "registration_access_token": said["registration_access_token"],
        "client_name": "Note Helper",
        "redirect_uris": [LOOPBACK],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "application_type": "native",
    }
    assert client.agent is None
    assert (client.registration_source, client.is_unclaimed) == ("dcr", True)
    told = events("client.registered")
    assert [(event.client_id, event.actor_kind) for event in told] == [(client.pk, "anonymous")]
    assert said["registration_access_token"] not in json.dumps([event.detail for event in told])


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", None])
def test_a_confidential_one_gets_a_secret_once(method):
    said = registers(token_endpoint_auth_method=method).json()
    assert said["token_endpoint_auth_method"] == (method or "client_secret_basic")
    assert said["client_secret"].startswith("mdt_")
    assert said["client_secret_expires_at"] == 0
    assert said["client_secret"] not in [row.digest for row in Credential.objects.all()]


def test_one_that_signs_gives_its_keys():
    signing_jwk = public(pair())
    said = registers(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [signing_jwk]}).json()
    assert "client_secret" not in said
    assert Credential.objects.get(client__client_id=said["client_id"]).public_jwk["kty"] == "EC"
    again = registers(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [signing_jwk]})
    assert is_oauth_error(again, "invalid_client_metadata")
    elsewhere = registers(token_endpoint_auth_method="private_key_jwt", jwks_uri="https://keys.example/jwks")
    assert elsewhere.json()["jwks_uri"] == "https://keys.example/jwks"


def test_what_nobody_adopted_gets_no_token():
    said = registers(token_endpoint_auth_method="client_secret_basic").json()
    for form in ({"grant_type": "client_credentials"}, {"grant_type": "authorization_code", "code": "x"}):
        answer = post("/oauth/token", form, **basic(said["client_id"], said["client_secret"]))
        assert is_oauth_error(answer, "invalid_client", 401)


@pytest.mark.parametrize(
    "changed",
    [
        {"agent": "Discharge Assistant"},
        {"client_id": "mine"},
        {"verified": True},
        {"skip_authorization": True},
        {"registration_source": "manual"},
        {"software_statement": "e30.e30.e30"},
        {"logo_uri": "http://169.254.169.254/logo"},
        {"contacts": ["somebody@example.org"]},
    ],
    ids=str,
)
def test_members_that_nobody_may_choose_are_ignored(changed, discharge_assistant):
    client = registered(**changed)
    assert client.agent is None
    assert client.registration_source == "dcr"
    assert client.client_id != "mine"
    assert not client.skip_authorization
    assert not changed.keys() & client.registered_metadata.keys()


@pytest.mark.parametrize(
    "changed",
    [
        {"token_endpoint_auth_method": "tls_client_auth"},
        {"token_endpoint_auth_method": 7},
        {"grant_types": ["client_credentials"]},
        {"grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"]},
        {"grant_types": ["refresh_token"]},
        {"grant_types": "authorization_code"},
        {"grant_types": []},
        {"response_types": ["token"]},
        {"response_types": ["code", "token"]},
        {"client_secret": "mine"},
        {"client_name": 7},
        {"client_name": "x" * 300},
        {"scope": "a  b"},
        {"scope": 'say "please"'},
        {"scope": "x" * 2_000},
        {"client_uri": "javascript:alert(1)"},
        {"tos_uri": "data:text/html,x"},
        {"application_type": "desktop"},
        {"dpop_bound_access_tokens": "yes"},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://keys.example/jwks"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://keys.example:8443/jwks"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://127.0.0.1/jwks"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://2130706433/jwks"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "https://0x7f000001/jwks"},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": []}},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [{"kty": "oct", "k": "AAAA"}]}},
        {"token_endpoint_auth_method": "private_key_jwt", "jwks": [], "jwks_uri": "https://keys.example/"},
        {"token_endpoint_auth_method": "none", "jwks": {"keys": [{"kty": "EC", "d": "AAAA"}]}},
    ],
    ids=str,
)
def test_what_cannot_be_is_told_to_the_developer(changed):
    with one_refusal("client.registration_refused", "invalid_client_metadata"):
        answer = registers(**changed)
    assert is_oauth_error(answer, "invalid_client_metadata")
    assert not Client.objects.exists()


@pytest.mark.parametrize(
    "uris",
    [
        None,
        [],
        "http://127.0.0.1/cb",
        [7],
        ["http://127.0.0.1/cb", ""],
        ["x" * 600],
        [f"https://app.example/{number}" for number in range(21)],
    ],
    ids=str,
)
def test_addresses_that_are_no_list_of_addresses(uris):
    assert is_oauth_error(registers(redirect_uris=uris), "invalid_redirect_uri")


def test_a_web_application_does_not_return_to_this_computer():
    assert is_oauth_error(registers(application_type="web"), "invalid_redirect_uri")
    assert registers(application_type="native").status_code == 201
    assert registers(application_type="web", redirect_uris=["https://app.example/cb"]).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"null",
        b'{"client_name": 1, "client_name": 2}',
        b"\xff",
        b"{" * 100_000,
        b'{"a": NaN}',
    ],
    ids=range(9),
)
def test_a_body_that_is_no_registration(body):
    assert is_oauth_error(registers(body), "invalid_client_metadata")


def test_a_body_that_is_too_large_or_of_another_kind():
    assert is_oauth_error(registers(client_uri="https://a.example/" + "x" * 40_000), "invalid_client_metadata")
    form = Browser().post(REGISTER, "a=b", content_type="application/x-www-form-urlencoded")
    assert is_oauth_error(form, "invalid_client_metadata")
    assert is_oauth_error(registers(path=f"{REGISTER}?client_name=x"), "invalid_client_metadata")
    for method in ("get", "put", "delete", "patch"):
        answer = getattr(Browser(), method)(REGISTER)
        assert (answer.status_code, answer["Allow"]) == (405, "POST")


def test_a_name_that_hides_something_is_made_plain():
    assert registered(client_name="St. Anna \u202eetadnaM\u202c\u200b\n verified").name == "St. Anna etadnaM verified"
    assert len(registered(client_name="y" * 200).name) == 80


def test_it_can_push_what_it_asks_before_anybody_adopted_it(weber, directory, look_up_staff):
    client = registered()
    sent = request_of(client.client_id, resource=directory.uri, scope="staff:read")
    pushed = post("/oauth/par", sent)
    assert pushed.status_code == 201, pushed.content
    assert is_oauth_error(post("/oauth/par", {**sent, "code_challenge": "x"}), "invalid_request")
    address = {"client_id": client.client_id, "request_uri": pushed.json()["request_uri"]}
    page = builders.browser(weber).get("/oauth/authorize", address, follow=True)
    assert "Look up staff" in text_of(page)


def test_off_means_that_there_is_no_such_address():
    metadata = "/.well-known/oauth-authorization-server"
    assert Browser().get(metadata).json()["registration_endpoint"].endswith(REGISTER)
    Organisation.objects.update(registration="off")
    assert registers().status_code == 404
    assert "registration_endpoint" not in Browser().get(metadata).json()


def test_a_flood_of_one_source_is_stopped_and_others_go_on(monkeypatch):
    monkeypatch.setattr(self_registered, "MOST_OF_A_SOURCE", 3)
    for _ in range(3):
        assert registers().status_code == 201
    with one_refusal("client.registration_refused", "too_many_registrations"):
        answer = registers()
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    elsewhere = Browser(REMOTE_ADDR="203.0.113.9")
    body = json.dumps({"redirect_uris": [LOOPBACK]})
    assert elsewhere.post(REGISTER, body, content_type="application/json").status_code == 201


def test_nobody_can_fill_the_table(monkeypatch):
    registered()
    monkeypatch.setattr(self_registered, "MOST_WAITING", 1)
    assert registers().status_code == 429
