"""Signing keys change without one refused token."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone

from agents.actors import Actor
from agents.errors import Forbidden, InvalidInput
from agents.models import Event
from consent import key_rotation
from consent.errors import NextKeyWaits
from consent.key_rotation import CHANGED_EVERY, PUBLISHED_BEFORE, STAYS_PUBLISHED, Station
from consent.models import SigningKey
from consent.oauth.signing_keys import make_key
from consent.tasks import rotate_keys
from tests.consent.keys.steps import OfflineResource, kid_of, kids, stations
from tests.services.parallel import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
INACTIVE = {"active": False}
SECOND = timedelta(seconds=1)


def test_no_token_is_refused_through_a_whole_change_by_those_who_keep_the_key_set(signed, changes, directory_api):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        signed()
        readers: list[OfflineResource] = []
        out: list[tuple[datetime, str]] = []
        used = set()
        for step in range(45):
            if step == 5:
                changes()
            # One that reads the key set at each of these moments, and uses it for as long as it may.
            readers = [*(reader for reader in readers if timezone.now() < reader.until), OfflineResource()]
            out = [(at, old) for at, old in out if timezone.now() - at < timedelta(minutes=5)]
            out.append((timezone.now(), signed()))
            used.add(kid_of(out[-1][1]))
            for reader in readers:
                assert all(reader.accepts(token) for _, token in (out[0], out[-1]))
            assert directory_api.introspects(out[0][1])["active"] is True
            clock.shift(timedelta(seconds=39))
        assert len(used) == 2
        assert kids() == {kid_of(out[-1][1])}


def test_the_next_key_is_published_signs_at_its_hour_and_the_old_one_leaves_when_its_tokens_are_over(signed, changes):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        old = kid_of(signed())
        new = changes().kid
        assert kids() == {old, new}
        assert stations() == {old: Station.SIGNS, new: Station.WAITS}
        clock.shift(PUBLISHED_BEFORE - SECOND)
        assert kid_of(signed()) == old
        clock.shift(SECOND)
        assert kid_of(signed()) == new
        assert stations() == {old: Station.CHECKS, new: Station.SIGNS}
        clock.shift(STAYS_PUBLISHED - SECOND)
        assert kids() == {old, new}
        clock.shift(SECOND)
        assert kids() == {new}
        assert rotate_keys() == 1
        assert stations() == {old: Station.RETIRED, new: Station.SIGNS}
        assert SigningKey.objects.get(pk=old).private_jwk_encrypted == ""
        assert rotate_keys() == 0
    assert Event.objects.filter(kind="signing_key.retired", detail__kid=old).count() == 1


def test_it_changes_by_itself_and_once(signed):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        old = kid_of(signed())
        clock.shift(CHANGED_EVERY - SECOND)
        assert rotate_keys() == 0
        clock.shift(SECOND)
        assert rotate_keys() == 1
        assert rotate_keys() == 0
        clock.shift(PUBLISHED_BEFORE)
        assert kid_of(signed()) != old
        assert rotate_keys() == 0
    made = Event.objects.filter(kind="signing_key.made").order_by("-pk").first()
    assert (made.actor_kind, bool(made.reason_digest)) == ("system", True)


def test_every_process_changes_at_the_hour_of_the_next_key(signed, changes):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        signed()
        new = changes().kid
        clock.shift(PUBLISHED_BEFORE - SECOND)
        signed()  # this process reads the keys a second before
        clock.shift(SECOND)
        assert kid_of(signed()) == new


def test_a_second_change_waits_for_the_first(signed, changes, mara):
    signed()
    changes()
    with pytest.raises(NextKeyWaits):
        changes()
    assert SigningKey.objects.count() == 2


def test_the_first_key_signs_at_once(changes):
    assert changes().signs_from <= timezone.now()
    assert len(kids()) == 1


def test_of_two_first_keys_that_were_made_at_once_one_stays(signed):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        kids_made = {make_key(now=timezone.now()).kid, make_key(now=timezone.now() + SECOND).kid}
        clock.shift(SECOND)
        signing = kid_of(signed())
        assert rotate_keys() == 0
        assert kids() == kids_made
        clock.shift(STAYS_PUBLISHED)
        assert kids() == {signing}
        assert rotate_keys() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_changes_at_once_one_wins(mara):
    make_key(now=timezone.now())

    def change(_number):
        return key_rotation.rotate(reason="Now.", by=Actor.person(mara), now=timezone.now())

    outcome = at_once(8, change)
    assert len(outcome.returned) == 1
    assert {type(error) for error in outcome.raised} == {NextKeyWaits}
    assert SigningKey.objects.count() == 2


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_a_reason_is_needed(signed, mara, reason):
    kid = kid_of(signed())
    with pytest.raises(InvalidInput):
        key_rotation.rotate(reason=reason, by=Actor.person(mara), now=timezone.now())
    with pytest.raises(InvalidInput):
        key_rotation.give_up(kid, reason=reason, by=Actor.person(mara), now=timezone.now())


@pytest.mark.parametrize("who", ["ada", "weber", "omar", "mallory"])
def test_nobody_else_changes_a_key(signed, request, who):
    kid, by = kid_of(signed()), Actor.person(request.getfixturevalue(who))
    with pytest.raises(Forbidden):
        key_rotation.rotate(reason="Mine.", by=by, now=timezone.now())
    with pytest.raises(Forbidden):
        key_rotation.give_up(kid, reason="Mine.", by=by, now=timezone.now())
    assert kids() == {kid}
