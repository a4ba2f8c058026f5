"""S8: each parameter once, in the body of a POST endpoint; only ``resource`` and ``audience`` may repeat."""

from __future__ import annotations

import pytest

from tests import builders, grants
from tests.builders import one_refusal
from tests.consent.asking import AUTHORIZE, asked
from tests.grants import post
from tests.out_of_band import ASK, START
from tests.security.expected import error_sent_back, is_oauth_error, is_page_400

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
TOKEN = {
    "authorization_code": ("grant_type", "code", "code_verifier", "redirect_uri", "client_id", "purpose"),
    "refresh_token": ("grant_type", "refresh_token", "scope", "client_id"),
}


@pytest.mark.parametrize("second", ["equal", "different", "empty"])
def test_s08_doubled_at_the_token_endpoint(discharge, weber_allows, pkce, second):
    pair = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()
    right = {
        "authorization_code": {
            "grant_type": "authorization_code",
            "code": grants.code(weber_allows, pkce),
            "code_verifier": pkce.verifier,
            "redirect_uri": grants.REDIRECT,
            "client_id": discharge.client.client_id,
            "purpose": weber_allows.purpose,
        },
        "refresh_token": {
            "grant_type": "refresh_token",
            "refresh_token": pair["refresh_token"],
            "scope": "records:read",
            "client_id": discharge.client.client_id,
        },
    }
    for grant, names in TOKEN.items():
        for name in names:
            form = right[grant]
            doubled = {"equal": form[name], "different": form[name] + "x", "empty": ""}[second]
            with one_refusal("token.refused", "invalid_request"):
                answer = post("/oauth/token", form | {name: [form[name], doubled]}, **discharge.header)
                assert is_oauth_error(answer, "invalid_request")
        assert post("/oauth/token", right[grant], **discharge.header).status_code == 200


@pytest.mark.parametrize("second", ["equal", "different", "empty"])
def test_s08_doubled_when_work_is_taken_over(planner, subject, records, second):
    right = planner.form(subject, scope="records:read")
    for name, value in right.items():
        doubled = {"equal": value, "different": value + "x", "empty": ""}[second]
        with one_refusal("token.refused", "invalid_request"):
            answer = post("/oauth/token", right | {name: [value, doubled]}, **planner.header)
            assert is_oauth_error(answer, "invalid_request")
    for name in ("resource", "audience"):
        assert planner.exchange(subject, **{name: [records.uri, records.uri]}).status_code == 200


@pytest.mark.parametrize("second", ["equal", "different", "empty"])
def test_s08_doubled_where_a_device_starts_and_where_somebody_is_asked(display, robot, weber, second):
    for path, client, right in (
        (START, display, {"scope": "calendar:read", "purpose": "Show the rota"}),
        (
            ASK,
            robot,
            {
                "scope": "openid calendar:read",
                "purpose": "Plan the ward round",
                "login_hint": weber.email,
                "binding_message": "Room 12",
                "requested_expiry": "120",
                "client_id": robot.client.client_id,
            },
        ),
    ):
        for name, value in right.items():
            doubled = {"equal": value, "different": value + "1", "empty": ""}[second]
            with one_refusal("request.refused", "invalid_request"):
                answer = post(path, right | {name: [value, doubled]}, **client.header)
                assert is_oauth_error(answer, "invalid_request")
        with one_refusal("request.refused", "invalid_request"):
            assert is_oauth_error(post(f"{path}?scope=calendar:read", right, **client.header), "invalid_request")
        assert post(path, right, **client.header).status_code == 200


def test_s08_doubled_in_a_pushed_request(discharge):
    right = asked(discharge.client, scope="calendar:read", prompt="consent", purpose="Letters")
    for name in right:
        for second in (right[name], "other"):
            with one_refusal("authorization.refused", "invalid_request"):
                doubled = right | {name: [right[name], second]}
                assert is_oauth_error(post("/oauth/par", doubled, **discharge.header), "invalid_request")
    assert is_oauth_error(post("/oauth/par?x=1", right, **discharge.header), "invalid_request")
    assert post("/oauth/par", right, **discharge.header).status_code == 201


@pytest.mark.parametrize("path", ["/oauth/introspect", "/oauth/revoke"])
def test_s08_doubled_at_introspection_and_revocation(discharge, records_api, path):
    header = records_api.header if "introspect" in path else discharge.header
    for form in ({"token": ["a", "a"]}, {"token": ["a", "b"]}, {"token": "a", "token_type_hint": ["x", "y"]}):
        assert is_oauth_error(post(path, form, **header), "invalid_request")
    assert post(path, {"token": "a"}, **header).status_code == 200


def test_s08_a_parameter_in_the_address_of_a_post_endpoint(discharge, records_api, claims, clinic_allows):
    for path, header in (
        ("/oauth/token", claims.header),
        ("/oauth/introspect", records_api.header),
        ("/oauth/revoke", discharge.header),
    ):
        answer = post(f"{path}?x=1", {"grant_type": "client_credentials", "token": "a"}, **header)
        assert is_oauth_error(answer, "invalid_request")
    assert claims.act_alone().status_code == 200


def test_s08_body_and_header_that_name_two_clients(claims, clinic_allows, discharge):
    with one_refusal("token.refused", "invalid_request"):
        assert is_oauth_error(claims.act_alone(client_id=discharge.client.client_id), "invalid_request")
    assert claims.act_alone(client_id=claims.client.client_id).status_code == 200


def test_s08_only_resource_repeats_and_names_one_in_the_end(discharge, weber_allows, pkce, records):
    code = grants.code(weber_allows, pkce)
    two = discharge.redeem(code, pkce, resource=[records.uri, "https://other.example"])
    assert is_oauth_error(two, "invalid_target")
    assert discharge.redeem(code, pkce, resource=[records.uri, records.uri]).status_code == 200


def test_s08_doubled_at_the_authorization_endpoint(weber, discharge_client):
    browser = builders.browser(weber)
    right = asked(discharge_client, scope="calendar:read", prompt="consent", purpose="Letters")
    for name in right:
        for second in (right[name], "other"):
            response = browser.get(AUTHORIZE, right | {name: [right[name], second]})
            if name in {"client_id", "redirect_uri"}:
                assert is_page_400(response)
            elif name == "state":  # which of the two is meant nobody knows, so none is sent back
                assert "&state=" not in response.headers["Location"]
                assert "error=invalid_request" in response.headers["Location"]
            else:
                assert error_sent_back(response, to=right["redirect_uri"]) == "invalid_request"
    assert browser.get(AUTHORIZE, right).status_code == 200
