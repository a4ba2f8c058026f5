"""S29: a token that is bound to a key is worth nothing without it. At a real resource: ``tests/clients/test_dpop_at_a_resource.py``."""

from __future__ import annotations

import pytest
from django.test import Client as Browser
from django.utils import timezone

from agents import resources
from consent.models import AccessToken
from tests import grants
from tests.builders import actor, one_refusal
from tests.proofs import BoundClient, ath, proof
from tests.security.expected import INACTIVE, is_oauth_error
from tests.signing import pair

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def stolen(discharge, passed_twice, records):
    """A token of the assistant, bound to its key, as a thief has it."""
    owner = BoundClient(discharge.client, discharge.key)
    pkce = grants.Pkce()
    form = {"code": grants.code(passed_twice, pkce), "code_verifier": pkce.verifier, "redirect_uri": grants.REDIRECT}
    answer = owner.ask(grant_type="authorization_code", resource=records.uri, **form).json()
    assert answer["token_type"] == "DPoP"
    return answer["access_token"]


def test_s29_introspection_names_the_key_so_that_a_resource_can_ask_for_it(stolen, records_api):
    seen = records_api.introspects(stolen)
    assert seen["token_type"] == "DPoP"
    assert set(seen["cnf"]) == {"jkt"}


def test_s29_whoever_takes_work_over_with_it_proves_a_key_too(stolen, planner, records_api):
    """Else a bearer token would come of a bound one."""
    taker = BoundClient(planner.client, planner.key)
    old = proof(taker.key, ath=ath(stolen))
    with one_refusal("token.refused", "invalid_dpop_proof"):
        assert is_oauth_error(planner.exchange(stolen), "invalid_dpop_proof")
    taken = taker.ask(old, **planner.form(stolen))
    assert records_api.introspects(taken.json()["access_token"])["cnf"] == {"jkt": taker.jkt}
    with one_refusal("token.refused", "invalid_dpop_proof"):  # the proof counted once
        assert is_oauth_error(taker.ask(old, **planner.form(stolen)), "invalid_dpop_proof")


def test_s29_a_refresh_token_of_a_bound_family_gets_no_bearer_token(discharge, weber_allows, pkce):
    owner = BoundClient(discharge.client, discharge.key)
    refresh = owner.redeem(grants.code(weber_allows, pkce), pkce).json()["refresh_token"]
    with one_refusal("token.refused", "invalid_dpop_proof"):
        assert is_oauth_error(discharge.refresh(refresh), "invalid_dpop_proof")
    assert AccessToken.objects.filter(jkt="").count() == 0
    assert owner.refresh(refresh).json()["token_type"] == "DPoP"


def test_s29_a_resource_that_demands_bound_tokens_knows_no_other(claims, clinic_allows, records, records_api, mara):
    before = claims.act_alone().json()["access_token"]
    resources.change(records, require_dpop=True, by=actor(mara), now=timezone.now())
    with one_refusal("introspection.inactive", "not_bound"):
        assert records_api.introspects(before) == INACTIVE
    with one_refusal("token.refused", "invalid_dpop_proof"):
        assert is_oauth_error(claims.act_alone(), "invalid_dpop_proof")
    bound = BoundClient(claims.client, claims.key).act_alone().json()["access_token"]
    assert records_api.introspects(bound)["active"] is True


@pytest.mark.parametrize("scheme", ["Bearer", "DPoP"])
def test_s29_at_mandates_own_api_it_opens_nothing_with_or_without_a_proof(stolen, scheme):
    for proofs in ({}, {"HTTP_DPOP": proof(pair(), "/api/v1/receipts", ath=ath(stolen))}):
        with one_refusal("api.refused", "not_authenticated"):
            answer = Browser().post(
                "/api/v1/receipts", "{}", content_type="application/json",
                HTTP_AUTHORIZATION=f"{scheme} {stolen}", **proofs,
            )  # fmt: skip
        assert answer.status_code == 401
