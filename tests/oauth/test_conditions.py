"""Conditions at the token endpoint and at introspection: checked on use, and the refusal says which one it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
import time_machine
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from agents import registry
from agents.models import AuthMethod, Event
from consent.models import AccessToken, Consent, RefreshToken
from tests import builders, grants, out_of_band
from tests.builders import events, one_refusal
from tests.grants import FORM, REDIRECT, Pkce
from tests.limits import WEEKDAYS, limited, limits, only
from tests.services.parallel import at_once

pytestmark = pytest.mark.django_db
MONDAY_NOON = datetime(2026, 11, 23, 11, tzinfo=UTC)
"""12:00 in Berlin."""
MONDAY_NIGHT = datetime(2026, 11, 23, 21, tzinfo=UTC)
OFFICE = only(days=WEEKDAYS, hours=(8, 18))
INACTIVE = {"active": False}


@pytest.fixture(autouse=True)
def _in_autumn():
    """Everything begins before the days of these stories, the keys too."""
    with time_machine.travel(datetime(2026, 10, 20, 12, tzinfo=UTC)):
        yield


@pytest.fixture(autouse=True)
def _in_berlin(weber, mara):
    for person in (weber, mara):
        person.time_zone = "Europe/Berlin"
        person.save()


def allows(client, weber, scopes, conditions, **more):
    """Weber lets the client act under conditions; its first tokens."""
    given = limited(client.client, conditions, scopes=scopes, user=weber, **more)
    pkce = Pkce()
    return given, client.redeem(grants.code(given, pkce), pkce)


def from_address(client, address, **form):
    body = "&".join(f"{name}={quote(value, safe='')}" for name, value in form.items())
    return Browser().post("/oauth/token", body, content_type=FORM, REMOTE_ADDR=address, **client.header)


def said(answer, *words, error="invalid_grant"):
    """The refusal names this error, and these words in its description."""
    body = answer.json()
    assert answer.status_code == 400
    assert body["error"] == error
    for word in words:
        assert word in body["error_description"]
    return True


# ------------------------------------------------------------------------------------------------------- times of day


def test_outside_the_hours_no_code_and_no_refresh_token_counts(discharge, weber, read_records, records_api):
    with time_machine.travel(MONDAY_NOON, tick=False) as clock:
        given, first = allows(discharge, weber, [read_records], OFFICE)
        pair = first.json()
        clock.move_to(MONDAY_NIGHT)
        with one_refusal("token.refused", "outside_hours"):
            refused = discharge.refresh(pair["refresh_token"])
        assert said(refused, "08:00 to 18:00 (Europe/Berlin)", "2026-11-24T07:00Z", f"/my-agents/{given.pk}/")
        assert Event.objects.latest("pk").consent_id == given.pk
        pkce = Pkce()
        code = grants.code(given, pkce)
        assert said(discharge.redeem(code, pkce), "Monday to Friday")
        clock.move_to(MONDAY_NOON + timedelta(days=1))
        # What was refused for the hour was not used up by it.
        assert discharge.refresh(pair["refresh_token"]).status_code == 200


def test_a_token_is_worth_nothing_outside_the_hours(discharge, weber, read_records, records_api):
    with time_machine.travel(MONDAY_NOON, tick=False) as clock:
        given, first = allows(discharge, weber, [read_records], only(uses=9))
        token = first.json()["access_token"]
        assert records_api.introspects(token)["active"]
        limits(given, only(days=WEEKDAYS, hours=(8, 12), uses=8), by=weber)
        with one_refusal("introspection.inactive", "outside_hours"):
            assert records_api.introspects(token) == INACTIVE
        clock.move_to(MONDAY_NOON + timedelta(minutes=1))
        assert records_api.introspects(token) == INACTIVE


@pytest.mark.parametrize("offline", [True, False])
def test_no_token_outlives_the_hours(discharge, weber, read_records, look_up_staff, offline):
    with time_machine.travel(datetime(2026, 11, 23, 16, 58, tzinfo=UTC), tick=False) as clock:
        _, first = allows(discharge, weber, [look_up_staff if offline else read_records], OFFICE)
        assert first.json()["expires_in"] == 120
        clock.move_to(datetime(2026, 11, 23, 16, 59, 59, 500_000, tzinfo=UTC))
        assert said(discharge.refresh(first.json()["refresh_token"]), "08:00 to 18:00")


def test_the_hours_are_those_on_the_wall_when_the_clock_is_changed(claims, claims_client, mara, see_appointments):
    # In the night to 25 October 2026 Berlin's clock goes back from 03:00 to 02:00, which is 01:00 UTC.
    early = datetime(2026, 10, 24, 12, tzinfo=UTC)
    limited(claims_client, only(hours=(2, 3)), scopes=[see_appointments], user=None, by=mara, now=early)
    answers = {}
    with time_machine.travel(early, tick=False) as clock:
        for hour, minute in ((23, 58), (0, 0), (0, 58), (1, 0), (1, 58), (2, 0)):
            clock.move_to(datetime(2026, 10, 24 if hour == 23 else 25, hour, minute, tzinfo=UTC))
            answers[hour, minute] = claims.act_alone()
    life = {at: answer.json().get("expires_in") for at, answer in answers.items()}
    assert life == {(23, 58): None, (0, 0): 300, (0, 58): 300, (1, 0): 300, (1, 58): 120, (2, 0): None}


# ----------------------------------------------------------------------------------------------------------- networks


def test_a_token_is_had_from_the_network_only(discharge, weber, read_records, records_api):
    given = limited(discharge.client, only("10.0.0.0/8", "2001:db8::/48"), scopes=[read_records], user=weber)
    pkce = Pkce()
    form = {
        "grant_type": "authorization_code",
        "code": grants.code(given, pkce),
        "code_verifier": pkce.verifier,
        "redirect_uri": REDIRECT,
    }
    with one_refusal("token.refused", "outside_network"):
        assert said(from_address(discharge, "192.0.2.7", **form), "10.0.0.0/8, 2001:db8::/48", str(given.pk))
    first = from_address(discharge, "10.20.30.40", **form)
    assert first.status_code == 200
    again = {"grant_type": "refresh_token", "refresh_token": first.json()["refresh_token"]}
    assert said(from_address(discharge, "::ffff:192.0.2.7", **again), "only from")
    assert from_address(discharge, "2001:db8::7", **again).status_code == 200
    # Where its agent is, a resource cannot tell: what was issued counts until it ends.
    assert records_api.introspects(first.json()["access_token"])["active"]


# --------------------------------------------------------------------------------------------------------------- uses


def test_each_token_is_one_use_and_the_last_brings_no_refresh_token(discharge, weber, read_records, records_api):
    given, first = allows(discharge, weber, [read_records], only(uses=3))
    second = discharge.refresh(first.json()["refresh_token"]).json()
    third = discharge.refresh(second["refresh_token"]).json()
    assert "refresh_token" not in third
    assert records_api.introspects(third["access_token"])["active"]
    pkce = Pkce()
    code = grants.code(given, pkce)
    with one_refusal("token.refused", "uses_spent"):
        assert said(discharge.redeem(code, pkce), "for 3 tokens, which were issued")
    given.refresh_from_db()
    assert (given.uses_taken, given.uses_left) == (3, 0)
    assert AccessToken.objects.count() == 3


def test_once_brings_one_token_and_no_refresh_token(discharge, weber, read_records):
    given, first = allows(discharge, weber, [read_records], only(), once=True)
    assert "refresh_token" not in first.json()
    pkce = Pkce()
    assert said(discharge.redeem(grants.code(given, pkce), pkce), "for one token")


def test_a_refused_request_takes_no_use(discharge, weber, read_records):
    given, first = allows(discharge, weber, [read_records], only(uses=5))
    assert discharge.refresh(first.json()["refresh_token"], resource="https://nowhere.example").status_code == 400
    assert discharge.refresh(first.json()["refresh_token"], scope="never:asked").status_code == 400
    given.refresh_from_db()
    assert given.uses_taken == 1


def test_without_a_limit_nothing_is_counted(discharge, weber, read_records):
    given, _ = allows(discharge, weber, [read_records], only())
    given.refresh_from_db()
    assert (given.uses_allowed, given.uses_taken) == (None, 0)


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_of_fifty_at_once_ten_are_let_through(claims, claims_client, mara, see_appointments):
    given = limited(claims_client, only(uses=10), scopes=[see_appointments], user=None, by=mara)
    outcome = at_once(50, lambda _: claims.act_alone())
    assert not outcome.raised
    assert sorted(answer.status_code for answer in outcome.returned) == [200] * 10 + [400] * 40
    assert {answer.json().get("error") for answer in outcome.returned} == {None, "unauthorized_client"}
    given.refresh_from_db()
    assert given.uses_taken == AccessToken.objects.filter(consent=given).count() == 10


@pytest.mark.engine
@pytest.mark.django_db(transaction=True)
def test_of_fifty_codes_at_once_ten_are_redeemed(discharge, weber, read_records):
    given = limited(discharge.client, only(uses=10), scopes=[read_records], user=weber)
    pkce = Pkce()
    codes = [grants.code(given, pkce) for _ in range(50)]
    outcome = at_once(50, lambda number: discharge.redeem(codes[number], pkce))
    assert not outcome.raised
    assert sorted(answer.status_code for answer in outcome.returned) == [200] * 10 + [400] * 40
    assert AccessToken.objects.filter(consent=given).count() == 10
    assert RefreshToken.objects.count() == 9


# -------------------------------------------------------------------------------------------------------- environment


def test_an_agent_that_moved_to_another_environment_gets_nothing(discharge, weber, ada, read_records, records_api, now):
    _, first = allows(discharge, weber, [read_records], only(environment="production"))
    pair = first.json()
    assert records_api.introspects(pair["access_token"])["active"]
    by = builders.actor(ada)
    registry.edit(discharge.client.agent, environment="staging", by=by, now=now)
    with one_refusal("introspection.inactive", "other_environment"):
        assert records_api.introspects(pair["access_token"]) == INACTIVE
    with one_refusal("token.refused", "other_environment"):
        assert said(discharge.refresh(pair["refresh_token"]), "registered for: production")
    registry.edit(discharge.client.agent, environment="production", by=by, now=now)
    assert discharge.refresh(pair["refresh_token"]).status_code == 200


# ------------------------------------------------------------------------------------------------ the other two grants


def test_client_credentials_say_which_condition_it_was(claims, claims_client, claims_filer, mara, see_appointments):
    with time_machine.travel(MONDAY_NIGHT, tick=False):
        limited(claims_client, OFFICE, scopes=[see_appointments], user=None, by=mara)
        with one_refusal("token.refused", "outside_hours"):
            refused = claims.act_alone()
        assert said(refused, "08:00 to 18:00", f"/agents/{claims_filer.pk}/consent/", error="unauthorized_client")
        assert Event.objects.latest("pk").consent_id == Consent.objects.get().pk


def test_of_two_consents_the_one_that_counts_now_is_used(claims, claims_client, mara, see_appointments):
    with time_machine.travel(MONDAY_NIGHT, tick=False):
        night = limited(claims_client, only(hours=(18, 8)), scopes=[see_appointments], user=None, by=mara)
        limited(claims_client, OFFICE, scopes=[see_appointments], user=None, by=mara, purpose="By day")
        assert claims.act_alone().status_code == 200
        assert AccessToken.objects.get().consent_id == night.pk


def test_client_credentials_from_elsewhere_and_too_often(claims, claims_client, mara, see_appointments):
    limited(claims_client, only("10.0.0.0/8", uses=1), scopes=[see_appointments], user=None, by=mara)
    form = {"grant_type": "client_credentials"}
    assert said(from_address(claims, "192.0.2.7", **form), "10.0.0.0/8", error="unauthorized_client")
    assert from_address(claims, "10.0.0.9", **form).status_code == 200
    with one_refusal("token.refused", "uses_spent"):
        assert said(from_address(claims, "10.0.0.9", **form), "one token", error="unauthorized_client")


def test_what_was_asked_out_of_band_is_held_against_its_conditions(discharge_assistant, weber, mara, see_appointments):
    asking = out_of_band.asking_client(discharge_assistant)
    out_of_band.joins_circle(discharge_assistant, weber, by=mara)
    asked = out_of_band.asked_id(asking, weber)
    page = out_of_band.decides(weber, out_of_band.request_of(asked), limit_networks=["10.0.0.0/8"])
    assert page.status_code in {302, 303}
    form = {"grant_type": out_of_band.CIBA, "auth_req_id": asked}
    assert said(from_address(asking, "192.0.2.7", **form), "10.0.0.0/8")
    assert from_address(asking, "10.0.0.1", **form).status_code == 200


def test_a_public_client_is_held_to_them_too(discharge_assistant, weber, read_records):
    public = builders.client(discharge_assistant, "local tool", auth_method=AuthMethod.NONE)
    given = limited(public, only("10.0.0.0/8"), scopes=[read_records], user=weber)
    pkce = Pkce()
    form = {
        "grant_type": "authorization_code",
        "code": grants.code(given, pkce),
        "code_verifier": pkce.verifier,
        "redirect_uri": REDIRECT,
        "client_id": public.client_id,
    }
    assert said(grants.post("/oauth/token", form), "10.0.0.0/8")


def test_a_replayed_refresh_token_ends_its_family_outside_the_hours_too(discharge, weber, read_records):
    with time_machine.travel(MONDAY_NOON, tick=False) as clock:
        _, first = allows(discharge, weber, [read_records], OFFICE)
        second = discharge.refresh(first.json()["refresh_token"]).json()
        clock.move_to(MONDAY_NIGHT)
        assert discharge.refresh(first.json()["refresh_token"]).status_code == 400
        assert events("refresh.replayed")
        clock.move_to(MONDAY_NOON + timedelta(days=1))
        assert discharge.refresh(second["refresh_token"]).status_code == 400


def test_conditions_cost_no_query_where_there_are_none(claims, clinic_allows, claims_client, mara, see_appointments):
    claims.act_alone()
    with CaptureQueriesContext(connection) as without:
        assert claims.act_alone().status_code == 200
    limited(claims_client, only("127.0.0.0/8", hours=(0, 24)), scopes=[see_appointments], user=None, by=mara,
            purpose="File claims")  # fmt: skip
    claims.act_alone()
    with CaptureQueriesContext(connection) as with_them:
        assert claims.act_alone().status_code == 200
    assert len(without) == len(with_them)
