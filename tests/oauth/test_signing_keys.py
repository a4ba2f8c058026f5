"""Signing keys: what is published, what is kept, and what no forged token gets past (RFC 7517, RFC 8725, RFC 9068)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.db import transaction
from django.test import Client as Browser
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import KeySet

from agents.encryption import decrypt
from agents.ids import uuid7
from agents.models import Event
from consent.models import AccessToken, SigningKey
from consent.oauth import signing_keys
from consent.oauth.access_token import TYP
from consent.oauth.signing_keys import forget_keys, make_key, sign, verified_claims
from tests import forgery, grants
from tests.forgery import OWN_JWK

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
INACTIVE = {"active": False}


@pytest.fixture
def token(claims, claims_client, mara, look_up_staff):
    """A JWT for the staff directory, which checks offline."""
    grants.consent(claims_client, scopes=[look_up_staff], user=None, by=mara)
    return claims.act_alone().json()["access_token"]


def published():
    answer = Browser().get("/.well-known/jwks.json")
    assert answer.status_code == 200
    return answer


def test_a_resource_can_check_a_token_with_what_is_published(token, directory, settings):
    claimed = jwt.decode(token, KeySet.import_key_set(published().json()), algorithms=["ES256"])
    assert claimed.header == {"typ": "at+jwt", "alg": "ES256", "kid": published().json()["keys"][0]["kid"]}
    assert claimed.claims["iss"] == settings.ISSUER
    assert claimed.claims["aud"] == directory.uri
    assert claimed.claims["exp"] - claimed.claims["iat"] == 300


def test_only_public_members_are_published(token):
    answer = published()
    assert answer["Content-Type"] == "application/jwk-set+json"
    for key in answer.json()["keys"]:
        assert set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
        assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("EC", "P-256", "sig", "ES256")


def test_the_set_is_never_empty_and_asking_changes_no_key():
    first = published().json()
    assert len(first["keys"]) == 1
    assert published().json() == first
    assert Event.objects.filter(kind="signing_key.made").count() == 1


def test_the_private_half_cannot_be_read_in_the_tables(token, tmp_path):
    row = SigningKey.objects.get()
    assert "d" not in row.public_jwk
    dump = tmp_path / "dump.json"
    call_command("dumpdata", output=str(dump), verbosity=0)
    text = dump.read_text()
    assert row.kid in text
    assert '"d":' not in text
    assert json.loads(decrypt(row.private_jwk_encrypted))["d"] not in text


@pytest.mark.parametrize(
    "forge",
    [
        forgery.unsigned,
        lambda token: forgery.unsigned(token, alg="None"),
        lambda token: forgery.unsigned(token, alg="ES256"),
        lambda token: forgery.unsigned(token, alg=""),
        lambda token: forgery.unsigned(token, alg=["ES256"]),
        forgery.by_own_key,
        lambda token: forgery.by_own_key(token, jwk=OWN_JWK),
        lambda token: forgery.by_own_key(token, jku="https://evil.example/jwks.json"),
        lambda token: forgery.by_own_key(token, x5u="https://evil.example/cert"),
        lambda token: forgery.by_own_key(token, kid="unknown", jwk=OWN_JWK),
        lambda token: forgery.by_own_key(token, kid="../../dev/null"),
        lambda token: forgery.by_own_key(token, kid="' OR 1=1 --"),
        lambda token: forgery.by_own_key(token, kid="\0"),
        lambda token: forgery.by_own_key(token, kid="\ud800"),
        lambda token: forgery.by_own_key(token, kid=["x"]),
        lambda token: forgery.by_own_key(token, kid=None),
        lambda token: forgery.by_own_key(token, crit=["b64"], b64=False),
        lambda token: forgery.by_own_key(token, crit=["unknown"], unknown=1),
        lambda token: forgery.with_changed_claims(token, scope="staff:read staff:write"),
        lambda token: forgery.with_changed_claims(token, jti=str(uuid7())),
        lambda token: token[:-4] + "AAAA",
        lambda token: token.rpartition(".")[0] + ".",
        lambda token: f"{forgery.encoded(['alg'])}.{token.partition('.')[2]}",
        lambda token: f"{forgery.encoded(b'[' * 5000)}.{token.partition('.')[2]}",
        lambda token: f"{forgery.encoded({'alg': 'dir', 'enc': 'A128GCM', 'p2c': 2**31})}.{token.partition('.')[2]}",
        lambda token: f"{'A' * 2_000}.{'B' * 90_000}.C",
    ],
)
def test_a_forged_token_is_worth_nothing(token, directory_api, forge):
    assert directory_api.introspects(forge(token)) == INACTIVE
    assert verified_claims(forge(token), typ=TYP, now=timezone.now()) is None
    assert directory_api.introspects(token)["active"] is True


def test_no_public_key_serves_as_the_secret_of_an_hmac(token, directory_api):
    for secret in forgery.octets_of(published().json()["keys"][0]):
        assert directory_api.introspects(forgery.by_hmac(token, secret)) == INACTIVE


def test_our_signature_on_another_kind_of_token_does_not_count(token, directory_api):
    now = timezone.now()
    claims = forgery.claims_of(token)
    for typ in "JWT", "logout+jwt", "secevent+jwt", "AT+JWT", "":
        assert directory_api.introspects(forgery.by_our_key(claims, now=now, typ=typ)) == INACTIVE
    assert directory_api.introspects(forgery.by_our_key(claims, now=now))["active"] is True


@pytest.mark.parametrize("jti", ["01a20c41-9332-70f1-bbd7-a0547e5e1c2b", "x", None, 7, ["a"], "'", ""])
def test_a_signed_token_that_is_not_in_the_table_is_inactive(token, directory_api, jti):
    known = forgery.claims_of(token)
    assert directory_api.introspects(forgery.by_our_key({**known, "jti": jti}, now=timezone.now())) == INACTIVE


def test_what_a_signed_token_says_of_itself_is_not_what_it_is_worth(token, directory_api):
    grown = {**forgery.claims_of(token), "scope": "staff:read staff:write", "exp": 9_999_999_999, "sub": "somebody"}
    seen = directory_api.introspects(forgery.by_our_key(grown, now=timezone.now()))
    assert (seen["scope"], seen["sub"]) == ("staff:read", forgery.claims_of(token)["sub"])
    assert seen["exp"] == forgery.claims_of(token)["exp"]


def test_the_second_form_of_a_signature_is_the_same_token(token, directory_api):
    other = forgery.second_form(token)
    assert other != token
    assert directory_api.introspects(other)["jti"] == directory_api.introspects(token)["jti"]
    assert AccessToken.objects.count() == 1


def test_a_rotation_refuses_no_token_and_a_new_key_signs(token, claims, directory_api):
    old = forgery.header_of(token)["kid"]
    new = make_key(now=timezone.now()).kid
    assert new != old
    assert directory_api.introspects(token)["active"] is True
    forget_keys()
    fresh = claims.act_alone().json()["access_token"]
    assert forgery.header_of(fresh)["kid"] == new
    assert {key["kid"] for key in published().json()["keys"]} == {old, new}
    assert directory_api.introspects(token)["active"] is True
    assert directory_api.introspects(fresh)["active"] is True


def test_a_key_that_another_process_made_just_now_counts(token, directory_api):
    ours = signing_keys._memory.kept
    make_key(now=timezone.now())
    forget_keys()
    theirs = forgery.by_our_key(forgery.claims_of(token), now=timezone.now())
    signing_keys._memory.kept = ours
    assert forgery.header_of(theirs)["kid"] != forgery.header_of(token)["kid"]
    assert directory_api.introspects(theirs)["active"] is True


def test_an_unpublished_key_counts_no_more(token, directory_api):
    SigningKey.objects.update(unpublished_at=timezone.now())
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        assert directory_api.introspects(token) == INACTIVE
        assert forgery.header_of(token)["kid"] not in {key["kid"] for key in published().json()["keys"]}


def test_a_key_that_was_rolled_back_is_not_used(transactional_db):
    with transaction.atomic():
        lost = sign({}, typ=TYP, now=timezone.now())
        transaction.set_rollback(True)
    kept = sign({}, typ=TYP, now=timezone.now())
    assert forgery.header_of(kept)["kid"] != forgery.header_of(lost)["kid"]
    assert SigningKey.objects.get().kid == forgery.header_of(kept)["kid"]


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_the_set_is_only_read(method):
    assert getattr(Browser(), method)("/.well-known/jwks.json").status_code == 405
