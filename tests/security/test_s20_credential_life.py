"""S20: a credential proves something from its start to its end, while its client and agent may be used, and no longer."""

from __future__ import annotations

import base64
import time
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents import clients, credentials, lifecycle
from agents.actors import Actor
from agents.errors import InvalidInput
from agents.models import AuthMethod
from agents.public_keys import key_of, keys_in_set, keys_in_text
from tests import builders, grants
from tests.builders import actor, one_refusal
from tests.grants import TokenClient
from tests.security.expected import is_oauth_error
from tests.signing import SigningClient, encoded, gives_key, pair, public, rsa_pair

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def test_s20_a_revoked_one_proves_nothing_at_once(claims, clinic_allows, claims_client, mara):
    second = builders.key(claims_client)
    leaked = TokenClient(claims_client, second.key)
    assert leaked.act_alone().status_code == 200
    credentials.revoke(second.credential, by=Actor.person(mara), now=timezone.now(), reason="Leaked.")
    with one_refusal("token.refused", "invalid_client"):
        assert is_oauth_error(leaked.act_alone(), "invalid_client", 401)
    assert claims.act_alone().status_code == 200


def test_s20_a_rotated_one_overlaps_until_its_date(claims_client, clinic_allows, now):
    old = TokenClient(claims_client, builders.key(claims_client, ends_at=now + timedelta(hours=1)).key)
    new = TokenClient(claims_client, builders.key(claims_client).key)
    with time_machine.travel(now + timedelta(minutes=59)):
        assert old.act_alone().status_code == new.act_alone().status_code == 200
    with time_machine.travel(now + timedelta(hours=1)):
        assert is_oauth_error(old.act_alone(), "invalid_client", 401)
        assert new.act_alone().status_code == 200


@pytest.mark.parametrize("move", ["suspend", "retire"])
def test_s20_that_of_an_agent_that_is_not_active(claims, claims_filer, clinic_allows, mara, now, move):
    assert claims.act_alone().status_code == 200
    getattr(lifecycle, move)(claims_filer, reason="Over.", by=Actor.person(mara), now=now)
    with one_refusal("token.refused", "agent_not_usable"):
        assert is_oauth_error(claims.act_alone(), "invalid_client", 401)


def test_s20_that_of_an_agent_past_its_end(mara, ada, see_appointments, now):
    from agents.models.agent import Kind

    agent = builders.agent(
        "Short", owner=ada, kind=Kind.AUTONOMOUS, scopes=[see_appointments], ends_at=now + timedelta(hours=1)
    )
    client = builders.client(agent)
    grants.consent(client, scopes=[see_appointments], user=None, by=mara, life=timedelta(minutes=50))
    short = TokenClient(client, builders.key(client).key)
    assert short.act_alone().status_code == 200
    with time_machine.travel(now + timedelta(hours=1)):
        assert is_oauth_error(short.act_alone(), "invalid_client", 401)


def test_s20_that_of_a_client_that_was_removed(claims, claims_client, clinic_allows, mara, now):
    assert claims.act_alone().status_code == 200
    clients.end(claims_client, reason="Not needed.", by=Actor.person(mara), now=now)
    assert is_oauth_error(claims.act_alone(), "invalid_client", 401)


def in_disguise(key, member):
    """The same public key with another zero before one of its numbers: other text, and so another thumbprint."""
    jwk = public(key)
    number = base64.urlsafe_b64decode(jwk[member] + "=" * (-len(jwk[member]) % 4))
    return {**jwk, member: encoded(b"\0" + number).decode()}


@pytest.mark.parametrize(("make", "member"), [(pair, "x"), (pair, "y"), (rsa_pair, "n"), (rsa_pair, "e")])
def test_s20_a_revoked_public_key_does_not_come_again_in_disguise(claims_filer, mara, ada, make, member):
    signs = builders.client(claims_filer, "signs", auth_method=AuthMethod.PRIVATE_KEY_JWT)
    leaked, now = make(), timezone.now()
    credentials.revoke(gives_key(signs, leaked), by=actor(mara), now=now, reason="Leaked.")
    for again in (public(leaked), in_disguise(leaked, member)):
        with pytest.raises(InvalidInput):
            credentials.add_public_keys(signs, [key_of(again)], by=actor(ada), now=now)
    assert key_of(in_disguise(leaked, member)).thumbprint == key_of(public(leaked)).thumbprint


@pytest.mark.parametrize("kid", ["\ud800", "a\0b", "a\nb", "x" * 300])
def test_s20_a_name_of_a_key_that_no_database_keeps_is_left_out(claims_filer, mara, see_appointments, kid):
    signs = builders.client(claims_filer, "signs", auth_method=AuthMethod.PRIVATE_KEY_JWT)
    grants.consent(signs, scopes=[see_appointments], user=None, by=mara, purpose="File claims")
    signing = SigningClient(signs)
    credentials.add_public_keys(signs, [key_of(public(signing.key, kid=kid))], by=actor(mara), now=timezone.now())
    assert signing.act_alone().status_code == 200


def test_s20_of_a_published_set_what_is_no_key_is_passed_over():
    fine = pair()
    odd = ({"use": ["sig"]}, {"use": {}}, {"kty": ["EC"]}, {"crv": []}, {"x": 7}, {"y": None}, {"d": "x"})
    keys = [*({**public(pair()), **changed} for changed in odd), None, [], "key", 7, public(fine)]
    assert [key.thumbprint for key in keys_in_set({"keys": keys})] == [fine.thumbprint()]


@pytest.mark.parametrize("text", ["-----BEGIN A-----" * 2_300, ("-----BEGIN A-----" + "-----END B-----") * 1_200])
def test_s20_a_text_of_many_beginnings_is_read_in_no_time(text):
    started = time.monotonic()
    with pytest.raises(InvalidInput):
        keys_in_text("public_keys", text)
    assert time.monotonic() - started < 0.2
