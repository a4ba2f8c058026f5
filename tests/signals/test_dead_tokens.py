"""Tokens that die by themselves are told by their ``jti``: given back, or lost to a second use of what counts once."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents import nudges
from agents.models import Event, Notice
from consent import mandate
from consent.models import Signal
from consent.signals import dead_tokens
from consent.signals.delivery import deliver_all
from tests import builders, grants, receiving

pytestmark = [pytest.mark.django_db, pytest.mark.engine, pytest.mark.usefixtures("nothing_noted")]


@pytest.fixture
def told(records, receiver):
    """Patient records are told."""
    receiving.stream(records, receiver)
    return receiver


@pytest.fixture
def pair(discharge, weber_allows, pkce):
    return discharge.redeem(grants.code(weber_allows, pkce), pkce).json()


def jti_of(records_api, token):
    return records_api.introspects(token)["jti"]


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_a_token_given_back_is_told_by_its_jti(told, discharge, pair, records_api, settings, which):
    jti = jti_of(records_api, pair["access_token"])
    discharge.revoke(pair[which])
    deliver_all(now=timezone.now())
    assert told.types() == ["session-revoked"]
    assert told.received[0]["sub_id"] == {"format": "jwt_id", "iss": settings.ISSUER, "jti": jti}
    assert next(iter(told.received[0]["events"].values()))["initiating_entity"] == "system"


def test_nothing_else_under_the_consent_is_told(told, discharge, weber_allows, pair, pkce, records_api):
    other = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()["access_token"]
    discharge.revoke(pair["access_token"])
    deliver_all(now=timezone.now())
    assert [claims["sub_id"]["jti"] for claims in told.received] != [jti_of(records_api, other)]
    assert len(told.received) == 1


def test_a_token_of_client_credentials_is_told_alone(told, claims, clinic_allows, records_api):
    first, second = (claims.act_alone().json()["access_token"] for _ in range(2))
    jti = jti_of(records_api, first)
    claims.revoke(first)
    deliver_all(now=timezone.now())
    assert [claims["sub_id"]["jti"] for claims in told.received] == [jti]
    assert records_api.introspects(second)["active"] is True


def test_a_replayed_refresh_token_tells_of_what_is_out_of_its_family_and_once(told, discharge, pair, records_api):
    second = discharge.refresh(pair["refresh_token"]).json()
    out = {jti_of(records_api, token["access_token"]) for token in (pair, second)}
    with time_machine.travel(timezone.now() + timedelta(seconds=11)):
        discharge.refresh(pair["refresh_token"])
        discharge.refresh(pair["refresh_token"])
        assert Event.objects.filter(kind="refresh.replayed").count() >= 1
        deliver_all(now=timezone.now())
    assert {claims["sub_id"]["jti"] for claims in told.received} == out
    assert len(told.received) == 2


def test_a_code_used_twice_tells_of_what_the_first_use_got(told, discharge, weber_allows, pkce, records_api):
    code = grants.code(weber_allows, pkce)
    jti = jti_of(records_api, discharge.redeem(code, pkce).json()["access_token"])
    discharge.redeem(code, pkce)
    deliver_all(now=timezone.now())
    assert [claims["sub_id"]["jti"] for claims in told.received] == [jti]


def test_a_token_that_ran_out_meanwhile_is_not_told(told, discharge, pair):
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        discharge.revoke(pair["refresh_token"])
        deliver_all(now=timezone.now())
    assert told.received == []


def test_a_resource_hears_of_its_own_tokens_alone(told, another, directory, discharge, pair):
    receiving.stream(directory, another)
    discharge.revoke(pair["access_token"])
    deliver_all(now=timezone.now())
    assert len(told.received) == 1
    assert another.received == []


def test_a_client_that_gives_back_very_many_fills_no_stream(told, claims, clinic_allows, monkeypatch):
    monkeypatch.setattr(dead_tokens, "MOST_GIVEN_BACK", 3)
    for _ in range(5):
        claims.revoke(claims.act_alone().json()["access_token"])
    deliver_all(now=timezone.now())
    assert len(told.received) == 3
    assert Event.objects.filter(kind="token.revoked").count() == 5


def test_another_clients_token_is_told_all_the_same(told, claims, clinic_allows, discharge, pair, monkeypatch):
    monkeypatch.setattr(dead_tokens, "MOST_GIVEN_BACK", 1)
    for _ in range(2):
        claims.revoke(claims.act_alone().json()["access_token"])
    discharge.revoke(pair["access_token"])
    deliver_all(now=timezone.now())
    assert len(told.received) == 2


def test_of_a_family_the_newest_are_told(told, discharge, pair, records_api, monkeypatch):
    monkeypatch.setattr(dead_tokens, "MOST_TOKENS", 1)
    with time_machine.travel(timezone.now() + timedelta(seconds=5)):
        second = discharge.refresh(pair["refresh_token"]).json()
        newest = jti_of(records_api, second["access_token"])
        discharge.revoke(second["refresh_token"])
        deliver_all(now=timezone.now())
    assert [claims["sub_id"]["jti"] for claims in told.received] == [newest]


def test_what_programs_bring_about_is_noted_without_a_message(discharge, pair, weber_allows, weber, monkeypatch):
    nudged = []
    monkeypatch.setattr(nudges, "nudge_when_through", nudged.append)
    discharge.revoke(pair["access_token"])
    assert Notice.objects.count() == 1
    assert nudged == []
    mandate.revoke(weber_allows.pk, reason="Enough.", by=builders.actor(weber), now=timezone.now())
    assert nudged == ["consent.send_signals"]


def test_giving_back_asks_a_fixed_number_of_queries(told, discharge, pair, django_assert_max_num_queries):
    discharge.revoke(pair["access_token"])
    event = builders.events("token.revoked")[-1]
    with django_assert_max_num_queries(2):
        dead_tokens.dead_tokens(event)
    assert not Signal.objects.exists()
