"""S22: a token is for one resource, which Mandate knows; everybody else learns nothing from it."""

from __future__ import annotations

import pytest
from django.test import Client as Browser

from tests import forgery, grants
from tests.builders import one_refusal
from tests.security.expected import INACTIVE, is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def both(claims_client, mara, see_appointments, look_up_staff):
    """A consent that holds something at two resources."""
    return grants.consent(claims_client, scopes=[see_appointments, look_up_staff], user=None, by=mara)


def test_s22_introspected_by_another_resource_it_is_inactive(
    claims, both, records, directory, records_api, directory_api
):
    opaque = claims.act_alone(resource=records.uri).json()["access_token"]
    signed = claims.act_alone(resource=directory.uri).json()["access_token"]
    for token, right, wrong in ((opaque, records_api, directory_api), (signed, directory_api, records_api)):
        with one_refusal("introspection.refused", "wrong_audience"):
            assert wrong.introspects(token) == INACTIVE
        assert right.introspects(token)["active"] is True
        assert right.introspects(token)["aud"] == right.resource.uri


def test_s22_scopes_of_another_resource_never_ride_along(claims, both, records, directory, records_api):
    answer = claims.act_alone(resource=records.uri).json()
    assert answer["scope"] == "calendar:read"
    assert is_oauth_error(claims.act_alone(resource=records.uri, scope="staff:read"), "invalid_scope")


@pytest.mark.parametrize(
    "change", ["{}/", "{}/x", "{}?x", "{}#x", "{}.evil.example", " {}", "{} ", "https://records", "x", "HTTPS{}"]
)
def test_s22_no_audience_that_the_client_invents(claims, both, records, change):
    asked = change.format(records.uri)
    with one_refusal("token.refused", "invalid_target"):
        assert is_oauth_error(claims.act_alone(resource=asked), "invalid_target")
    for name in ("audience", "aud"):
        signed = claims.act_alone(resource=records.uri, **{name: "https://evil.example"})
        assert signed.status_code == 200


def test_s22_a_jwt_has_one_audience_of_ours(claims, both, directory):
    token = claims.act_alone(resource=directory.uri, audience="https://evil.example").json()["access_token"]
    assert forgery.claims_of(token)["aud"] == directory.uri


def test_s22_at_mandates_own_api_it_counts_for_nothing(claims, both, records, directory):
    for uri in (records.uri, directory.uri):
        token = claims.act_alone(resource=uri).json()["access_token"]
        answer = Browser().post(
            "/api/v1/receipts", "{}", content_type="application/json", HTTP_AUTHORIZATION=f"Bearer {token}"
        )
        assert answer.status_code == 401
        assert "WWW-Authenticate" in answer
