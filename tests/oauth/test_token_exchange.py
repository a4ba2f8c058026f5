"""RFC 8693: an agent takes work over from another one, for the same person and with at most as much."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from consent.models import Consent, Origin
from tests import grants
from tests.builders import events, one_refusal
from tests.exchanging import ACCESS_TOKEN, allow, asks_to_pass, first_token, passes, said
from tests.proofs import BoundClient

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
INACTIVE = {"active": False}


def claims_in(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


# ------------------------------------------------------------------------------------------------ what comes out


def test_the_answer_is_that_of_rfc_8693(planner, subject, records):
    answer = planner.exchange(subject)
    body = answer.json()
    assert answer.status_code == 200, body
    assert answer["Cache-Control"] == "no-store"
    assert body.keys() == {"access_token", "issued_token_type", "token_type", "expires_in", "scope"}
    assert body["issued_token_type"] == ACCESS_TOKEN
    assert body["token_type"] == "Bearer"
    assert body["scope"] == "letters:write records:read"


def test_the_resource_sees_the_person_the_agent_and_who_passed_the_work_on(
    planner, subject, records_api, weber, planner_agent, discharge_assistant, passed_twice
):
    seen = records_api.introspects(planner.takes(subject, scope="records:read"))
    assert seen["sub"] == str(weber.pk)
    assert seen["client_id"] == planner.client.client_id
    assert seen["act"] == {"sub": str(planner_agent.pk), "act": {"sub": str(discharge_assistant.pk)}}
    assert seen["scope"] == "records:read"
    assert seen["purpose"] == passed_twice.purpose
    assert seen["consent"] != str(passed_twice.pk)


def test_it_stands_under_a_derived_consent(planner, subject, passed_twice, weber, planner_agent):
    planner.takes(subject, scope="records:read")
    share = Consent.objects.get(parent=passed_twice)
    assert (share.origin, share.user, share.agent, share.purpose) == (
        Origin.DERIVED,
        weber,
        planner_agent,
        passed_twice.purpose,
    )
    assert {scope.name for scope in share.scopes(timezone.now())} == {"records:read"}
    assert share.ends_at == passed_twice.ends_at


def test_passing_on_is_an_event_and_the_token_says_what_it_came_from(planner, subject, passed_twice, records_api):
    subject_id = records_api.introspects(subject)["jti"]
    token = planner.takes(subject, scope="records:read")
    [passed] = events("consent.passed_on")
    assert passed.detail["parent"] == str(passed_twice.pk)
    assert passed.scopes == "records:read"
    issued = events("token.issued")[-1]
    assert issued.detail["grant"] == "token_exchange"
    assert issued.detail["subject"] == subject_id
    assert str(issued.token_id) == records_api.introspects(token)["jti"]


def test_a_second_token_of_the_same_kind_makes_no_further_consent(planner, subject, passed_twice):
    planner.takes(subject, scope="records:read")
    planner.takes(subject, scope="records:read")
    assert Consent.objects.filter(parent=passed_twice).count() == 1
    assert len(events("consent.passed_on")) == 1


def test_more_of_the_parent_is_added_to_what_was_taken_over(planner, subject, passed_twice):
    planner.takes(subject, scope="records:read")
    planner.takes(subject, scope="letters:write")
    [share] = Consent.objects.filter(parent=passed_twice)
    assert {scope.name for scope in share.scopes(timezone.now())} == {"records:read", "letters:write"}
    assert [event.scopes for event in events("consent.passed_on")] == ["records:read", "letters:write"]


def test_a_jwt_nests_who_acted_before(planner, reader, subject, passed_twice, directory, reader_agent, planner_agent):
    token = reader.takes(planner.takes(subject, resource=directory.uri))
    act = claims_in(token)["act"]
    assert act == {
        "sub": str(reader_agent.pk),
        "act": {"sub": str(planner_agent.pk), "act": {"sub": str(passed_twice.agent_id)}},
    }


def test_it_ends_no_later_than_what_it_came_from(planner, subject, records_api):
    end = records_api.introspects(subject)["exp"]
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        assert records_api.introspects(planner.takes(subject))["exp"] <= end


def test_there_is_no_refresh_token(discharge_exchanges, subject):
    assert "refresh_token" not in discharge_exchanges.exchange(subject, scope="records:read").json()


def test_a_client_narrows_a_token_of_its_own(discharge_exchanges, subject, passed_twice, records_api):
    seen = records_api.introspects(discharge_exchanges.takes(subject, scope="records:read"))
    assert seen["scope"] == "records:read"
    assert seen["consent"] == str(passed_twice.pk)
    assert seen["act"] == {"sub": str(passed_twice.agent_id)}
    assert not Consent.objects.filter(parent=passed_twice).exists()


def test_another_resource_is_had_where_the_consent_holds_it(planner, subject, directory, directory_api):
    answer = planner.exchange(subject, resource=directory.uri)
    assert answer.json()["scope"] == "staff:read"
    assert directory_api.introspects(answer.json()["access_token"])["aud"] == directory.uri


def test_audience_may_name_the_resource_too(planner, subject, directory):
    assert planner.exchange(subject, audience=directory.identifier).json()["scope"] == "staff:read"
    assert planner.exchange(subject, audience=directory.uri, resource=directory.uri).status_code == 200


def test_one_who_may_act_is_named_in_the_token(
    discharge, discharge_assistant, weber, planner_agent, read_records, records_api
):
    asks_to_pass(discharge_assistant, planner_agent)
    given = allow(discharge.client, weber, [read_records], passes(planner_agent))
    assert records_api.introspects(first_token(discharge, given))["may_act"] == {"sub": str(planner_agent.pk)}


def test_an_actor_token_of_its_own_changes_nothing(planner, subject):
    own = planner.takes(subject)
    assert planner.exchange(subject, actor_token=own, actor_token_type=ACCESS_TOKEN).status_code == 200


# -------------------------------------------------------------------------------------------------------- keys


@pytest.fixture
def bound(discharge, passed_twice, records):
    """A token of the assistant that is bound to its key."""
    mine = BoundClient(discharge.client, discharge.key)
    pkce = grants.Pkce()
    answer = mine.ask(
        grant_type="authorization_code",
        code=grants.code(passed_twice, pkce),
        code_verifier=pkce.verifier,
        redirect_uri=grants.REDIRECT,
        resource=records.uri,
    )
    assert answer.status_code == 200, answer.content
    return mine, answer.json()["access_token"]


def test_a_bound_token_is_exchanged_for_a_bound_one_only(bound, planner, records_api):
    _, token = bound
    with one_refusal("token.refused", "invalid_dpop_proof"):
        said(planner.exchange(token), "invalid_dpop_proof")
    its = BoundClient(planner.client, planner.key)
    answer = its.ask(**planner.form(token))
    assert answer.json()["token_type"] == "DPoP"
    assert records_api.introspects(answer.json()["access_token"])["cnf"] == {"jkt": its.jkt}


def test_its_own_client_proves_the_same_key(bound, discharge_exchanges):
    mine, token = bound
    form = discharge_exchanges.form(token)
    assert mine.ask(**form).status_code == 200
    thief = BoundClient(mine.client, mine.secret)
    with one_refusal("token.refused", "invalid_dpop_proof"):
        said(thief.ask(**form), "invalid_dpop_proof")


def test_a_bearer_token_may_become_a_bound_one(planner, subject, records_api):
    its = BoundClient(planner.client, planner.key)
    token = its.ask(**planner.form(subject)).json()["access_token"]
    assert records_api.introspects(token)["cnf"] == {"jkt": its.jkt}
