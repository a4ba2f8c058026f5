"""S21: whatever is not an access token of ours is not taken for one, and ours say what they are."""

from __future__ import annotations

import pytest
from django.test import Client as Browser
from django.utils import timezone

from tests import builders, forgery, grants
from tests.consent.asking import answer_of, decides, screen
from tests.exchanging import ACCESS_TOKEN, first_token
from tests.security.expected import INACTIVE, is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def test_s21_no_other_thing_of_ours_is_an_access_token(
    discharge, weber, weber_allows, pkce, records_api, discharge_client
):
    code = grants.code(weber_allows, pkce)
    pair = discharge.redeem(code, pkce).json()
    form = screen(builders.browser(weber), discharge_client)
    for thing in (code, pair["refresh_token"], discharge.key, form["shown"][0], pkce.verifier):
        assert records_api.introspects(thing) == INACTIVE
        answer = Browser().post(
            "/api/v1/receipts", {}, HTTP_AUTHORIZATION=f"Bearer {thing}", content_type="application/json"
        )
        assert answer.status_code == 401
    assert records_api.introspects(pair["access_token"])["active"] is True
    assert discharge.refresh(pair["access_token"]).json()["error"] == "invalid_grant"


def test_s21_a_code_from_the_screen_is_no_token_and_no_refresh_token(discharge, weber, discharge_client, records_api):
    browser = builders.browser(weber)
    code = answer_of(decides(browser, screen(browser, discharge_client)))["code"]
    assert records_api.introspects(code) == INACTIVE
    assert discharge.refresh(code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "typ", ["JWT", "at+JWT", "application/at+jwt", "logout+jwt", "oauth-id-jag+jwt", "dpop+jwt", ""]
)
def test_s21_a_jwt_of_ours_says_its_kind_and_another_kind_is_refused(
    claims, claims_client, mara, look_up_staff, directory_api, typ
):
    grants.consent(claims_client, scopes=[look_up_staff], user=None, by=mara)
    token = claims.act_alone().json()["access_token"]
    assert forgery.header_of(token)["typ"] == "at+jwt"
    other = forgery.by_our_key(forgery.claims_of(token), now=timezone.now(), typ=typ)
    assert directory_api.introspects(other) == INACTIVE
    assert directory_api.introspects(token)["active"] is True


@pytest.mark.parametrize("typ", ["JWT", "logout+jwt", "secevent+jwt", "oauth-id-jag+jwt", "dpop+jwt", ""])
def test_s21_another_kind_is_no_subject_token(discharge, passed_twice, planner, directory, typ):
    token = first_token(discharge, passed_twice, resource=directory.uri)
    other = forgery.by_our_key(forgery.claims_of(token), now=timezone.now(), typ=typ)
    for kind in (ACCESS_TOKEN, ACCESS_TOKEN.replace("access_token", "jwt")):
        with builders.one_refusal("token.refused", "invalid_request"):
            assert is_oauth_error(planner.exchange(other, subject_token_type=kind), "invalid_request")
    assert planner.exchange(token).status_code == 200
