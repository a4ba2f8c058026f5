"""S18: what a JOSE header says chooses neither the key nor the algorithm, makes no call, and costs nothing."""

from __future__ import annotations

import base64
import hmac
import json
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc.jwk import ECKey, RSAKey

from agents.errors import InvalidInput
from agents.public_keys import keys_in_text
from tests.builders import one_refusal
from tests.security.expected import is_oauth_error
from tests.signing import claims_of, encoded, gives_key, pair, public, signed

pytestmark = [pytest.mark.django_db]


@pytest.fixture(autouse=True)
def nobody_is_called(monkeypatch):
    def calls(*_args, **_kwargs):
        raise AssertionError("Mandate called somebody")

    monkeypatch.setattr("socket.getaddrinfo", calls)


def unsigned(header, claims, signature=b""):
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return b".".join(map(encoded, parts)).decode()


def hmac_with(secret, claims):
    message = unsigned({"alg": "HS256"}, claims).rpartition(".")[0].encode()
    secret = secret if isinstance(secret, bytes) else secret.encode()
    return (message + b"." + encoded(hmac.digest(secret, message, "sha256"))).decode()


def refused(filer, assertion):
    started = time.monotonic()
    with one_refusal("token.refused", "invalid_client"):
        assert is_oauth_error(filer.act_alone(assertion), "invalid_client", 401)
    assert time.monotonic() - started < 1


def test_s18_no_signature_and_hmac_with_what_is_public(filer):
    claims = claims_of(filer.client.client_id)
    for algorithm in ("none", "None", "NONE", "", None, 7, ["ES256"], {"alg": "ES256"}):
        refused(filer, unsigned({"alg": algorithm}, claims))
    for secret in (filer.key.as_pem(private=False), json.dumps(public(filer.key)), filer.client.client_id):
        refused(filer, hmac_with(secret, claims))
    refused(filer, unsigned({"alg": "ES256"}, claims))
    refused(filer, unsigned({"alg": "ES256"}, claims, b"\0" * 64))  # CVE-2022-21449
    assert filer.act_alone().status_code == 200


def test_s18_an_algorithm_that_is_not_allowed(filer):
    claims = claims_of(filer.client.client_id)
    weak = RSAKey.generate_key(2048, private=True)
    gives_key(filer.client, weak)
    for algorithm in ("RS256", "RS384", "RS512", "PS384", "PS512"):
        refused(filer, signed(claims, weak, algorithm=algorithm))
    refused(filer, signed(claims, ECKey.generate_key("P-384", private=True), algorithm="ES384"))
    assert filer.act_alone(signed(claims, weak)).status_code == 200


@pytest.mark.parametrize(
    "more",
    [
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/cert.pem"},
        {"x5c": ["MIIB"]},
        {"jwk": "own"},
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"zip": "DEF"},
        {"anything": "else"},
    ],
    ids=str,
)
def test_s18_a_header_that_brings_its_own_rules(filer, more):
    if more.get("jwk") == "own":
        more = {"jwk": public(filer.key)}
    refused(filer, signed(claims_of(filer.client.client_id), filer.key, **more))
    forger = pair()
    refused(filer, signed(claims_of(filer.client.client_id), forger, **(more | {"jwk": public(forger)})))


@pytest.mark.parametrize("kid", [7, None, ["a"], {"a": 1}, "x" * 6_000])
def test_s18_a_kid_that_is_no_name(filer, kid):
    for key in (filer.key, pair()):
        refused(filer, signed(claims_of(filer.client.client_id), key, kid=kid))


@pytest.mark.parametrize("kid", ["' OR 1=1 --", "../../../etc/passwd", "x" * 200, "\0", ""])
def test_s18_a_kid_is_a_name_and_nothing_else(filer, kid):
    refused(filer, signed(claims_of(filer.client.client_id), pair(), kid=kid))
    assert filer.act_alone(signed(claims_of(filer.client.client_id), filer.key, kid=kid)).status_code == 200


@pytest.mark.parametrize(
    "assertion",
    [
        "a", "a.b", "a.b.c", "a.b.c.d.e", "....", "..", "e30.e30.", "W10.W10.x", "\u00e9.\u00e9.\u00e9", "x" * 8_001,
        unsigned({"alg": "ES256", "kid": "x" * 9_000}, {}),
        unsigned({"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2**31}, {"sub": "x"}) + ".x.y",
        base64.urlsafe_b64encode(b"[" * 5_000).decode() + ".e30.x",
        base64.urlsafe_b64encode(b'{"alg":"ES256","alg":"none"}').decode().rstrip("=") + ".e30.x",
        unsigned({"alg": "ES256"}, {"sub": "a\ud800"}),
        unsigned({"alg": "ES256"}, {"sub": "a\0b"}),
    ],
    ids=lambda assertion: assertion[:20].encode("ascii", "replace").decode(),
)  # fmt: skip
def test_s18_what_is_no_assertion_at_all(filer, assertion):
    started = time.monotonic()
    answer = filer.act_alone(assertion)
    assert is_oauth_error(answer, "invalid_client", 401)
    assert time.monotonic() - started < 1


def test_s18_a_body_of_two_megabytes(filer):
    assert filer.act_alone("x" * 2_000_000).status_code == 400


def test_s18_nothing_of_it_in_the_log(filer, log):
    assertion = filer.assertion()
    filer.act_alone(assertion)
    filer.act_alone(assertion)
    said = log()
    assert "/oauth/token" in said
    assert assertion.rpartition(".")[2] not in said
    assert assertion.split(".")[1] not in said


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "[]", "null", "no key", '{"keys": []}', '{"keys": {}}', '{"keys": [7]}', "[" * 30_000, "x" * 50_000,
        '{"kty": "oct", "k": "c2VjcmV0"}', '{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}',
        '{"kty": "OKP", "crv": "X25519", "x": "AA"}', '{"kty": "RSA", "n": "AQ", "e": "AQAB"}',
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "-----BEGIN NOTHING-----",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    ],
)  # fmt: skip
def test_s18_what_is_no_public_key_is_not_taken(text):
    with pytest.raises(InvalidInput):
        keys_in_text("public_keys", text)


def test_s18_neither_private_nor_weak_keys_are_taken():
    own = pair()
    off_curve = public(own) | {"x": public(own)["y"]}
    weak = RSAKey.import_key(rsa_pem(1024))
    for text in (
        own.as_pem(private=True).decode(),
        json.dumps(own.as_dict(private=True)),
        json.dumps({"keys": [public(own), own.as_dict(private=True)]}),
        json.dumps(off_curve),
        json.dumps(public(weak)),
        json.dumps(public(own) | {"use": "enc"}),
        json.dumps({"keys": [public(pair()) for _ in range(11)]}),
        ECKey.import_key(ec_pem(ec.SECP384R1())).as_pem(private=False).decode(),
    ):
        with pytest.raises(InvalidInput):
            keys_in_text("public_keys", text)
    for text in (own.as_pem(private=False).decode(), json.dumps(public(own)), json.dumps({"keys": [public(own)] * 2})):
        (key,) = keys_in_text("public_keys", text)
        assert key.thumbprint == own.thumbprint()
        assert "d" not in key.jwk


def rsa_pem(bits):
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return rsa.generate_private_key(65537, bits).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def ec_pem(curve):
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return ec.generate_private_key(curve).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
