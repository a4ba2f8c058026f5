"""S27, S28: a proof is of this key, for this request, of this minute, and counts once."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.utils import timezone

from consent.models import AccessToken, UsedOnce
from consent.sweeps import delete_used_once
from tests.builders import one_refusal
from tests.grants import post
from tests.proofs import BoundClient, proof, with_proof
from tests.security.expected import is_oauth_error
from tests.signing import claims_of, encoded, pair, public, rsa_pair, signed

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
REFUSED = ("token.refused", "invalid_dpop_proof")


@pytest.fixture
def filer(claims, clinic_allows):
    return BoundClient(claims.client, claims.key)


def bad_proofs(key, issuer):
    now = claims_of("x")["iat"]
    other = pair()
    yield from (
        proof(key, header={"typ": typ}) for typ in (None, "JWT", "at+jwt", "DPOP+JWT", "dpop+jws", 7, ["dpop+jwt"])
    )
    yield from (proof(key, htm=htm) for htm in (None, "GET", "post", "", 7, ["POST"]))
    yield from (
        proof(key, htu=htu)
        for htu in (
            None, "", 7, issuer, f"{issuer}/oauth/par", f"{issuer}/oauth/token/", f"{issuer}/oauth/TOKEN", "/oauth/token",
            "https://evil.example/oauth/token", issuer.replace("http", "https") + "/oauth/token",
            issuer.replace("://", "://user@") + "/oauth/token", issuer.replace("localhost", "localhost.evil.example"),
            "http://localhost:99999/oauth/token", "http://[::1/oauth/token", f"{issuer}//oauth/token",
            f"{issuer}/oauth/%74oken",
        )
    )  # fmt: skip
    yield from (proof(key, iat=iat) for iat in (None, now - 600, now + 600, "now", True, 1e400, 10**30, 10**400, -1))
    yield from (proof(key, jti=jti) for jti in (None, "", 7, "x" * 256, "x" * 10_000, "a\ud800"))
    yield proof(key, header={"jwk": None})
    yield proof(key, header={"jwk": "own"})
    yield proof(key, header={"jwk": public(other)})
    yield proof(key, header={"jwk": key.as_dict(private=True)})
    yield proof(key, header={"jwk": {"kty": "oct", "k": "c2VjcmV0"}})
    yield from (proof(key, header={"jwk": {**public(key), "use": use}}) for use in ("enc", ["sig"], {}, 7))
    yield proof(key, header={"jwk": public(rsa_pair())})
    yield proof(key, header={"alg": "none"})
    yield proof(key, header={"alg": "HS256"})
    yield proof(key, header={"alg": "PS256"})
    yield proof(rsa_pair(), header={"signed_by": "RS256"})
    for more in ({"jku": "https://evil.example/"}, {"x5u": "https://evil.example/"}, {"crit": ["htu"]}, {"b64": False}):
        yield proof(key, header=more)
    head, body, signature = proof(key).split(".")
    yield f"{head}.{body}."
    yield f"{head}.{body}.{encoded(bytes(64)).decode()}"
    yield f"{head}.{encoded(b'{}').decode()}.{signature}"
    yield f"{proof(key)},{proof(key)}"  # two headers
    yield from ("x", "a.b.c", "..", "a.b.c.d.e", "x" * 9_000, "[" * 5_000)


def test_s27_each_part_of_a_proof(filer, settings):
    from agents.models import RefusalCount

    for bad in bad_proofs(filer.key, settings.ISSUER):
        with one_refusal(*REFUSED):
            assert is_oauth_error(filer.act_alone(bad), "invalid_dpop_proof"), bad
        RefusalCount.objects.all().delete()  # each case stands for itself
    assert not AccessToken.objects.exists()
    assert not UsedOnce.objects.filter(kind="dpop").exists()
    now = claims_of("x")["iat"]
    right = f"{settings.ISSUER}/oauth/token"
    for fine in (
        {}, {"iat": now + 9}, {"iat": now - 9}, {"htu": right + "?a=b"}, {"htu": right + "#x"}, {"unknown": "member"},
        {"htu": right.replace("localhost", "LOCALHOST")},
    ):  # fmt: skip
        assert filer.act_alone(proof(filer.key, **fine)).status_code == 200, fine


def test_s27_at_the_push_endpoint(discharge):
    right = {
        "response_type": "code", "client_id": discharge.client.client_id, "redirect_uri": "https://app.st-anna.example/callback",
        "code_challenge": "x" * 43, "code_challenge_method": "S256", "scope": "calendar:read",
    }  # fmt: skip
    key = pair()
    for bad in (proof(key), proof(key, "/oauth/par", htm="GET"), proof(key, "/oauth/par", iat=1), "x"):
        with one_refusal("authorization.refused", "invalid_dpop_proof"):
            answer = post("/oauth/par", right, **discharge.header, **with_proof(bad))
            assert is_oauth_error(answer, "invalid_dpop_proof")
    good = with_proof(proof(key, "/oauth/par"))
    assert post("/oauth/par", right, **discharge.header, **good).status_code == 201


def test_s27_an_assertion_is_no_proof_and_a_proof_no_assertion(filer):
    claims = claims_of(filer.client.client_id, htm="POST", htu="http://localhost:8000/oauth/token")
    assert is_oauth_error(filer.act_alone(signed(claims, filer.key, typ="JWT")), "invalid_dpop_proof")


def test_s27_whoever_did_not_prove_to_be_the_client_uses_no_proof_up(filer):
    one = proof(filer.key)
    stranger = BoundClient(filer.client, "mdt_wrong", filer.key)
    assert is_oauth_error(stranger.act_alone(one), "invalid_client", 401)
    assert filer.act_alone(one).status_code == 200


def test_s28_the_same_proof_again(filer):
    one = proof(filer.key)
    assert filer.act_alone(one).status_code == 200
    cache.clear()  # F7: nothing that counts once stands in a cache
    delete_used_once(now=timezone.now())
    for _ in range(2):
        with one_refusal(*REFUSED):
            assert is_oauth_error(filer.act_alone(one), "invalid_dpop_proof")
    assert filer.act_alone().status_code == 200


def test_s28_it_stays_used_as_long_as_it_could_come_again(filer):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        one = proof(filer.key)
        assert filer.act_alone(one).status_code == 200
        clock.shift(timedelta(seconds=59))
        delete_used_once(now=timezone.now())
        assert is_oauth_error(filer.act_alone(one), "invalid_dpop_proof")
        clock.shift(timedelta(days=3))
        delete_used_once(now=timezone.now())
        assert is_oauth_error(filer.act_alone(one), "invalid_dpop_proof")  # too old


def test_s28_used_up_by_a_request_that_fails_afterwards(filer):
    one = proof(filer.key)
    assert is_oauth_error(filer.act_alone(one, scope="no:such"), "invalid_scope")
    assert is_oauth_error(filer.act_alone(one), "invalid_dpop_proof")


def test_s28_the_same_jti_by_another_key_is_another_proof(filer):
    assert filer.act_alone(proof(filer.key, jti="one")).status_code == 200
    assert filer.act_alone(proof(pair(), jti="one")).status_code == 200
    assert is_oauth_error(filer.act_alone(proof(filer.key, jti="one")), "invalid_dpop_proof")
