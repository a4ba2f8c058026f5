"""S20: a credential proves something from its start to its end, while its client and agent may be used, and no longer."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents import clients, credentials, lifecycle
from agents.actors import Actor
from tests import builders
from tests.builders import one_refusal
from tests.grants import TokenClient
from tests.security.expected import is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def test_s20_a_revoked_one_proves_nothing_at_once(claims, clinic_allows, claims_client, mara):
    second = builders.key(claims_client)
    leaked = TokenClient(claims_client, second.key)
    assert leaked.act_alone().status_code == 200
    credentials.revoke(second.credential, by=Actor.person(mara), now=timezone.now(), reason="Leaked.")
    with one_refusal("token.refused", "invalid_client"):
        assert is_oauth_error(leaked.act_alone(), "invalid_client", 401)
    assert claims.act_alone().status_code == 200


def test_s20_a_rotated_one_overlaps_until_its_date(claims_client, clinic_allows, now):
    old = TokenClient(claims_client, builders.key(claims_client, ends_at=now + timedelta(hours=1)).key)
    new = TokenClient(claims_client, builders.key(claims_client).key)
    with time_machine.travel(now + timedelta(minutes=59)):
        assert old.act_alone().status_code == new.act_alone().status_code == 200
    with time_machine.travel(now + timedelta(hours=1)):
        assert is_oauth_error(old.act_alone(), "invalid_client", 401)
        assert new.act_alone().status_code == 200


@pytest.mark.parametrize("move", ["suspend", "retire"])
def test_s20_that_of_an_agent_that_is_not_active(claims, claims_filer, clinic_allows, mara, now, move):
    assert claims.act_alone().status_code == 200
    getattr(lifecycle, move)(claims_filer, reason="Over.", by=Actor.person(mara), now=now)
    with one_refusal("token.refused", "agent_not_usable"):
        assert is_oauth_error(claims.act_alone(), "invalid_client", 401)


def test_s20_that_of_an_agent_past_its_end(mara, ada, see_appointments, now):
    from agents.models.agent import Kind
    from tests import grants

    agent = builders.agent(
        "Short", owner=ada, kind=Kind.AUTONOMOUS, scopes=[see_appointments], ends_at=now + timedelta(hours=1)
    )
    client = builders.client(agent)
    grants.consent(client, scopes=[see_appointments], user=None, by=mara, life=timedelta(minutes=50))
    short = TokenClient(client, builders.key(client).key)
    assert short.act_alone().status_code == 200
    with time_machine.travel(now + timedelta(hours=1)):
        assert is_oauth_error(short.act_alone(), "invalid_client", 401)


def test_s20_that_of_a_client_that_was_removed(claims, claims_client, clinic_allows, mara, now):
    assert claims.act_alone().status_code == 200
    clients.end(claims_client, reason="Not needed.", by=Actor.person(mara), now=now)
    assert is_oauth_error(claims.act_alone(), "invalid_client", 401)
