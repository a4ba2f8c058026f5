"""S51: registering gives a program nothing, cannot choose what it must not, and cannot fill Mandate up."""

from __future__ import annotations

import pytest

from agents.models import Client
from agents.programs import self_registered
from tests.builders import one_refusal
from tests.grants import basic, post
from tests.programs import allows, registered, registers
from tests.security.expected import is_oauth_error
from tests.security.test_s02_loopback import NOT_TO_BE_REGISTERED
from tests.signing import pair, public

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("organisation")]
BAD = (
    *NOT_TO_BE_REGISTERED,
    "http://app.example/cb",
    "vbscript:x",
    "file:///etc/passwd",
    "com.example.app:/cb",
    "https://app.example/cb#",
    "https://app.example/*",
    "https://*.example/cb",
    "https://user@app.example/cb",
    "https://user:pw@app.example/cb",
    "https://app.example@evil.example/cb",
    "https://app.example/a b",
    "https://app.example/\\cb",
    "https://app.example/%2e%2e/cb",
    "https://app.example/%2fcb",
    "https://app.example/%0d%0aLocation:x",
    "https://app.example:99999/cb",
    "https://app.example:port/cb",
    "https://app.example./cb",
    "https://app..example/cb",
    "https://bank.example,app.example/cb",
    "https://bank.example!app.example/cb",
    "https://a%70p.example/cb",
    f"https://{'a' * 64}.example/cb",
    "https://[::1/cb",
    "https://10.0.0.1/cb",
    "https://[fd00::1]/cb",
    "https://0x7f000001/cb",
    "//app.example/cb",
    "/cb",
    "app.example/cb",
    "",
)


@pytest.mark.parametrize("uri", dict.fromkeys(uri for uri in BAD if uri != "https://app.example/*"))
def test_s51_a_redirect_that_could_lead_astray(uri):
    with one_refusal("client.registration_refused", "invalid_redirect_uri"):
        assert is_oauth_error(registers(redirect_uris=["https://app.example/cb", uri]), "invalid_redirect_uri")
    assert not Client.objects.exists()
    assert (
        registers(redirect_uris=["https://app.example/cb", "http://[::1]/cb", "http://localhost:1/cb"]).status_code
        == 201
    )


def test_s51_a_star_in_a_path_is_a_star(weber, look_up_staff, directory):
    client = registered(redirect_uris=["https://app.example/*"])
    assert client.redirect_uri_allowed("https://app.example/*")
    assert not client.redirect_uri_allowed("https://app.example/cb")


def test_s51_no_token_before_somebody_adopts_it(weber, look_up_staff, directory):
    said = registers(token_endpoint_auth_method="client_secret_basic").json()
    header = basic(said["client_id"], said["client_secret"])
    forms = (
        {"grant_type": "client_credentials"},
        {"grant_type": "authorization_code", "code": "x", "code_verifier": "x" * 43},
        {"grant_type": "refresh_token", "refresh_token": "x"},
        {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": "x"},
    )
    for form in forms:
        with one_refusal("token.refused", "agent_not_usable"):
            assert is_oauth_error(post("/oauth/token", form, **header), "invalid_client", 401)
    for path in ("/oauth/device_authorization", "/oauth/bc-authorize"):
        assert post(path, {"scope": "staff:read"}, **header).status_code == 401
    code = allows(weber, said["client_id"], resource=directory.uri)
    redeemed = post(
        "/oauth/token",
        {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": "a-verifier-of-forty-three-characters-or-more-0123456789",
            "redirect_uri": "http://127.0.0.1:4000/callback",
        },
        **header,
    )
    assert redeemed.status_code == 200
    for form in (forms[0], forms[3]):  # and no other grant by that
        assert is_oauth_error(post("/oauth/token", form, **header), "unauthorized_client")
    assert is_oauth_error(post("/oauth/device_authorization", {"scope": "staff:read"}, **header), "unauthorized_client")


def test_s51_a_flood_is_stopped_for_its_source_and_told_once(monkeypatch):
    monkeypatch.setattr(self_registered, "MOST_OF_A_SOURCE", 2)
    answers = [registers().status_code for _ in range(6)]
    assert answers == [201, 201, 429, 429, 429, 429]
    assert Client.objects.count() == 2


def test_s51_nobody_registers_our_own_address(settings):
    """On the screen it would read as if people returned to Mandate itself."""
    settings.ISSUER = "https://mandate.example"
    for uri in ("https://mandate.example/cb", "https://MANDATE.example:8443/"):
        with one_refusal("client.registration_refused", "invalid_redirect_uri"):
            assert is_oauth_error(registers(redirect_uris=[uri]), "invalid_redirect_uri")
    keys = {
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks_uri": "https://mandate.example/.well-known/jwks.json",
    }
    assert is_oauth_error(registers(**keys), "invalid_client_metadata")
    assert registers(redirect_uris=["https://app.mandate.example/cb"]).status_code == 201


@pytest.mark.parametrize("name", ["client_uri", "policy_uri", "tos_uri"])
@pytest.mark.parametrize(
    "page", ["http://[x", "https://]/", "https://[::1", "javascript:alert(1)", "https:x", "//x", "https://a b"]
)
def test_s51_a_page_for_people_that_is_none(name, page):
    with one_refusal("client.registration_refused", "invalid_client_metadata"):
        assert is_oauth_error(registers(**{name: page}), "invalid_client_metadata")


@pytest.mark.parametrize("odd", [{"use": []}, {"use": {}}, {"use": 1}, {"kty": []}, {"crv": {}}, {"x": []}, {"d": "x"}])
def test_s51_a_key_of_an_odd_kind(odd):
    keys = {"keys": [{**public(pair()), **odd}]}
    with one_refusal("client.registration_refused", "invalid_client_metadata"):
        answer = registers(token_endpoint_auth_method="private_key_jwt", jwks=keys)
        assert is_oauth_error(answer, "invalid_client_metadata")
