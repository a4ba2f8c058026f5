"""The compromise drill: a key that somebody else may hold stops at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents import encryption
from agents.models import Event
from consent.errors import KeyGivenUp
from consent.key_rotation import PUBLISHED_BEFORE, STAYS_PUBLISHED, Station
from consent.models import SigningKey
from consent.oauth import signing_keys
from consent.oauth.signing_keys import forget_keys
from tests import forgery, grants
from tests.consent.keys.steps import kid_of, kids, stations

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
INACTIVE = {"active": False}
SECOND = timedelta(seconds=1)


def test_a_key_that_was_given_up_stops_at_once(signed, gives_up, directory_api):
    token = signed()
    stolen = forgery.by_our_key(forgery.claims_of(token), now=timezone.now())
    assert directory_api.introspects(stolen)["active"] is True
    successor = gives_up(kid_of(token))
    for dead in (token, stolen):
        assert directory_api.introspects(dead) == INACTIVE
    assert kids() == {successor.kid}
    fresh = signed()
    assert kid_of(fresh) == successor.kid
    assert directory_api.introspects(fresh)["active"] is True
    row = SigningKey.objects.get(pk=kid_of(token))
    assert (row.private_jwk_encrypted, stations()[row.kid]) == ("", Station.COMPROMISED)
    told = Event.objects.get(kind="signing_key.compromised")
    assert told.detail == {"kid": row.kid, "successor": successor.kid}


def test_a_process_that_has_not_read_the_keys_again_refuses_its_tokens_too(signed, gives_up, directory_api):
    token = signed()
    remembered = signing_keys._memory.kept
    gives_up(kid_of(token))
    signing_keys._memory.kept = remembered
    assert directory_api.introspects(token) == INACTIVE


def test_a_process_that_remembers_it_signs_with_the_next_within_seconds(signed, gives_up):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        token = signed()
        remembered = signing_keys._memory.kept
        successor = gives_up(kid_of(token))
        signing_keys._memory.kept = remembered
        clock.shift(signing_keys.KEPT_FOR)
        assert kid_of(signed()) == successor.kid


def test_the_key_that_waits_takes_its_place(signed, changes, gives_up):
    old = kid_of(signed())
    waiting = changes()
    assert gives_up(old).kid == waiting.kid
    assert kid_of(signed()) == waiting.kid
    assert SigningKey.objects.count() == 2


def test_giving_up_the_one_that_waits_leaves_the_one_that_signs(signed, changes, gives_up, directory_api):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        old = kid_of(signed())
        waiting = changes().kid
        clock.shift(SECOND)
        assert gives_up(waiting).kid == old
        clock.shift(PUBLISHED_BEFORE + STAYS_PUBLISHED)
        token = signed()
        assert kid_of(token) == old
        assert kids() == {old}
        assert directory_api.introspects(token)["active"] is True


def test_one_that_signed_before_does_not_sign_again(signed, changes, gives_up):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        first = kid_of(signed())
        second = changes().kid
        clock.shift(PUBLISHED_BEFORE + SECOND)
        assert kid_of(signed()) == second
        third = gives_up(second).kid
        assert third not in {first, second}
        assert kids() == {first, third}
        assert kid_of(signed()) == third


def test_a_key_is_given_up_once(signed, gives_up):
    kid = kid_of(signed())
    gives_up(kid)
    with pytest.raises(KeyGivenUp):
        gives_up(kid)


def test_a_new_encryption_secret_makes_a_new_key_and_the_old_ones_can_be_given_up(
    signed, gives_up, settings, directory_api
):
    token = signed()
    settings.ENCRYPTION_KEY = "another secret, because somebody took the first one"
    encryption._box.cache_clear()
    forget_keys()
    try:
        fresh = signed()
        assert kid_of(fresh) != kid_of(token)
        assert directory_api.introspects(token)["active"] is True
        assert gives_up(kid_of(token)).kid == kid_of(fresh)
        assert directory_api.introspects(token) == INACTIVE
        assert directory_api.introspects(fresh)["active"] is True
    finally:
        encryption._box.cache_clear()


def test_opaque_tokens_go_on(signed, gives_up, discharge_client, discharge, pkce, weber_allows, records_api):
    opaque = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()["access_token"]
    gives_up(kid_of(signed()))
    assert records_api.introspects(opaque)["active"] is True
