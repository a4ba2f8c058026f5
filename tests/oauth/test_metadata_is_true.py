"""Metadata is true: everything that is advertised works.

Each member of the server's document has a test here that does what the member says; a member without one fails. The other
way, what is not advertised is refused or not there: test_not_advertised.py.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.test import Client as Browser
from joserfc import jws
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from agents.models import AuthMethod
from consent.oauth.id_jag import GRANT_TYPE, PROFILE
from tests import builders, grants, proofs
from tests.builders import browser
from tests.consent.asking import VERIFIER, answer_of, asked, decides, opens
from tests.exchanging import first_token
from tests.forms import form_of
from tests.grants import basic, post
from tests.out_of_band import asks, let_use_device_codes, request_of, types_code
from tests.out_of_band import decides as answers
from tests.programs import allows, host_on_this_machine, redeems, registers
from tests.security.expected import is_oauth_error
from tests.signing import SigningClient, by_assertion, claims_of, encoded, gives_key, signed
from tests.signing_in import proves as comes_back
from tests.signing_in import signed_in
from tests.vouching import Idp, brings

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
SERVER = "/.well-known/oauth-authorization-server"
API = "/.well-known/oauth-protected-resource"
PROVEN: set[str] = set()
PAIRS: dict[str, Callable[[], ECKey | OKPKey | RSAKey]] = {
    "ES256": lambda: ECKey.generate_key("P-256", private=True),
    "ES384": lambda: ECKey.generate_key("P-384", private=True),
    "ES512": lambda: ECKey.generate_key("P-521", private=True),
    "ES256K": lambda: ECKey.generate_key("secp256k1", private=True),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519", private=True),
    "Ed25519": lambda: OKPKey.generate_key("Ed25519", private=True),
    "Ed448": lambda: OKPKey.generate_key("Ed448", private=True),
    **dict.fromkeys(
        ("PS256", "PS384", "PS512", "RS256", "RS384", "RS512"), lambda: RSAKey.generate_key(2048, private=True)
    ),
}


def proves(*members: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Say of which members a test does what they promise."""
    PROVEN.update(members)
    return lambda test: test


@pytest.fixture
def document(organisation):
    return Browser().get(SERVER).json()


@pytest.fixture
def at(document):
    """The path of an endpoint as the document names it."""
    return lambda member: urlsplit(document[member]).path


def test_every_member_has_a_test_of_its_own(document):
    assert set(document) == PROVEN


@proves(
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "response_types_supported",
    "response_modes_supported",
    "code_challenge_methods_supported",
    "authorization_response_iss_parameter_supported",
)
def test_the_code_flow_by_each_response_type_and_mode(document, at, weber, discharge_client, discharge):
    assert document["code_challenge_methods_supported"] == ["S256"]
    for kind in document["response_types_supported"]:
        for mode in document["response_modes_supported"]:
            person = browser(weber)
            page = person.get(
                at("authorization_endpoint"),
                asked(discharge_client, scope="staff:read", response_type=kind, response_mode=mode),
            )
            answer = answer_of(decides(person, form_of(page)))
            assert answer["iss"] == document["issuer"]
            form = {"grant_type": "authorization_code", "code": answer["code"], "code_verifier": VERIFIER}
            assert post(at("token_endpoint"), form, **discharge.header).status_code == 200


@proves("grant_types_supported", "authorization_grant_profiles_supported")
def test_every_grant(
    document,
    discharge,
    claims,
    clinic_allows,
    weber_allows,
    discharge_assistant,
    weber,
    mara,
    robot,
    pkce,
    device,
    planner,
    passed_twice,
    records,
    ada,
    look_up_staff,
):
    idp = Idp()
    idp.trusted([discharge.client], [look_up_staff])
    assert document["authorization_grant_profiles_supported"] == [PROFILE]

    def by_code():
        return discharge.redeem(grants.code(weber_allows, pkce), pkce)

    def by_ciba():
        secret = asks(robot, weber).json()["auth_req_id"]
        answers(weber, request_of(secret))
        return robot.ask(grant_type="urn:openid:params:grant-type:ciba", auth_req_id=secret)

    def by_device():
        started = post("/oauth/device_authorization", {"scope": "calendar:read"}, **device.header).json()
        typed = types_code(weber, started["user_code"])
        answers(weber, request_of(started["device_code"]))
        assert typed.status_code == 302
        grant = "urn:ietf:params:oauth:grant-type:device_code"
        return device.ask(grant_type=grant, device_code=started["device_code"])

    def by_exchange():
        return planner.exchange(first_token(discharge, passed_twice, resource=records.uri))

    ways = {
        "authorization_code": by_code,
        "refresh_token": lambda: discharge.refresh(by_code().json()["refresh_token"]),
        "client_credentials": claims.act_alone,
        "urn:openid:params:grant-type:ciba": by_ciba,
        "urn:ietf:params:oauth:grant-type:device_code": by_device,
        "urn:ietf:params:oauth:grant-type:token-exchange": by_exchange,
        GRANT_TYPE: lambda: brings(discharge, idp.asserts(discharge.client, ada)),
    }
    assert set(ways) == set(document["grant_types_supported"])
    for grant, way in ways.items():
        answer = way()
        assert answer.status_code == 200, (grant, answer.content)
        assert answer.json()["access_token"]


@proves("token_endpoint_auth_methods_supported", "revocation_endpoint_auth_methods_supported", "revocation_endpoint")
def test_every_way_to_prove_oneself(document, at, discharge_assistant, weber, read_records, pkce):
    assert document["revocation_endpoint_auth_methods_supported"] == document["token_endpoint_auth_methods_supported"]
    for method in document["token_endpoint_auth_methods_supported"]:
        client = builders.client(discharge_assistant, method, auth_method=method)
        given = grants.consent(client, scopes=[read_records], user=weber)
        proof = prover(client)
        form = {"grant_type": "authorization_code", "code": grants.code(given, pkce), "code_verifier": pkce.verifier}
        body, header = proof()
        token = post(at("token_endpoint"), form | body, **header)
        assert token.status_code == 200, (method, token.content)
        body, header = proof()
        given_back = post(at("revocation_endpoint"), {"token": token.json()["access_token"]} | body, **header)
        assert given_back.status_code == 200


def prover(client):
    """How this client proves itself as it is registered: what it adds to body and header."""
    named = {"client_id": client.client_id}
    if client.is_public:
        return lambda: (named, {})
    if client.signs:
        signing = SigningClient(client)
        gives_key(client, signing.key)
        return lambda: (by_assertion(signing.assertion()), {})
    key = builders.key(client).key
    if client.auth_method == AuthMethod.BASIC:
        return lambda: ({}, basic(client.client_id, key))
    return lambda: (named | {"client_secret": key}, {})


@proves(
    "token_endpoint_auth_signing_alg_values_supported",
    "revocation_endpoint_auth_signing_alg_values_supported",
)
def test_every_algorithm_of_an_assertion_and_no_other(document, at, claims_filer, mara, see_appointments):
    listed = document["token_endpoint_auth_signing_alg_values_supported"]
    assert document["revocation_endpoint_auth_signing_alg_values_supported"] == listed
    client = builders.client(claims_filer, "signs", auth_method=AuthMethod.PRIVATE_KEY_JWT)
    grants.consent(client, scopes=[see_appointments], user=None, by=mara)
    keys = {kind: PAIRS[kind]() for kind in ("ES256", "EdDSA", "PS256")}
    for key in keys.values():
        gives_key(client, key)
    of_kind = {"ES256": keys["ES256"], "EdDSA": keys["EdDSA"], "Ed25519": keys["EdDSA"]}
    for algorithm in every_algorithm():
        key = of_kind.get(algorithm) or (keys["PS256"] if algorithm[1] == "S" and algorithm[0] in "PR" else None)
        assertion = forged(claims_of(client.client_id), algorithm, key)
        answer = post(at("token_endpoint"), {"grant_type": "client_credentials"} | by_assertion(assertion))
        assert answer.status_code == (200 if algorithm in listed else 401), (algorithm, answer.content)
        assertion = forged(claims_of(client.client_id), algorithm, key)
        answer = post(at("revocation_endpoint"), {"token": "x"} | by_assertion(assertion))
        assert answer.status_code == (200 if algorithm in listed else 401), (algorithm, answer.content)


@proves("dpop_signing_alg_values_supported")
def test_every_algorithm_of_a_proof_and_no_other(document, at, claims, clinic_allows):
    listed = document["dpop_signing_alg_values_supported"]
    form = {"grant_type": "client_credentials"}
    for algorithm in every_algorithm():
        key = PAIRS[algorithm]() if algorithm in PAIRS else OctKey.generate_key(256)
        right = {"htm": "POST", "htu": document["token_endpoint"], "iat": claims_of("x")["iat"], "jti": algorithm}
        jwk = key.as_dict(private=algorithm.startswith(("HS", "none")))
        proof = forged(right, algorithm, key, typ="dpop+jwt", jwk=jwk)
        answer = post(at("token_endpoint"), form, **claims.header, **proofs.with_proof(proof))
        assert answer.status_code == (200 if algorithm in listed else 400), (algorithm, answer.content)
        assert answer.json().get("token_type", "DPoP") == "DPoP"


def every_algorithm() -> list[str]:
    """Every signature algorithm that the library knows, and none."""
    return sorted({*jws.JWSRegistry.algorithms, *PAIRS, "none"})


def forged(claims, algorithm, key, **header):
    """The claims signed by this algorithm as far as the key allows it, or else with a signature that is none."""
    try:
        return signed(
            claims, key or PAIRS.get(algorithm, lambda: OctKey.generate_key(256))(), algorithm=algorithm, **header
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        parts = (json.dumps({"alg": algorithm, **header}).encode(), json.dumps(claims).encode(), b"x" * 64)
        return b".".join(map(encoded, parts)).decode()


@proves("introspection_endpoint", "introspection_endpoint_auth_methods_supported")
def test_introspection_by_each_method_and_no_other(document, at, claims, clinic_allows, records_api):
    assert document["introspection_endpoint_auth_methods_supported"] == ["client_secret_basic"]
    form = {"token": claims.act_alone().json()["access_token"]}
    assert post(at("introspection_endpoint"), form, **records_api.header).json()["active"] is True
    identifier, key = records_api.resource.identifier, records_api.key
    for body, header in (
        ({"client_id": identifier, "client_secret": key}, {}),
        ({"client_id": identifier}, {}),
        ({}, {"HTTP_AUTHORIZATION": f"Bearer {key}"}),
        ({}, claims.header),
    ):
        assert is_oauth_error(post(at("introspection_endpoint"), form | body, **header), "invalid_client", 401)


@proves("pushed_authorization_request_endpoint", "require_pushed_authorization_requests")
def test_requests_can_be_pushed_and_need_not(document, at, discharge, weber):
    assert document["require_pushed_authorization_requests"] is False
    assert opens(browser(weber), discharge.client, scope="staff:read").status_code == 200
    pushed = post(at("pushed_authorization_request_endpoint"), asked(discharge.client), **discharge.header)
    assert pushed.status_code == 201
    address = {"client_id": discharge.client.client_id, "request_uri": pushed.json()["request_uri"]}
    assert browser(weber).get(at("authorization_endpoint"), address, follow=True).status_code == 200


@proves(
    "backchannel_authentication_endpoint",
    "backchannel_token_delivery_modes_supported",
    "backchannel_user_code_parameter_supported",
)
def test_asking_out_of_band(document, at, robot, weber):
    assert document["backchannel_user_code_parameter_supported"] is False
    # Ping, by a server that listens: tests/clients/test_out_of_band.py. Push is refused at registration, which has no word for it.
    assert document["backchannel_token_delivery_modes_supported"] == ["poll", "ping"]
    form = {"login_hint": weber.email, "scope": "openid calendar:read", "purpose": "Plan the ward round"}
    answer = post(at("backchannel_authentication_endpoint"), form, **robot.header)
    assert answer.json()["auth_req_id"]


@proves("device_authorization_endpoint")
def test_device_codes(at, device):
    answer = post(at("device_authorization_endpoint"), {"scope": "calendar:read"}, **device.header)
    assert answer.json()["user_code"]
    assert "verification_uri_complete" not in answer.json()


@proves("jwks_uri")
def test_the_keys_verify_what_is_signed(document, at, claims, mara, look_up_staff):
    grants.consent(claims.client, scopes=[look_up_staff], user=None, by=mara)
    token = claims.act_alone().json()["access_token"]
    keys = KeySet.import_key_set(Browser().get(at("jwks_uri")).json())
    said = json.loads(jws.deserialize_compact(token, keys, algorithms=["ES256"]).payload)
    assert said["iss"] == document["issuer"]


@proves("acr_values_supported")
def test_every_acr_can_be_asked_for_and_no_other(document, weber, discharge_client):
    """How each is met: tests/oauth/test_step_up.py."""
    for value in [*document["acr_values_supported"], "urn:example:other"]:
        answer = opens(browser(weber), discharge_client, scope="staff:read", acr_values=value)
        refused = "unmet_authentication_requirements" in answer.headers.get("Location", "")
        known = value in document["acr_values_supported"]
        assert refused != known or (
            known and "no%20way%20to%20sign%20in" in answer.headers["Location"].replace("+", "%20")
        )


@pytest.mark.parametrize("path", [API, f"{API}/api/v1"])
def test_the_api_says_truly_that_no_token_counts_there(path, document, discharge, weber_allows, pkce):
    api = Browser().get(path).json()
    assert api["authorization_servers"] == [document["issuer"]]
    assert (api["scopes_supported"], api["bearer_methods_supported"]) == ([], [])
    token = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()["access_token"]
    where = urlsplit(api["resource"]).path
    for header in ({}, {"HTTP_AUTHORIZATION": f"Bearer {token}"}):
        answer = Browser().post(f"{where}/receipts", "{}", content_type="application/json", **header)
        assert answer.status_code == 401


@proves("registration_endpoint")
def test_a_program_registers_and_is_asked_about(document, at, weber, look_up_staff, directory):
    answer = registers(path=at("registration_endpoint"))
    code = allows(weber, answer.json()["client_id"], resource=directory.uri)
    assert redeems(answer.json()["client_id"], code).json()["access_token"]


@proves("client_id_metadata_document_supported")
def test_a_program_is_known_by_its_document(document, settings, weber, look_up_staff, directory):
    assert document["client_id_metadata_document_supported"] is True
    settings.LOCAL_CALLS = True
    with host_on_this_machine() as host:
        client_id = host.serves()
        assert redeems(client_id, allows(weber, client_id, resource=directory.uri)).json()["access_token"]


@proves(
    "subject_types_supported", "id_token_signing_alg_values_supported", "claims_supported", "prompt_values_supported"
)
def test_openid(document, at, weber, discharge):
    assert document["subject_types_supported"] == ["public"]
    said = set()
    for prompt in [*document["prompt_values_supported"], None]:
        person = signed_in(weber, ago=timedelta(minutes=2))
        page = opens(person, discharge.client, scope="openid staff:read", nonce="n", prompt=prompt)
        if prompt == "login":
            page = person.get(comes_back(person, page.headers["Location"]))
        if prompt == "none":
            assert answer_of(page)["error"] == "consent_required"
            continue
        code = answer_of(decides(person, form_of(page)) if page.status_code == 200 else page)["code"]
        form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
        token = post(at("token_endpoint"), form, **discharge.header).json()["id_token"]
        keys = KeySet.import_key_set(Browser().get(at("jwks_uri")).json())
        for algorithm in document["id_token_signing_alg_values_supported"]:
            said |= set(json.loads(jws.deserialize_compact(token, keys, algorithms=[algorithm]).payload))
    assert said == set(document["claims_supported"])
    other = opens(browser(weber), discharge.client, scope="openid", prompt="create")
    assert answer_of(other)["error"] == "invalid_request"


@proves("claims_parameter_supported")
def test_claims_cannot_be_asked_for_one_by_one(document, at, weber, discharge):
    assert document["claims_parameter_supported"] is False
    person = signed_in(weber)
    wish = json.dumps({"id_token": {"email": {"essential": True}}})
    page = opens(person, discharge.client, scope="openid staff:read", claims=wish)
    code = answer_of(decides(person, form_of(page)))["code"]
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
    token = post(at("token_endpoint"), form, **discharge.header).json()["id_token"]
    assert weber.email not in base64.urlsafe_b64decode(token.split(".")[1] + "==").decode()


@proves("request_parameter_supported", "request_uri_parameter_supported")
def test_request_objects_are_neither_advertised_nor_taken(document, weber, discharge_client):
    assert document["request_parameter_supported"] is document["request_uri_parameter_supported"] is False
    for name, value in (("request", "e30.e30.x"), ("request_uri", "https://app.st-anna.example/request.jwt")):
        answer = answer_of(opens(browser(weber), discharge_client, **{name: value}))
        assert answer["error"] == f"{name}_not_supported"


# ------------------------------------------------------------------------------------------------------------ the cast


@pytest.fixture
def device(discharge_assistant, mara):
    """A client of the assistant that may use device codes."""
    client = let_use_device_codes(builders.client(discharge_assistant, "ward display"), by=mara)
    return grants.TokenClient(client, builders.key(client).key)
