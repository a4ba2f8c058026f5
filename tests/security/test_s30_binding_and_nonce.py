"""S30: what is bound to a key goes on with that key, and with a nonce where nonces are demanded."""

from __future__ import annotations

import pytest
from django.core import signing
from django.utils import timezone

from agents import organisation
from agents.models import AuthMethod
from consent.models import AccessToken, TokenFamily
from tests import builders, grants
from tests.builders import actor, one_refusal
from tests.consent.asking import CHALLENGE, VERIFIER, answer_of, asked, decides, screen
from tests.grants import post
from tests.proofs import BoundClient, proof, with_proof
from tests.security.expected import is_oauth_error
from tests.signing import pair

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def local(discharge_assistant):
    """A public client with a key of its own."""
    return BoundClient(builders.client(discharge_assistant, "local tool", auth_method=AuthMethod.NONE))


def test_s30_a_code_with_dpop_jkt(discharge, weber):
    bound = BoundClient(discharge.client, discharge.key)
    browser = builders.browser(weber)
    form = screen(browser, discharge.client, scope="calendar:read", dpop_jkt=bound.jkt)
    code, pkce = answer_of(decides(browser, form))["code"], grants.Pkce(VERIFIER)
    for stolen in ("", proof(pair())):
        with one_refusal("token.refused", "invalid_grant"):
            assert is_oauth_error(bound.redeem(code, pkce, stolen), "invalid_grant")
    assert not AccessToken.objects.exists()
    assert bound.redeem(code, pkce).status_code == 200


def test_s30_a_code_without_that_can_be_stolen_with_its_verifier_only(discharge, weber_allows, pkce):
    """PKCE is what protects it then; whoever redeems it chooses the key."""
    code = grants.code(weber_allows, pkce)
    bound = BoundClient(discharge.client, discharge.key)
    assert is_oauth_error(bound.redeem(code, grants.Pkce()), "invalid_grant")
    assert bound.redeem(code, pkce).json()["token_type"] == "DPoP"


def test_s30_the_key_of_a_push_is_another_one(discharge):
    bound = BoundClient(discharge.client, discharge.key)
    right = asked(discharge.client, scope="calendar:read", dpop_jkt=bound.jkt)
    with one_refusal("authorization.refused", "invalid_dpop_proof"):
        answer = post("/oauth/par", right, **discharge.header, **with_proof(proof(pair(), "/oauth/par")))
        assert is_oauth_error(answer, "invalid_dpop_proof")
    right_key = with_proof(proof(bound.key, "/oauth/par"))
    assert post("/oauth/par", right, **discharge.header, **right_key).status_code == 201


def test_s30_a_public_clients_refresh_with_another_key_or_none(local, weber, read_records, pkce):
    given = grants.consent(local.client, scopes=[read_records], user=weber)
    refresh = local.redeem(grants.code(given, pkce), pkce).json()["refresh_token"]
    issued = AccessToken.objects.count()
    with one_refusal("token.refused", "invalid_grant"):
        assert is_oauth_error(local.refresh(refresh, proof(pair())), "invalid_grant")
    with one_refusal("token.refused", "invalid_dpop_proof"):
        assert is_oauth_error(local.refresh(refresh, ""), "invalid_dpop_proof")
    assert AccessToken.objects.count() == issued
    newer = local.refresh(refresh).json()["refresh_token"]
    # Nor does whoever has an old token without the key end the family.
    assert is_oauth_error(local.refresh(refresh, proof(pair())), "invalid_grant")
    assert TokenFamily.objects.get().ended_at is None
    assert local.refresh(newer).status_code == 200


def test_s30_nonces(local, claims, clinic_allows, mara):
    organisation.change_policy(
        name="St. Anna", second_person_activates=False, dpop_nonces=True, by=actor(mara), now=timezone.now()
    )
    filer = BoundClient(claims.client, claims.key)
    other = signing.dumps("", salt="something-else")
    for bad in (None, "", "x", other, 7, ["x"]):
        answer = filer.act_alone(proof(filer.key, nonce=bad))
        assert is_oauth_error(answer, "use_dpop_nonce")
        assert answer["DPoP-Nonce"]
    assert filer.act_alone(proof(filer.key, nonce=answer["DPoP-Nonce"])).status_code == 200
    assert is_oauth_error(filer.act_alone(), "use_dpop_nonce")  # going without one afterwards stays refused
    right = asked(local.client, scope="calendar:read", code_challenge=CHALLENGE)
    at_push = post("/oauth/par", right, **with_proof(proof(local.key, "/oauth/par")))
    assert is_oauth_error(at_push, "use_dpop_nonce")
    again = proof(local.key, "/oauth/par", nonce=at_push["DPoP-Nonce"])
    assert post("/oauth/par", right, **with_proof(again)).status_code == 201
    assert claims.act_alone().status_code == 200  # who proves no key needs no number
