"""RFC 8693: who may take over whose work, how deep, and never more than there is to take over."""

from __future__ import annotations

import pytest
from django.utils import timezone

from agents import passing
from agents.actors import Actor
from consent.passing_on.passing import NOTHING
from tests import builders, grants
from tests.builders import one_refusal
from tests.exchanging import ACCESS_TOKEN, allow, asks_to_pass, first_token, passes, public_exchange, said

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


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
