"""Client credentials: only under an organisation's consent (RFC 6749 §4.4)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents import lifecycle
from agents.actors import Actor
from agents.models import Event
from consent import mandate
from consent.oauth.access_token import TYP
from consent.oauth.signing_keys import verified_claims
from tests import grants
from tests.builders import one_refusal

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def test_an_autonomous_agent_gets_an_opaque_token_that_is_worth_what_was_allowed(claims, clinic_allows, records_api):
    answer = claims.act_alone()
    assert answer.status_code == 200, answer.content
    assert answer.json()["scope"] == "calendar:read"
    assert answer.json()["expires_in"] == 300
    assert "refresh_token" not in answer.json()
    seen = records_api.introspects(answer.json()["access_token"])
    assert seen["active"] is True
    assert seen["sub"] == str(claims.client.agent_id)
    assert "act" not in seen
    assert seen["purpose"] == "File claims"


def test_its_event_names_consent_agent_client_and_token(claims, clinic_allows, records_api):
    seen = records_api.introspects(claims.act_alone().json()["access_token"])
    event = Event.objects.get(kind="token.issued")
    assert str(event.token_id) == seen["jti"]
    assert event.consent_id == clinic_allows.pk
    assert event.agent_id == claims.client.agent_id
    assert event.purpose_digest == clinic_allows.purpose_digest


def test_a_resource_that_checks_offline_gets_a_jwt(claims, claims_client, mara, look_up_staff, directory):
    given = grants.consent(claims_client, scopes=[look_up_staff], user=None, by=mara)
    answer = claims.act_alone()
    claimed = verified_claims(answer.json()["access_token"], typ=TYP, now=timezone.now())
    assert claimed is not None
    assert claimed["aud"] == directory.uri
    assert claimed["sub"] == str(claims.client.agent_id)
    assert claimed["consent"] == str(given.pk)
    assert claimed["client_id"] == claims.client.client_id
    assert "purpose" not in claimed


def test_without_a_consent_nothing_is_issued(claims):
    with one_refusal("token.refused", "unauthorized_client"):
        answer = claims.act_alone()
    assert answer.status_code == 400
    assert answer.json()["error"] == "unauthorized_client"


def test_a_scope_that_was_never_allowed_is_refused(claims, clinic_allows):
    with one_refusal("token.refused", "invalid_scope"):
        answer = claims.act_alone(scope="calendar:read staff:read")
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_scope"


def test_a_revoked_consent_issues_nothing_and_its_tokens_are_dead(claims, clinic_allows, records_api, mara):
    token = claims.act_alone().json()["access_token"]
    mandate.revoke(clinic_allows.pk, reason="Over.", by=Actor.person(mara), now=timezone.now())
    assert records_api.introspects(token) == {"active": False}
    assert claims.act_alone().json()["error"] == "unauthorized_client"


def test_a_suspended_agent_gets_no_token_and_its_tokens_are_refused(
    claims, claims_filer, clinic_allows, records_api, mara
):
    token = claims.act_alone().json()["access_token"]
    lifecycle.suspend(claims_filer, reason="Odd requests.", by=Actor.person(mara), now=timezone.now())
    assert records_api.introspects(token) == {"active": False}
    answer = claims.act_alone()
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_token_never_outlives_its_consent(claims, claims_client, mara, see_appointments):
    grants.consent(claims_client, scopes=[see_appointments], user=None, by=mara, life=timedelta(seconds=90))
    assert claims.act_alone().json()["expires_in"] in {88, 89, 90}


def test_with_two_resources_one_has_to_be_named(claims, claims_client, mara, see_appointments, look_up_staff, records):
    grants.consent(claims_client, scopes=[see_appointments, look_up_staff], user=None, by=mara)
    assert claims.act_alone().json()["error"] == "invalid_target"
    answer = claims.act_alone(resource=records.uri)
    assert answer.json()["scope"] == "calendar:read"
    assert claims.act_alone(resource=records.uri + "/").json()["error"] == "invalid_target"


def test_an_ended_consent_is_refused_without_any_sweep(claims, clinic_allows, records_api):
    token = claims.act_alone().json()["access_token"]
    with time_machine.travel(timezone.now() + timedelta(hours=9), tick=False):
        assert records_api.introspects(token) == {"active": False}
        assert claims.act_alone().json()["error"] == "unauthorized_client"


def test_a_consent_for_once_gives_one_token(claims, claims_client, mara, see_appointments, records_api):
    grants.consent(claims_client, scopes=[see_appointments], user=None, by=mara, once=True)
    first = claims.act_alone()
    assert first.status_code == 200
    with one_refusal("token.refused", "uses_spent"):
        assert claims.act_alone().json()["error"] == "unauthorized_client"
    assert records_api.introspects(first.json()["access_token"])["active"] is True
