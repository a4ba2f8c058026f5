"""S7: response types and grants that are not offered do not work, and the metadata does not name them."""

from __future__ import annotations

import pytest
from django.test import Client as Browser

from tests import builders
from tests.builders import one_refusal
from tests.consent.asking import opens
from tests.security.expected import error_sent_back, is_oauth_error, is_page_400

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
BACK = "https://app.st-anna.example/callback"


@pytest.mark.parametrize("kind", ["token", "id_token", "code token", "id_token token", "code id_token", "none", "CODE"])
def test_s07_no_response_type_but_code(weber, discharge_client, kind):
    browser = builders.browser(weber)
    with one_refusal("authorization.refused", "unsupported_response_type"):
        refused = opens(browser, discharge_client, response_type=kind)
    assert error_sent_back(refused, to=BACK) == "unsupported_response_type"
    assert opens(browser, discharge_client).status_code == 200


@pytest.mark.parametrize("mode", ["fragment", "form_post", "jwt", "web_message"])
def test_s07_no_response_mode_but_query(weber, discharge_client, mode):
    assert (
        error_sent_back(opens(builders.browser(weber), discharge_client, response_mode=mode), to=BACK)
        == "invalid_request"
    )
    assert opens(builders.browser(weber), discharge_client, response_mode="query").status_code == 200


@pytest.mark.parametrize("grant", ["password", "implicit", "urn:ietf:params:oauth:grant-type:saml2-bearer"])
def test_s07_no_other_grant(claims, clinic_allows, grant):
    with one_refusal("token.refused", "unsupported_grant_type"):
        assert is_oauth_error(claims.ask(grant_type=grant, username="a", password="b"), "unsupported_grant_type")
    assert claims.act_alone().status_code == 200


def test_s07_a_grant_that_this_client_does_not_have(claims, clinic_allows, discharge, weber_allows):
    with one_refusal("token.refused", "unauthorized_client"):
        assert is_oauth_error(discharge.act_alone(), "unauthorized_client")
    with one_refusal("token.refused", "unauthorized_client"):
        assert is_oauth_error(claims.refresh("x"), "unauthorized_client")
    assert claims.act_alone().status_code == 200


def test_s07_the_client_of_an_autonomous_agent_asks_no_person(weber, claims_client):
    refused = opens(builders.browser(weber), claims_client, redirect_uri=BACK)
    assert is_page_400(refused)


def test_s07_the_metadata_lists_exactly_what_works():
    document = Browser().get("/.well-known/oauth-authorization-server").json()
    assert document["response_types_supported"] == ["code"]
    assert document["response_modes_supported"] == ["query"]
    assert document["grant_types_supported"] == [
        "authorization_code",
        "refresh_token",
        "client_credentials",
        "urn:openid:params:grant-type:ciba",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ]
    assert document["code_challenge_methods_supported"] == ["S256"]
    for absent in (
        "registration_endpoint",
        "userinfo_endpoint",
        "end_session_endpoint",
        "request_object_signing_alg_values_supported",
        "client_id_metadata_document_supported",
    ):
        assert absent not in document
