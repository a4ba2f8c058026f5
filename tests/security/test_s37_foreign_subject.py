"""S37: a subject token that is over, forged, somebody else's or of a stopped agent; an actor token of somebody else. RFC 8693 §2.2.2, §4."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents import lifecycle
from agents.actors import Actor
from consent.models import AccessToken
from tests import builders, grants
from tests.builders import one_refusal
from tests.exchanging import ACCESS_TOKEN, allow, asks_to_pass, first_token, passes, taker
from tests.security.expected import is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def refused(answer):
    return is_oauth_error(answer, "invalid_request")


def test_s37_the_positive_twin(planner, subject):
    assert planner.exchange(subject).status_code == 200


def test_s37_revoked(planner, subject, discharge):
    discharge.revoke(subject)
    with one_refusal("token.refused"):
        assert refused(planner.exchange(subject))


def test_s37_expired(planner, subject):
    with time_machine.travel(timezone.now() + timedelta(minutes=6)), one_refusal("token.refused", "token_expired"):
        assert refused(planner.exchange(subject))


def test_s37_forged_or_of_another_kind(planner, subject, discharge, passed_twice, records, pkce):
    header, claims = ({"alg": "none", "typ": "at+jwt"}, {"sub": str(passed_twice.user_id), "scope": "records:read"})
    none = ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims)
    )
    pair = discharge.redeem(grants.code(passed_twice, pkce), pkce, resource=records.uri).json()
    code = grants.code(passed_twice, grants.Pkce())
    jti = str(AccessToken.objects.latest("created").pk)
    for token in (
        f"{none}.",
        f"{none}.xx",
        subject[:-1],
        subject + "x",
        "x",
        "\u00e9" * 40,
        pair["refresh_token"],
        code,
        jti,
        planner.key,
    ):
        with one_refusal("token.refused", "invalid_request"):
            assert refused(planner.exchange(token))


@pytest.mark.parametrize("whose", ["discharge_assistant", "planner_agent"])
def test_s37_of_an_agent_that_is_suspended(planner, reader, subject, mara, request, whose):
    token = planner.takes(subject, scope="records:read")
    agent = request.getfixturevalue(whose)
    lifecycle.suspend(agent, reason="A look.", by=Actor.person(mara), now=timezone.now())
    with one_refusal("token.refused", "agent_not_active"):
        assert refused(reader.exchange(token))


def test_s37_may_act_names_another(
    discharge, weber, read_records, discharge_assistant, planner_agent, reader_agent, reader, records_api
):
    asks_to_pass(discharge_assistant, planner_agent, reader_agent)
    token = first_token(discharge, allow(discharge.client, weber, [read_records], passes(planner_agent)))
    assert records_api.introspects(token)["may_act"] == {"sub": str(planner_agent.pk)}
    with one_refusal("token.refused", "foreign_subject"):
        assert refused(reader.exchange(token))


def test_s37_another_persons_agent_gets_nothing_by_naming_itself(mallory, subject, read_records, planner):
    hers = taker(builders.agent("Hers", owner=mallory, scopes=[read_records]))
    for more in ({}, {"actor_token": subject, "actor_token_type": ACCESS_TOKEN}, {"client": str(planner.client.pk)}):
        with one_refusal("token.refused", "foreign_subject"):
            assert refused(hers.exchange(subject, act=str(planner.agent.pk), may_act="{}", **more))


def test_s37_the_actor_token_of_somebody_else(planner, reader, subject, discharge_exchanges):
    for foreign in (reader.takes(subject), subject, "x"):
        with one_refusal("token.refused", "foreign_actor"):
            assert refused(planner.exchange(subject, actor_token=foreign, actor_token_type=ACCESS_TOKEN))


def test_s37_every_result_has_the_caller_outermost_and_the_earlier_ones_inside(
    planner, reader, subject, records_api, discharge_assistant
):
    token = reader.takes(planner.takes(subject, scope="records:read"))
    act, names = records_api.introspects(token)["act"], []
    while act:
        names.append(act["sub"])
        act = act.get("act")
    assert names == [str(reader.agent.pk), str(planner.agent.pk), str(discharge_assistant.pk)]


def test_s37_impersonation_is_not_offered(planner, subject, records_api, weber):
    """Whatever is asked for: the person stays the subject, and the agent that asks stands in ``act``."""
    for more in ({"subject": "admin"}, {"sub": "admin"}, {"requested_subject": "admin"}, {"act": ""}):
        seen = records_api.introspects(planner.takes(subject, **more))
        assert seen["sub"] == str(weber.pk)
        assert seen["act"]["sub"] == str(planner.agent.pk)


def test_s37_it_stops_at_the_depth_that_the_person_gave(
    discharge, weber, read_records, discharge_assistant, planner, reader, ada
):
    last = taker(builders.agent("Third", owner=ada, scopes=[read_records]))
    three = [planner.agent, reader.agent, last.agent]
    asks_to_pass(discharge_assistant, *three, deep=3)
    given = allow(discharge.client, weber, [read_records], passes(*three, deep=2))
    token = reader.takes(planner.takes(first_token(discharge, given)))
    with one_refusal("token.refused", "passed_too_far"):
        assert is_oauth_error(last.exchange(token), "access_denied")
    with one_refusal("token.refused", "passed_in_a_circle"):
        assert is_oauth_error(planner.exchange(token), "access_denied")
