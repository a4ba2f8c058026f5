"""A key alone: it says by its handle whose it is, and proves it. No client id beside it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents import credentials
from agents.credentials import checksum
from agents.models import AuthMethod, Event
from agents.trail.kinds import Kind
from tests import builders, grants
from tests.builders import actor, one_refusal
from tests.grants import basic, post
from tests.oauth.test_query_counts import statements
from tests.security.expected import is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
FORM = {"grant_type": "client_credentials"}


def alone(key, **form):
    return post("/oauth/token", FORM | form, **basic("", key))


def forged(key):
    """A key of the same handle with another secret, and a right checksum."""
    body = "_".join(key.split("_")[:2]) + "_" + "0" * 43
    return f"{body}_{checksum(body)}"


def test_a_key_alone_gets_a_token_like_one_with_the_client_beside_it(claims, clinic_allows):
    answer = alone(claims.key)
    assert answer.status_code == 200, answer.content
    assert answer.json()["scope"] == "calendar:read"
    (issued,) = builders.events(Kind.TOKEN_ISSUED)
    assert (issued.client_id, issued.credential_id) == (claims.client.pk, claims.client.credentials.get().pk)


@pytest.mark.django_db(transaction=True)
def test_it_costs_no_statement_more(claims, clinic_allows):
    claims.act_alone()  # the first one of a minute also notes the use
    with statements(most=4):
        assert alone(claims.key).status_code == 200


def test_in_the_form_for_a_client_that_is_registered_so(claims_filer, mara, see_appointments, claims, clinic_allows):
    client = builders.client(claims_filer, "posts", auth_method=AuthMethod.POST)
    grants.consent(client, scopes=[see_appointments], user=None, by=mara, purpose="File claims")
    key = builders.key(client).key
    assert post("/oauth/token", FORM | {"client_secret": key}).status_code == 200
    with one_refusal("token.refused", "invalid_client"):
        assert is_oauth_error(alone(key), "invalid_client", 401)
    with one_refusal("token.refused", "invalid_client"):
        assert is_oauth_error(post("/oauth/token", FORM | {"client_secret": claims.key}), "invalid_client", 401)


def test_revoked_ended_of_a_resource_forged_or_unknown(claims, clinic_allows, records_api, claims_client, ada):
    other = builders.key(claims_client)
    credentials.revoke(other.credential, by=actor(ada), now=timezone.now(), reason="It leaked.")
    unknown = credentials.new_key("zzzzzzzzzzzz")
    for key in (other.key, records_api.key, forged(claims.key), unknown):
        with one_refusal("token.refused", "invalid_client"):
            assert is_oauth_error(alone(key), "invalid_client", 401)
    assert alone(claims.key).status_code == 200


def test_what_is_no_whole_key_is_told_so(claims, clinic_allows):
    for key in (claims.key[:-1], claims.key[4:], "", "mdt_a\u0308_b_c", "x" * 5_000, claims.key + "0"):
        answer = alone(key)
        assert is_oauth_error(answer, "invalid_client", 401)
        assert "no whole key" in answer.json()["error_description"]
        assert not key or key not in answer.content.decode()


def test_beside_another_client_in_the_body_it_is_two(claims, clinic_allows):
    assert is_oauth_error(alone(claims.key, client_id=claims.client.client_id), "invalid_request")


def test_guessing_holds_up_whoever_guesses_for_this_key_and_nobody_else(claims, clinic_allows, claims_client):
    # Within one minute of the clock, and after all of this was made.
    start = (timezone.now() + timedelta(minutes=1)).replace(second=5, microsecond=0)
    with time_machine.travel(start, tick=False):
        wrong = forged(claims.key)
        assert {alone(wrong).status_code for _ in range(30)} == {401}
        held_up = alone(claims.key)
        assert (held_up.status_code, held_up.json()["error"]) == (429, "invalid_client")
        assert post("/oauth/token", FORM, **basic("", claims.key), REMOTE_ADDR="198.51.100.8").status_code == 200
    refused = Event.objects.filter(kind=Kind.TOKEN_REFUSED)
    assert {event.client_id for event in refused} == {claims_client.pk}


def test_it_is_in_no_event(claims, clinic_allows):
    wrong = forged(claims.key)
    alone(wrong)
    alone(claims.key)
    told = " ".join(str(vars(event)) for event in Event.objects.all())
    assert wrong not in told
    assert claims.key not in told


def test_the_other_endpoints_take_it_too(claims, clinic_allows):
    token = alone(claims.key).json()["access_token"]
    assert post("/oauth/revoke", {"token": token}, **basic("", claims.key)).status_code == 200
    assert alone(claims.key).status_code == 200
