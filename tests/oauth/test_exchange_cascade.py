"""What was passed on ends, shrinks and counts with what it came from."""

from __future__ import annotations

import ipaddress
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents import lifecycle, scopes
from agents.actors import Actor
from agents.drift import Drift, What
from agents.errors import NotReady
from consent import limiting, mandate
from consent.conditions import Conditions
from consent.drift import affected_by
from consent.models import AccessToken, Consent
from consent.passing_on import limiting_passing
from tests import grants
from tests.builders import events, one_refusal
from tests.exchanging import allow, asks_to_pass, first_token, passes, said, taker

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
INACTIVE = {"active": False}


def revoke(consent, by):
    mandate.revoke(consent.pk, reason="No more.", by=Actor.person(by), now=timezone.now())


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


def test_what_a_person_took_away_from_one_client_of_an_agent_no_other_one_gets(
    planner, subject, passed_twice, weber, planner_agent, read_records
):
    planner.takes(subject)
    grants.keeps(Consent.objects.get(parent=passed_twice), read_records, by=weber)
    another = taker(planner_agent, "another client")
    assert another.exchange(subject).json()["scope"] == "records:read"
    with one_refusal("token.refused", "invalid_scope"):
        said(another.exchange(subject, scope="letters:write"), "invalid_scope")


def test_what_a_person_took_back_does_not_come_again_by_another_agent(
    planner, reader, subject, passed_twice, weber, planner_agent, records_api
):
    """The reader may pass work on to the planner as well: not what Weber took back from the planner."""
    planner.takes(subject)
    readers = reader.takes(subject)
    revoke(Consent.objects.get(parent=passed_twice, agent=planner_agent), weber)
    with one_refusal("token.refused", "passed_no_more"):
        said(planner.exchange(readers), "access_denied")
    assert records_api.introspects(readers)["active"]


def test_what_a_person_took_away_does_not_come_again_by_another_agent(
    planner, reader, subject, passed_twice, weber, planner_agent, write_letters
):
    planner.takes(subject)
    grants.keeps(Consent.objects.get(parent=passed_twice, agent=planner_agent), write_letters, by=weber)
    readers = reader.takes(subject)
    with one_refusal("token.refused", "invalid_scope"):
        said(planner.exchange(readers), "invalid_scope")


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


def test_a_change_that_would_pause_it_counts_what_was_passed_on_too(
    planner, reader, subject, passed_twice, read_records, mara
):
    reader.takes(planner.takes(subject, scope="records:read"))
    drifts = [Drift(What.ACCESS, "read", "write", scope=read_records)]
    assert affected_by(drifts, timezone.now()).tokens == 3
    scopes.change_scope(read_records, access="write", by=Actor.person(mara), now=timezone.now())
    (event,) = events("consent.paused")
    assert event.detail["live_tokens"] == 3
