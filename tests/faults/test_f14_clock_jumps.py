"""F14: the clock jumps. Forward, what is expired is refused; back, what was used, revoked or ended stays dead.

The clock of one process. That of a whole running server is told in ``test_f14_clock_of_all_processes.py``.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents.models import Event
from consent import lapsed, mandate
from tests import builders, grants

pytestmark = [pytest.mark.faults, pytest.mark.engine, pytest.mark.django_db]
INACTIVE = {"active": False}
BACK = [timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)]


@pytest.fixture
def later():
    """Two hours on, so that everything is in place before a jump back of an hour."""
    return timezone.now().replace(microsecond=0) + timedelta(hours=2)


def test_f14_forward_what_is_expired_is_refused(discharge, weber_allows, pkce, records_api):
    pair = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()
    code = grants.code(weber_allows, pkce)
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        assert records_api.introspects(pair["access_token"]) == INACTIVE
        assert discharge.redeem(code, pkce).json()["error"] == "invalid_grant"
        assert discharge.refresh(pair["refresh_token"]).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(hours=9)):
        assert discharge.refresh(pair["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("jump", BACK, ids=str)
def test_f14_back_used_codes_and_refresh_tokens_stay_dead(discharge, weber_allows, pkce, records_api, later, jump):
    with time_machine.travel(later, tick=False):
        code = grants.code(weber_allows, pkce)
        first = discharge.redeem(code, pkce).json()
        second = discharge.refresh(first["refresh_token"]).json()
        assert records_api.introspects(second["access_token"])["active"] is True
    with time_machine.travel(later - jump, tick=False):
        assert discharge.refresh(first["refresh_token"]).json()["error"] in {"invalid_grant", "invalid_client"}
        assert discharge.redeem(code, pkce).json()["error"] in {"invalid_grant", "invalid_client"}
    with time_machine.travel(later + timedelta(seconds=11), tick=False):  # past what heals a lost answer
        assert discharge.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
        assert discharge.redeem(code, pkce).json()["error"] == "invalid_grant"
        assert records_api.introspects(second["access_token"]) == INACTIVE


@pytest.mark.parametrize("jump", BACK, ids=str)
def test_f14_back_what_was_revoked_stays_revoked_and_what_was_told_is_not_told_again(
    discharge, weber_allows, weber, pkce, records_api, later, jump
):
    with time_machine.travel(later, tick=False):
        pair = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()
        mandate.revoke(weber_allows.pk, reason="Over.", by=builders.actor(weber), now=later)
    with time_machine.travel(later - jump, tick=False):
        if jump < timedelta(days=1):  # before that the resource's own key did not exist
            assert records_api.introspects(pair["access_token"]) == INACTIVE
        assert discharge.refresh(pair["refresh_token"]).status_code in {400, 401}
        assert lapsed.end_expired(now=later - jump) == 0
    with time_machine.travel(later, tick=False):
        assert records_api.introspects(pair["access_token"]) == INACTIVE


def test_f14_the_order_of_events_is_kept_and_sweeps_neither_repeat_nor_stall(
    discharge_client, weber, read_records, later
):
    given = grants.consent(discharge_client, scopes=[read_records], user=weber, life=timedelta(hours=1))
    assert lapsed.end_expired(now=later) == 1
    for now in (later - timedelta(hours=1), later, later + timedelta(days=1)):
        assert lapsed.end_expired(now=now) == 0
    kinds = list(Event.objects.filter(consent_id=given.pk).order_by("pk").values_list("kind", flat=True))
    assert kinds == ["consent.approved", "consent.ended"]
    with time_machine.travel(later - timedelta(hours=2), tick=False):
        builders.agent("Later in the trail", owner=builders.person("Somebody", "owner"), active=False)
    assert Event.objects.order_by("-pk").first().kind == "agent.registered"
