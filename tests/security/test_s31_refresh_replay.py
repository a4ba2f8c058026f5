"""S31: a refresh token that comes again ends its whole family; a lost answer heals within ten seconds."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from consent.models import RefreshToken
from tests import grants
from tests.builders import one_refusal
from tests.security.expected import INACTIVE, is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.fixture
def start():
    """One moment, at which the clock of the test stands still: an hour on, so that it can also jump back."""
    return (timezone.now() + timedelta(hours=1)).replace(microsecond=0)


@pytest.fixture
def generations(discharge, weber_allows, pkce, start):
    """The first pair and two that followed."""
    with time_machine.travel(start, tick=False):
        pairs = [discharge.redeem(grants.code(weber_allows, pkce), pkce).json()]
        for _ in range(2):
            pairs.append(discharge.refresh(pairs[-1]["refresh_token"]).json())
    return pairs


@pytest.mark.parametrize("again", [0, 1], ids=["two generations old", "one generation old"])
@pytest.mark.parametrize("after", [timedelta(seconds=11), timedelta(hours=3), -timedelta(minutes=30)], ids=str)
def test_s31_a_replay_ends_the_family(discharge, generations, records_api, start, again, after):
    with time_machine.travel(start + after, tick=False):
        with one_refusal("refresh.replayed", "refresh_replayed"):
            assert is_oauth_error(discharge.refresh(generations[again]["refresh_token"]), "invalid_grant")
        for pair in generations:
            assert records_api.introspects(pair["access_token"]) == INACTIVE
            assert is_oauth_error(discharge.refresh(pair["refresh_token"]), "invalid_grant")


def test_s31_within_ten_seconds_but_after_its_successor_was_used_likewise(discharge, generations, records_api, start):
    with time_machine.travel(start + timedelta(seconds=1), tick=False):
        assert is_oauth_error(discharge.refresh(generations[0]["refresh_token"]), "invalid_grant")
        assert records_api.introspects(generations[-1]["access_token"]) == INACTIVE


@pytest.mark.parametrize(("seconds", "status"), [(9, 200), (10, 400)])
def test_s31_a_lost_answer_heals_within_ten_seconds(discharge, generations, start, seconds, status):
    last = generations[-1]["refresh_token"]
    with time_machine.travel(start, tick=False):
        assert discharge.refresh(last).status_code == 200
    with time_machine.travel(start + timedelta(seconds=seconds), tick=False):
        assert discharge.refresh(last).status_code == status
    assert RefreshToken.objects.filter(used_at=None, replaced_at=None).count() == 1


def test_s31_one_that_was_given_back_is_refused_and_ends_nothing_else(discharge, weber_allows, pkce, records_api):
    kept = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()
    given_back = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()
    discharge.revoke(given_back["refresh_token"])
    with one_refusal("token.refused", "invalid_grant"):
        assert is_oauth_error(discharge.refresh(given_back["refresh_token"]), "invalid_grant")
    assert records_api.introspects(kept["access_token"])["active"] is True
    assert discharge.refresh(kept["refresh_token"]).status_code == 200
