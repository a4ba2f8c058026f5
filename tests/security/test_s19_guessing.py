"""S19: whoever guesses secrets waits, and nobody else does."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from agents.credentials import new_key
from agents.models import AuthMethod, Event
from tests import builders, grants
from tests.grants import basic, post
from tests.security.expected import is_oauth_error
from tests.signing import SigningClient, by_assertion, claims_of, gives_key, pair, signed

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
FORM = {"grant_type": "client_credentials"}


def guesses(name, count, address="198.51.100.7"):
    return [post("/oauth/token", FORM, **basic(name, f"guess {n}"), REMOTE_ADDR=address) for n in range(count)]


def test_s19_thirty_wrong_secrets_from_one_address_are_enough(one_minute, claims, clinic_allows):
    wrong = guesses(claims.client.client_id, 30)
    assert {answer.status_code for answer in wrong} == {401}
    held_up = post("/oauth/token", FORM, **claims.header, REMOTE_ADDR="198.51.100.7")
    assert held_up.status_code == 429
    assert 0 < int(held_up["Retry-After"]) <= 60
    assert held_up["Cache-Control"] == "no-store"
    assert post("/oauth/token", FORM, **claims.header, REMOTE_ADDR="198.51.100.8").status_code == 200


def test_s19_the_wait_ends_by_itself(one_minute, claims, clinic_allows):
    guesses(claims.client.client_id, 40)
    with time_machine.travel(one_minute + timedelta(seconds=60), tick=False):
        assert post("/oauth/token", FORM, **claims.header, REMOTE_ADDR="198.51.100.7").status_code == 200


def test_s19_others_behind_the_same_address_are_not_held_up(one_minute, claims, clinic_allows, discharge):
    guesses(discharge.client.client_id, 35)
    assert post("/oauth/token", FORM, **claims.header, REMOTE_ADDR="198.51.100.7").status_code == 200


def test_s19_one_ipv6_network_is_one_source(one_minute, claims, clinic_allows):
    for number in range(30):
        guesses(claims.client.client_id, 1, address=f"2001:db8:0:1::{number + 1:x}")
    assert post("/oauth/token", FORM, **claims.header, REMOTE_ADDR="2001:db8:0:1::ffff").status_code == 429
    assert post("/oauth/token", FORM, **claims.header, REMOTE_ADDR="2001:db8:0:2::1").status_code == 200


def test_s19_unknown_and_known_are_told_alike_before_and_after(one_minute, claims, clinic_allows):
    known, unknown = guesses(claims.client.client_id, 32), guesses("nobody", 32)
    told = [(answer.status_code, answer.content, answer.get("Retry-After")) for answer in known]
    assert told == [(answer.status_code, answer.content, answer.get("Retry-After")) for answer in unknown]


def test_s19_a_flood_is_counted_and_told_in_few_events(one_minute, claims, clinic_allows):
    guesses(claims.client.client_id, 200)
    assert 1 <= Event.objects.filter(kind="token.refused").count() <= 25


@pytest.mark.parametrize("method", [AuthMethod.BASIC, AuthMethod.POST, AuthMethod.PRIVATE_KEY_JWT])
@pytest.mark.parametrize("endpoint", ["/oauth/token", "/oauth/revoke"])
def test_s19_whichever_way_a_client_proves_itself(one_minute, claims_filer, mara, see_appointments, method, endpoint):
    client = builders.client(claims_filer, method.value, auth_method=method)
    grants.consent(client, scopes=[see_appointments], user=None, by=mara, purpose="File claims")
    right, wrong = proofs_of(client)
    form = FORM | {"token": "x"}

    def tries(proof, address="198.51.100.7"):
        body, header = proof()
        return post(endpoint, form | body, **header, REMOTE_ADDR=address)

    assert tries(right).status_code == 200
    assert [tries(wrong).status_code for _ in range(30)] == 30 * [401]
    held_up = tries(right)
    assert (held_up.status_code, held_up.json()["error"]) == (429, "invalid_client")
    assert tries(right, address="198.51.100.8").status_code == 200
    kind = "token.refused" if endpoint == "/oauth/token" else "revocation.refused"
    told = Event.objects.filter(kind=kind, reason_code="invalid_client")
    assert {event.client_id for event in told} == {client.pk}
    assert told.count() >= 20


def proofs_of(client):
    """How a client proves itself rightly, and wrongly: each what is added to body and header."""
    if client.signs:
        signing, forger = SigningClient(client), pair()
        gives_key(client, signing.key)
        mine = client.client_id
        return (
            lambda: (by_assertion(signing.assertion()), {}),
            lambda: (by_assertion(signed(claims_of(mine), forger)), {}),
        )
    key, guess = builders.key(client).key, new_key("aaaaaaaaaaaa")
    if client.auth_method == AuthMethod.BASIC:
        return lambda: ({}, basic(client.client_id, key)), lambda: ({}, basic(client.client_id, guess))
    named = {"client_id": client.client_id}
    return lambda: (named | {"client_secret": key}, {}), lambda: (named | {"client_secret": guess}, {})


def test_s19_resources_likewise(one_minute, records_api):
    wrong = basic(records_api.resource.identifier, "guess")
    for _ in range(30):
        assert is_oauth_error(post("/oauth/introspect", {"token": "x"}, **wrong), "invalid_client", 401)
    assert post("/oauth/introspect", {"token": "x"}, **records_api.header).status_code == 429
    elsewhere = post("/oauth/introspect", {"token": "x"}, **records_api.header, REMOTE_ADDR="198.51.100.8")
    assert elsewhere.json() == {"active": False}
