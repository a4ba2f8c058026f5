"""Signing keys change hands without one refused token, and one that somebody else may hold stops at once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import KeySet

from agents import encryption
from agents.actors import Actor
from agents.errors import Forbidden, InvalidInput
from agents.models import Event
from consent import key_rotation
from consent.errors import KeyGivenUp, NextKeyWaits
from consent.key_rotation import CHANGED_EVERY, PUBLISHED_BEFORE, STAYS_PUBLISHED, Station, standings
from consent.models import SigningKey
from consent.oauth import signing_keys
from consent.oauth.signing_keys import forget_keys, make_key
from consent.tasks import rotate_keys
from tests import builders, forgery, grants
from tests.services.parallel import at_once

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
INACTIVE = {"active": False}
SECOND = timedelta(seconds=1)


@pytest.fixture
def signed(claims, claims_client, mara, look_up_staff):
    """Call it for a JWT of the staff directory, which checks offline. Lasts long enough for a walk through time."""
    grants.consent(claims_client, scopes=[look_up_staff], user=None, by=mara, life=timedelta(days=300))

    def ask():
        answer = claims.act_alone()
        assert answer.status_code == 200, answer.content
        return answer.json()["access_token"]

    return ask


@pytest.fixture
def changes(mara):
    """Mara changes the key."""
    return lambda: key_rotation.rotate(reason="Once a year.", by=Actor.person(mara), now=timezone.now())


@pytest.fixture
def gives_up(mara):
    def give_up(kid):
        made = key_rotation.give_up(kid, reason="A laptop is gone.", by=Actor.person(mara), now=timezone.now())
        forget_keys()  # what happens once it is committed, which it never is in this test
        return made

    return give_up


def published():
    return Browser().get("/.well-known/jwks.json").json()


def kids():
    return {key["kid"] for key in published()["keys"]}


def kid_of(token):
    return forgery.header_of(token)["kid"]


def stations():
    return {one.key.kid: one.station for one in standings(timezone.now())}


class OfflineResource:
    """Checks tokens itself and keeps the key set for exactly as long as ``Cache-Control`` lets it. Never asks in between."""

    def __init__(self):
        self.keys, self.until = KeySet([]), timezone.now()

    def accepts(self, token):
        if timezone.now() >= self.until:
            answer = Browser().get("/.well-known/jwks.json")
            age = int(answer["Cache-Control"].rpartition("max-age=")[2])
            self.keys, self.until = KeySet.import_key_set(answer.json()), timezone.now() + timedelta(seconds=age)
        claims = jwt.decode(token, self.keys, algorithms=["ES256"]).claims
        return claims["exp"] > timezone.now().timestamp()


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


# ------------------------------------------------------------------------------------------------- the compromise drill


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


# ---------------------------------------------------------------------------------------------------- pages and command


def test_an_administrator_changes_the_key_on_its_page(signed, mara):
    old = kid_of(signed())
    browser = builders.browser(mara)
    assert "The next key is published" not in browser.get("/settings/signing-keys/").content.decode()
    assert browser.post("/settings/signing-keys/change/", {"reason": "Once a year."}).status_code == 302
    page = browser.get("/settings/signing-keys/").content.decode()
    assert "The next key is published" in page
    assert "/settings/signing-keys/change/" not in page
    again = browser.post("/settings/signing-keys/change/", {"reason": "Again."})
    assert "One change at a time is enough" in again.content.decode()
    assert kids() > {old}


def test_an_administrator_gives_a_key_up_on_its_page(signed, mara, directory_api):
    token = signed()
    browser = builders.browser(mara)
    address = f"/settings/signing-keys/{kid_of(token)}/give-up/"
    assert browser.get(address).status_code == 200
    assert directory_api.introspects(token)["active"] is True
    assert browser.post(address, {"reason": ""}).status_code == 200
    assert browser.post(address, {"reason": "A laptop is gone."}).status_code == 302
    assert directory_api.introspects(token) == INACTIVE
    assert browser.post("/settings/signing-keys/unknown/give-up/", {"reason": "?"}).status_code == 404


@pytest.mark.parametrize("who", ["ada", "weber", "omar", "mallory"])
def test_nobody_else_opens_the_pages(request, who, signed):
    kid = kid_of(signed())
    browser = builders.browser(request.getfixturevalue(who))
    for path in ("", "change/", f"{kid}/give-up/"):
        assert browser.get(f"/settings/signing-keys/{path}").status_code == 403
    for path in ("change/", f"{kid}/give-up/"):
        assert browser.post(f"/settings/signing-keys/{path}", {"reason": "Mine."}).status_code == 403
    assert kids() == {kid}


def test_the_page_takes_as_many_queries_for_many_keys(signed, mara, django_assert_max_num_queries):
    signed()
    browser = builders.browser(mara)
    browser.get("/settings/signing-keys/")
    for _ in range(5):
        make_key(now=timezone.now())
    with django_assert_max_num_queries(14):
        browser.get("/settings/signing-keys/")


def test_the_command_changes_lists_and_gives_up(signed, capsys, directory_api):
    token = signed()
    call_command("rotate_keys", "--list")
    assert kid_of(token) in capsys.readouterr().out
    call_command("rotate_keys", "--reason", "Once a year.")
    assert "signs from" in capsys.readouterr().out
    with pytest.raises(CommandError, match="One change at a time"):
        call_command("rotate_keys")
    call_command("rotate_keys", "--compromised", kid_of(token))
    assert "Nothing that" in capsys.readouterr().out
    assert directory_api.introspects(token) == INACTIVE
    for kid, said in ((kid_of(token), "published no more"), ("unknown", "No such key")):
        with pytest.raises(CommandError, match=said):
            call_command("rotate_keys", "--compromised", kid)
