"""DPoP (RFC 9449): every grant binds its tokens to the key that was proven, and says so where they are read."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client as Browser
from django.utils import timezone

from agents import clients, organisation, resources
from agents.models import AuthMethod
from agents.trail.kinds import Kind
from consent.models import AccessToken, TokenFamily
from consent.oauth.signing_keys import verified_claims
from tests import builders, grants, out_of_band
from tests.builders import actor, one_refusal
from tests.consent.asking import VERIFIER, answer_of, asked, decides, opens, screen
from tests.forms import form_of
from tests.grants import post
from tests.oauth.test_query_counts import statements
from tests.proofs import BoundClient, proof, with_proof
from tests.security.expected import error_sent_back, is_oauth_error
from tests.services.parallel import at_once
from tests.signing import ed25519_pair, pair, rsa_pair

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def filer(claims, clinic_allows):
    """The autonomous agent, with a key of its own beside its secret."""
    return BoundClient(claims.client, claims.key)


@pytest.fixture
def local(discharge_assistant, weber, read_records):
    """A public client, and what Weber allows it."""
    client = builders.client(discharge_assistant, "local tool", auth_method=AuthMethod.NONE)
    return BoundClient(client), grants.consent(client, scopes=[read_records], user=weber)


@pytest.mark.parametrize("key", [pair, ed25519_pair, rsa_pair])
def test_an_opaque_token_is_bound_and_introspection_says_to_which_key(filer, records_api, key):
    filer.key = key()
    answer = filer.act_alone()
    assert (answer.status_code, answer.json()["token_type"]) == (200, "DPoP")
    seen = records_api.introspects(answer.json()["access_token"])
    assert (seen["token_type"], seen["cnf"]) == ("DPoP", {"jkt": filer.jkt})
    (event,) = builders.events(Kind.TOKEN_ISSUED)
    assert event.detail["bound"] is True


def test_a_jwt_is_bound_as_well(claims, mara, look_up_staff, directory_api):
    grants.consent(claims.client, scopes=[look_up_staff], user=None, by=mara, purpose="Look up staff")
    filer = BoundClient(claims.client, claims.key)
    token = filer.act_alone().json()["access_token"]
    found = verified_claims(token, typ="at+jwt", now=timezone.now())
    assert found["cnf"] == {"jkt": filer.jkt}
    assert directory_api.introspects(token)["cnf"] == {"jkt": filer.jkt}


def test_without_a_proof_it_is_a_bearer_token_as_ever(claims, clinic_allows, records_api):
    answer = claims.act_alone().json()
    assert answer["token_type"] == "Bearer"
    seen = records_api.introspects(answer["access_token"])
    assert seen["token_type"] == "Bearer"
    assert "cnf" not in seen


def test_a_public_clients_family_belongs_to_its_key(local, pkce, records_api):
    tool, given = local
    pair_of_tokens = tool.redeem(grants.code(given, pkce), pkce).json()
    assert pair_of_tokens["token_type"] == "DPoP"
    refresh = pair_of_tokens["refresh_token"]
    thief = BoundClient(tool.client)
    assert is_oauth_error(thief.refresh(refresh), "invalid_grant")
    assert is_oauth_error(tool.refresh(refresh, ""), "invalid_dpop_proof")
    assert TokenFamily.objects.get().ended_at is None
    fresh = tool.refresh(refresh).json()
    assert records_api.introspects(fresh["access_token"])["cnf"] == {"jkt": tool.jkt}


def test_a_lost_answer_heals_for_whoever_proves_the_key(local, pkce):
    """decisions.md, Refresh: a client that proves itself, by authentication or DPoP, gets a new successor."""
    tool, given = local
    refresh = tool.redeem(grants.code(given, pkce), pkce).json()["refresh_token"]
    lost = tool.refresh(refresh).json()["refresh_token"]
    again = tool.refresh(refresh)
    assert again.status_code == 200
    assert is_oauth_error(tool.refresh(lost), "invalid_grant")


def test_a_client_that_authenticates_may_change_its_key_but_not_go_without(discharge, weber_allows, pkce, records_api):
    before = BoundClient(discharge.client, discharge.key)
    refresh = before.redeem(grants.code(weber_allows, pkce), pkce).json()["refresh_token"]
    with one_refusal("token.refused", "invalid_dpop_proof"):
        assert is_oauth_error(discharge.refresh(refresh), "invalid_dpop_proof")
    after = BoundClient(discharge.client, discharge.key)
    fresh = after.refresh(refresh).json()
    assert records_api.introspects(fresh["access_token"])["cnf"] == {"jkt": after.jkt}


def test_a_code_for_a_key_that_was_named_at_the_start(discharge, weber):
    bound = BoundClient(discharge.client, discharge.key)
    browser = builders.browser(weber)
    form = screen(browser, discharge.client, scope="calendar:read", dpop_jkt=bound.jkt)
    code = answer_of(decides(browser, form))["code"]
    pkce = grants.Pkce(VERIFIER)
    assert is_oauth_error(discharge.redeem(code, pkce), "invalid_grant")
    assert is_oauth_error(bound.redeem(code, pkce, proof(pair())), "invalid_grant")
    assert bound.redeem(code, pkce).json()["token_type"] == "DPoP"


def test_a_proof_with_a_push_names_the_key_too(discharge, weber):
    bound = BoundClient(discharge.client, discharge.key)
    right = asked(discharge.client, scope="calendar:read")

    def pushes(key, **more):
        return post("/oauth/par", right | more, **discharge.header, **with_proof(proof(key, "/oauth/par")))

    with one_refusal("authorization.refused", "invalid_dpop_proof"):
        assert is_oauth_error(pushes(pair(), dpop_jkt=bound.jkt), "invalid_dpop_proof")
    reference = pushes(bound.key, dpop_jkt=bound.jkt).json()["request_uri"]
    assert pushes(bound.key).status_code == 201
    browser = builders.browser(weber)
    sent = {"client_id": discharge.client.client_id, "request_uri": reference}
    form = form_of(browser.get("/oauth/authorize", sent, follow=True))
    code = answer_of(decides(browser, form))["code"]
    pkce = grants.Pkce(VERIFIER)
    assert is_oauth_error(discharge.redeem(code, pkce), "invalid_grant")
    assert bound.redeem(code, pkce).status_code == 200


@pytest.mark.parametrize("jkt", ["x", "x" * 44, "x" * 42 + "=", "\u00e9" * 43])
def test_what_is_no_thumbprint_is_refused_at_the_start(discharge_client, weber, jkt):
    answer = opens(builders.browser(weber), discharge_client, scope="calendar:read", dpop_jkt=jkt)
    assert error_sent_back(answer, to=grants.REDIRECT) == "invalid_request"


def test_a_client_that_must_prove_its_key(filer, claims, ada):
    clients.change(claims.client, require_dpop=True, by=actor(ada), now=timezone.now())
    with one_refusal("token.refused", "invalid_dpop_proof"):
        assert is_oauth_error(claims.act_alone(), "invalid_dpop_proof")
    assert filer.act_alone().status_code == 200


def test_a_resource_that_takes_only_bound_tokens(filer, claims, records, mara, discharge, weber_allows, pkce):
    resources.change(records, require_dpop=True, by=actor(mara), now=timezone.now())
    with one_refusal("token.refused", "invalid_dpop_proof"):
        assert is_oauth_error(claims.act_alone(), "invalid_dpop_proof")
    assert filer.act_alone().status_code == 200
    code = grants.code(weber_allows, pkce)
    assert is_oauth_error(discharge.redeem(code, pkce), "invalid_dpop_proof")
    assert BoundClient(discharge.client, discharge.key).redeem(code, pkce).json()["token_type"] == "DPoP"
    assert AccessToken.objects.filter(jkt="").count() == 0


def test_bearer_tokens_of_before_end_where_a_resource_begins_to_demand_it(
    claims, clinic_allows, records, records_api, mara
):
    token = claims.act_alone().json()["access_token"]
    assert records_api.introspects(token)["active"] is True
    resources.change(records, require_dpop=True, by=actor(mara), now=timezone.now())
    with one_refusal("introspection.inactive", "not_bound"):
        assert records_api.introspects(token) == {"active": False}


# ---------------------------------------------------------------------------------------------------- nonces


@pytest.fixture
def nonces(mara):
    organisation.change_policy(
        name="St. Anna", second_person_activates=False, dpop_nonces=True, by=actor(mara), now=timezone.now()
    )


def test_a_nonce_is_asked_for_used_and_renewed(filer, nonces):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        first = filer.act_alone()
        assert is_oauth_error(first, "use_dpop_nonce")
        nonce = first["DPoP-Nonce"]
        answer = filer.act_alone(proof(filer.key, nonce=nonce))
        assert answer.status_code == 200
        assert "DPoP-Nonce" not in answer
        clock.shift(timedelta(minutes=3))
        renewed = filer.act_alone(proof(filer.key, nonce=nonce))
        assert renewed.status_code == 200
        clock.shift(timedelta(minutes=2, seconds=1))
        assert is_oauth_error(filer.act_alone(proof(filer.key, nonce=nonce)), "use_dpop_nonce")
        assert filer.act_alone(proof(filer.key, nonce=renewed["DPoP-Nonce"])).status_code == 200
    assert not builders.events(Kind.TOKEN_REFUSED)  # asking for a number is how it goes


def test_without_the_policy_there_is_none(filer):
    answer = filer.act_alone()
    assert answer.status_code == 200
    assert "DPoP-Nonce" not in answer


# ---------------------------------------------------------------------------------------------------- what it costs


@pytest.mark.django_db(transaction=True)
def test_of_fifty_uses_of_one_proof_one_counts(filer):
    one = proof(filer.key)
    outcome = at_once(50, lambda _number: filer.act_alone(one).status_code)
    assert not outcome.raised, outcome.raised[:3]
    assert sorted(outcome.returned) == [200] + [400] * 49


@pytest.mark.django_db(transaction=True)
def test_a_proof_costs_two_statements_more_and_its_absence_none(filer, claims):
    filer.act_alone()
    with statements(most=6):
        assert filer.act_alone().status_code == 200
    with statements(most=4):
        assert claims.act_alone().status_code == 200


def test_the_metadata_list_what_proofs_are_signed_by():
    document = Browser().get("/.well-known/oauth-authorization-server").json()
    assert document["dpop_signing_alg_values_supported"] == ["ES256", "EdDSA", "Ed25519", "PS256"]


def test_it_works_where_no_browser_is_at_hand(discharge_assistant, weber, mara, records_api):
    """Out of band and on devices the same code issues the first tokens."""
    robot = out_of_band.asking_client(discharge_assistant)
    out_of_band.joins_circle(discharge_assistant, weber, by=mara)
    bound = BoundClient(robot.client, robot.key)
    asked_for = out_of_band.asked_id(robot, weber)
    out_of_band.decides(weber, out_of_band.request_of(asked_for))
    answer = bound.ask(grant_type=out_of_band.CIBA, auth_req_id=asked_for)
    assert (answer.status_code, answer.json()["token_type"]) == (200, "DPoP")
    assert records_api.introspects(answer.json()["access_token"])["cnf"] == {"jkt": bound.jkt}
    assert is_oauth_error(robot.refresh(answer.json()["refresh_token"]), "invalid_dpop_proof")
