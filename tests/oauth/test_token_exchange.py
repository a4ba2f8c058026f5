"""RFC 8693: an agent takes work over from another one, for the same person and with at most as much."""

from __future__ import annotations

import base64
import ipaddress
import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents import lifecycle, passing
from agents.actors import Actor
from agents.errors import NotReady
from consent import limiting, limiting_passing, mandate
from consent.conditions import Conditions
from consent.models import AccessToken, Consent, Origin
from consent.passing import NOTHING
from tests import builders, grants
from tests.builders import events, one_refusal
from tests.exchanging import ACCESS_TOKEN, allow, asks_to_pass, first_token, passes, public_exchange, taker
from tests.proofs import BoundClient

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
INACTIVE = {"active": False}


def said(answer, code):
    body = answer.json()
    assert answer.status_code == 400, body
    assert body["error"] == code, body
    return body["error_description"]


def claims_in(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def revoke(consent, by):
    mandate.revoke(consent.pk, reason="No more.", by=Actor.person(by), now=timezone.now())


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


# ---------------------------------------------------------------------------------------- who may, and how deep


def test_a_consent_that_says_nothing_of_it_passes_nothing_on(
    discharge_exchanges, discharge, planner, weber, read_records, discharge_assistant, planner_agent
):
    asks_to_pass(discharge_assistant, planner_agent)
    token = first_token(discharge, allow(discharge.client, weber, [read_records], NOTHING))
    with one_refusal("token.refused", "passes_nothing_on"):
        said(discharge_exchanges.exchange(token), "access_denied")
    with one_refusal("token.refused", "foreign_subject"):
        said(planner.exchange(token), "invalid_request")


def test_an_agent_that_is_not_named_gets_nothing(
    discharge, weber, read_records, discharge_assistant, planner_agent, reader_agent, reader
):
    asks_to_pass(discharge_assistant, planner_agent, reader_agent)
    token = first_token(discharge, allow(discharge.client, weber, [read_records], passes(planner_agent)))
    with one_refusal("token.refused", "foreign_subject"):
        said(reader.exchange(token), "invalid_request")


def test_it_goes_no_deeper_than_was_allowed(
    discharge, weber, read_records, discharge_assistant, planner_agent, reader_agent, planner, reader
):
    asks_to_pass(discharge_assistant, planner_agent, reader_agent, deep=2)
    given = allow(discharge.client, weber, [read_records], passes(planner_agent, reader_agent, deep=1))
    token = planner.takes(first_token(discharge, given))
    with one_refusal("token.refused", "passed_too_far"):
        said(reader.exchange(token), "access_denied")


def test_it_does_not_go_in_a_circle(planner, reader, subject):
    token = reader.takes(planner.takes(subject, scope="records:read"))
    with one_refusal("token.refused", "passed_in_a_circle"):
        said(planner.exchange(token), "access_denied")


def test_it_never_comes_back_to_the_agent_that_was_allowed_it(
    planner, subject, discharge_exchanges, discharge_assistant, passed_twice
):
    """Not even where somebody named that agent among those to whom it may pass work on."""
    passed_twice.passing = {**passed_twice.passing, "to": [*passed_twice.passing["to"], str(discharge_assistant.pk)]}
    passed_twice.save(update_fields=["passing"])
    token = planner.takes(subject)
    with one_refusal("token.refused", "passed_in_a_circle"):
        said(discharge_exchanges.exchange(token), "access_denied")


def test_an_agent_whose_registration_names_nobody_any_more_passes_nothing_on(
    planner, subject, discharge_assistant, mara
):
    passing.set_recipients(discharge_assistant, to=[], deep=1, by=Actor.person(mara), now=timezone.now())
    with one_refusal("token.refused", "recipient_removed"):
        said(planner.exchange(subject), "access_denied")


def test_a_client_that_is_not_registered_for_it_gets_nothing(discharge, subject):
    answer = discharge.ask(grant_type="urn:ietf:params:oauth:grant-type:token-exchange", subject_token=subject)
    said(answer, "unauthorized_client")


def test_a_public_client_exchanges_nothing(discharge_assistant, subject):
    public = builders.client(discharge_assistant, "public", auth_method="none")
    public.grant_types = [*public.grant_types, "urn:ietf:params:oauth:grant-type:token-exchange"]
    public.save(update_fields=["grant_types"])
    said(public_exchange(public, subject), "unauthorized_client")


# ---------------------------------------------------------------------------------------------- never more


def test_more_scope_than_the_subject_token_is_refused(discharge_exchanges, planner, subject):
    narrow = discharge_exchanges.takes(subject, scope="records:read")
    with one_refusal("token.refused", "invalid_scope"):
        said(planner.exchange(narrow, scope="records:read letters:write"), "invalid_scope")


def test_a_scope_that_the_agent_itself_may_not_ask_for_is_not_passed_to_it(reader, subject):
    with one_refusal("token.refused", "invalid_scope"):
        said(reader.exchange(subject, scope="letters:write"), "invalid_scope")
    assert reader.exchange(subject).json()["scope"] == "records:read"


@pytest.mark.parametrize("name", ["resource", "audience"])
def test_a_resource_that_the_consent_does_not_hold_is_refused(planner, subject, name, mara):
    other = builders.resource("Billing", "https://billing.st-anna.example")
    builders.scope(other, "bills:read", "Read bills")
    with one_refusal("token.refused", "invalid_target"):
        said(planner.exchange(subject, **{name: other.uri}), "invalid_target")
    said(planner.exchange(subject, **{name: "https://nowhere.example"}), "invalid_target")
    said(planner.exchange(subject, **{name: [other.uri, subject[:8]]}), "invalid_target")


def test_two_different_targets_are_refused(planner, subject, records, directory):
    said(planner.exchange(subject, resource=records.uri, audience=directory.uri), "invalid_target")


def test_another_purpose_is_refused(planner, subject):
    said(planner.exchange(subject, purpose="Something else entirely"), "invalid_request")


@pytest.mark.parametrize(
    "form",
    [
        {"subject_token_type": None},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:id_token"},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"},
        {"subject_token": ""},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"actor_token": "something"},
        {"actor_token_type": ACCESS_TOKEN},
        {"actor_token": "something", "actor_token_type": ACCESS_TOKEN},
        {"actor_token": "something", "actor_token_type": "urn:ietf:params:oauth:token-type:saml2"},
    ],
)
def test_a_request_that_is_not_that_of_rfc_8693_is_refused(planner, subject, form):
    with one_refusal("token.refused"):
        said(planner.exchange(subject, **form), "invalid_request")


def test_the_actor_token_of_somebody_else_is_refused(planner, reader, subject):
    foreign = reader.takes(subject)
    with one_refusal("token.refused", "foreign_actor"):
        said(planner.exchange(subject, actor_token=foreign, actor_token_type=ACCESS_TOKEN), "invalid_request")


def test_a_refresh_token_is_no_subject_token(discharge, passed_twice, planner, records):
    pkce = grants.Pkce()
    pair = discharge.redeem(grants.code(passed_twice, pkce), pkce, resource=records.uri).json()
    said(planner.exchange(pair["refresh_token"]), "invalid_request")


def test_a_token_of_the_organisation_is_not_passed_on(planner, claims, clinic_allows):
    said(planner.exchange(claims.act_alone().json()["access_token"]), "invalid_request")


# ------------------------------------------------------------------------------------------------- the cascade


def test_revoking_what_the_person_gave_ends_all_below(planner, reader, subject, passed_twice, weber, records_api):
    tokens = [planner.takes(subject), reader.takes(planner.takes(subject, scope="records:read"))]
    assert all(records_api.introspects(token)["active"] for token in tokens)
    revoke(passed_twice, weber)
    assert [records_api.introspects(token) for token in tokens] == [INACTIVE, INACTIVE]
    with one_refusal("token.refused"):
        said(reader.exchange(tokens[0]), "invalid_request")


def test_revoking_a_hop_ends_what_is_below_it_and_not_what_is_above(
    planner, reader, subject, passed_twice, weber, records_api
):
    above = planner.takes(subject, scope="records:read")
    below = reader.takes(above)
    revoke(Consent.objects.get(parent=passed_twice), weber)
    assert records_api.introspects(subject)["active"]
    assert records_api.introspects(above) == INACTIVE
    assert records_api.introspects(below) == INACTIVE


def test_what_a_person_took_back_is_not_passed_on_again(planner, subject, passed_twice, weber, planner_agent):
    planner.takes(subject)
    revoke(Consent.objects.get(parent=passed_twice), weber)
    with one_refusal("token.refused", "passed_no_more"):
        said(planner.exchange(subject), "access_denied")
    another = taker(planner_agent, "another client")
    with one_refusal("token.refused", "passed_no_more"):
        said(another.exchange(subject), "access_denied")


def test_what_a_person_took_away_from_it_is_not_passed_on_again(
    planner, subject, passed_twice, weber, records_api, read_records
):
    token = planner.takes(subject)
    grants.keeps(Consent.objects.get(parent=passed_twice), read_records, by=weber)
    assert records_api.introspects(token)["scope"] == "records:read"
    assert planner.exchange(subject).json()["scope"] == "records:read"
    said(planner.exchange(subject, scope="letters:write"), "invalid_scope")


def test_narrowing_what_the_person_gave_narrows_all_below(
    planner, reader, subject, passed_twice, weber, records_api, read_records, write_letters
):
    token = planner.takes(subject)
    below = reader.takes(token)
    grants.keeps(passed_twice, write_letters, by=weber)
    assert records_api.introspects(token)["scope"] == "letters:write"
    assert records_api.introspects(below) == INACTIVE


def test_shortening_what_the_person_gave_shortens_all_below(planner, subject, passed_twice, weber, records_api):
    token = planner.takes(subject)
    now = timezone.now()
    ends_at = now + timedelta(minutes=1)
    mandate.shorten(passed_twice.pk, ends_at=ends_at, reason="Soon.", by=Actor.person(weber), now=now)
    with time_machine.travel(ends_at + timedelta(seconds=1)):
        assert records_api.introspects(token) == INACTIVE


@pytest.mark.parametrize("which", ["discharge_assistant", "planner_agent"])
def test_suspending_an_agent_of_the_chain_stops_all_below(planner, reader, subject, mara, records_api, request, which):
    token = reader.takes(planner.takes(subject, scope="records:read"))
    agent = request.getfixturevalue(which)
    lifecycle.suspend(agent, reason="A look.", by=Actor.person(mara), now=timezone.now())
    assert records_api.introspects(token) == INACTIVE
    [observed] = events("revocation.observed")
    assert observed.agent_id == agent.pk
    lifecycle.resume(agent, reason="Fine.", by=Actor.person(mara), now=timezone.now())
    assert records_api.introspects(token)["active"]


def test_the_first_use_that_meets_a_revocation_above_is_seen(planner, subject, passed_twice, weber, records_api):
    token = planner.takes(subject)
    revoke(passed_twice, weber)
    records_api.introspects(token)
    [observed] = events("revocation.observed")
    assert observed.consent_id == passed_twice.pk


def test_a_newer_consent_ends_what_was_passed_on_under_the_older(
    planner, subject, discharge, weber, read_records, records_api, planner_agent
):
    token = planner.takes(subject)
    allow(discharge.client, weber, [read_records], passes(planner_agent))
    assert records_api.introspects(token) == INACTIVE


def test_the_cascade_needs_no_token_in_between(planner, reader, subject, passed_twice, weber, records_api):
    middle = planner.takes(subject, scope="records:read")
    below = reader.takes(middle)
    AccessToken.objects.exclude(pk=records_api.introspects(below)["jti"]).delete()
    assert records_api.introspects(below)["active"]
    revoke(passed_twice, weber)
    assert records_api.introspects(below) == INACTIVE


def test_ending_the_family_ends_what_was_exchanged_out_of_it(planner, subject, discharge, records_api):
    token = planner.takes(subject)
    assert discharge.revoke(subject).status_code == 200
    assert records_api.introspects(token) == INACTIVE


def test_taking_an_agent_off_the_list_ends_what_it_took_over(
    planner, reader, subject, passed_twice, weber, records_api, reader_agent, planner_agent
):
    planners, readers = planner.takes(subject), reader.takes(subject)
    less = passed_twice.passes.without([planner_agent.pk])
    limiting_passing.limit_passing(
        passed_twice.pk, to=less, reason="Not the planner.", by=Actor.person(weber), now=timezone.now()
    )
    assert records_api.introspects(planners) == INACTIVE
    assert records_api.introspects(readers)["active"]
    assert Consent.objects.get(agent=planner_agent, parent=passed_twice).revoked_at
    with one_refusal("token.refused", "foreign_subject"):
        said(planner.exchange(subject), "invalid_request")


# ---------------------------------------------------------------------------------------------- conditions, details


def test_a_use_is_a_use_whoever_takes_it(discharge, planner, weber, read_records, discharge_assistant, planner_agent):
    asks_to_pass(discharge_assistant, planner_agent)
    given = allow(discharge.client, weber, [read_records], passes(planner_agent), conditions=Conditions(uses=2))
    token = first_token(discharge, given)
    planner.takes(token)
    with one_refusal("token.refused", "uses_spent"):
        said(planner.exchange(token), "access_denied")


def test_the_networks_of_what_the_person_gave_hold_below(
    discharge, planner, weber, read_records, discharge_assistant, planner_agent
):
    asks_to_pass(discharge_assistant, planner_agent)
    here = Conditions(networks=(ipaddress.ip_network("127.0.0.0/8"),))
    token = first_token(
        discharge, allow(discharge.client, weber, [read_records], passes(planner_agent), conditions=here)
    )
    with one_refusal("token.refused", "outside_network"):
        answer = grants.post("/oauth/token", planner.form(token), REMOTE_ADDR="192.0.2.7", **planner.header)
        said(answer, "access_denied")


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


def test_what_a_person_shortens_ends_there_for_what_is_issued_after(planner, subject, passed_twice, weber, records_api):
    planner.takes(subject)
    now = timezone.now()
    share = Consent.objects.get(parent=passed_twice)
    ends_at = now + timedelta(seconds=90)
    mandate.shorten(share.pk, ends_at=ends_at, reason="Soon.", by=Actor.person(weber), now=now)
    assert records_api.introspects(planner.takes(subject))["exp"] <= ends_at.timestamp()
    with time_machine.travel(ends_at + timedelta(seconds=1)):
        said(planner.exchange(subject), "access_denied")


def test_what_was_passed_on_is_limited_where_it_came_from(planner, subject, passed_twice, weber):
    planner.takes(subject)
    share = Consent.objects.get(parent=passed_twice)
    with pytest.raises(NotReady):
        limiting.limit(share.pk, conditions=Conditions(uses=1), reason="", by=Actor.person(weber), now=timezone.now())
