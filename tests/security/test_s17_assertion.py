"""S17: an assertion proves one client to this server, once, for five minutes at most."""

from __future__ import annotations

import pytest

from agents import clients
from agents.models import AuthMethod
from consent.models import AccessToken, UsedOnce
from tests import builders
from tests.builders import actor, one_refusal
from tests.security.expected import is_oauth_error
from tests.signing import SigningClient, claims_of, gives_key, signed

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
REFUSED = ("token.refused", "invalid_client")


@pytest.fixture
def sibling(claims_filer, mara, see_appointments):
    """Another client of the same agent, with a key of its own."""
    client = builders.client(claims_filer, "sibling", auth_method=AuthMethod.PRIVATE_KEY_JWT)
    signing = SigningClient(client)
    gives_key(client, signing.key)
    return signing


def bad_claims(issuer):
    now = claims_of("x")["iat"]
    return (
        {"iss": "another"}, {"iss": None}, {"iss": 7}, {"sub": None}, {"sub": ["x"]}, {"sub": ""},
        {"exp": None}, {"exp": now - 60}, {"exp": now + 400}, {"exp": "tomorrow"}, {"exp": True},
        {"exp": 1e400}, {"exp": 10**30}, {"exp": 10**400}, {"exp": -1},
        {"jti": None}, {"jti": ""}, {"jti": 7}, {"jti": "x" * 256},
        {"nbf": now + 120}, {"iat": now + 120}, {"iat": 10**400}, {"nbf": -(10**400)}, {"nbf": "now"}, {"iat": []},
        {"aud": None}, {"aud": ""}, {"aud": []}, {"aud": "https://other.example"}, {"aud": issuer + "/"},
        {"aud": issuer.upper()}, {"aud": f"{issuer}/oauth/token"}, {"aud": f"{issuer}/oauth/par"},
        {"aud": [issuer, "https://other.example"]}, {"aud": [issuer, issuer]}, {"aud": {"a": issuer}},
    )  # fmt: skip


def test_s17_each_claim(filer, settings):
    for changed in bad_claims(settings.ISSUER):
        with one_refusal(*REFUSED):
            assert is_oauth_error(filer.act_alone(filer.assertion(**changed)), "invalid_client", 401), changed
        forget_guessing()
    assert not UsedOnce.objects.filter(kind="assertion").exists()
    for right in ({}, {"aud": [settings.ISSUER]}, {"iat": None}, {"nbf": claims_of("x")["iat"] + 5}):
        assert filer.act_alone(filer.assertion(**right)).status_code == 200, right


def forget_guessing():
    """Each case stands for itself; that thirty in a minute are held up is S19."""
    from agents.models import RefusalCount

    RefusalCount.objects.all().delete()


def test_s17_used_twice(filer):
    assertion = filer.assertion()
    assert filer.act_alone(assertion).status_code == 200
    head, _, signature = assertion.rpartition(".")
    for again in (assertion, f"{head}.{signature}", filer.assertion(jti=jti_of(assertion))):
        with one_refusal(*REFUSED):
            assert is_oauth_error(filer.act_alone(again), "invalid_client", 401)
    assert AccessToken.objects.count() == 1


def jti_of(assertion):
    import base64
    import json

    body = assertion.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["jti"]


def test_s17_used_up_by_a_request_that_fails_afterwards(filer):
    assertion = filer.assertion()
    assert is_oauth_error(filer.act_alone(assertion, scope="no:such"), "invalid_scope")
    assert is_oauth_error(filer.act_alone(assertion), "invalid_client", 401)


def test_s17_the_same_jti_of_two_clients_is_two(filer, sibling):
    assert filer.act_alone(filer.assertion(jti="one")).status_code == 200
    answer = sibling.act_alone(sibling.assertion(jti="one"))
    assert is_oauth_error(answer, "unauthorized_client")  # proven, and without a consent of its own


def test_s17_anothers_key(filer, sibling):
    for forged in (
        signed(claims_of(filer.client.client_id), sibling.key),
        signed(claims_of(sibling.client.client_id), filer.key),
        signed(claims_of(filer.client.client_id, iss=sibling.client.client_id), sibling.key),
    ):
        with one_refusal(*REFUSED):
            assert is_oauth_error(filer.act_alone(forged), "invalid_client", 401)
    assert filer.act_alone().status_code == 200


def test_s17_two_clients_in_one_request(filer, sibling):
    with one_refusal("token.refused", "invalid_request"):
        assert is_oauth_error(filer.act_alone(client_id=sibling.client.client_id), "invalid_request")
    assert filer.act_alone(client_id=filer.client.client_id).status_code == 200


@pytest.mark.parametrize("typ", ["at+jwt", "dpop+jwt", "secevent+jwt", "id_token", "", 7, None, ["JWT"]])
def test_s17_another_kind_of_token(filer, typ):
    with one_refusal(*REFUSED):
        forged = signed(claims_of(filer.client.client_id), filer.key, typ=typ)
        assert is_oauth_error(filer.act_alone(forged), "invalid_client", 401)


@pytest.mark.parametrize("kind", ["", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "jwt-bearer"])
def test_s17_another_kind_of_assertion(filer, kind):
    answer = filer.act_alone(client_assertion_type=kind)
    assert is_oauth_error(answer, "invalid_client", 401)


def test_s17_an_agent_that_may_not_act(filer, ada):
    from agents import lifecycle

    assertion = filer.assertion()
    now = builders.timezone.now()
    lifecycle.suspend(filer.client.agent, reason="Look at it.", by=actor(ada), now=now)
    with one_refusal("token.refused", "agent_not_usable"):
        assert is_oauth_error(filer.act_alone(assertion), "invalid_client", 401)


def test_s17_a_removed_client(filer, ada):
    clients.end(filer.client, reason="Gone.", by=actor(ada), now=builders.timezone.now())
    assert is_oauth_error(filer.act_alone(), "invalid_client", 401)
