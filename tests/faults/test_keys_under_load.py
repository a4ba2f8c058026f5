"""S25 with real processes: the key changes while tokens are issued, and nobody who checks them refuses one."""

from __future__ import annotations

from datetime import timedelta

import pytest
import requests
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import KeySet

from agents.actors import Actor
from consent import key_rotation
from consent.key_rotation import PUBLISHED_BEFORE
from consent.oauth.signing_keys import make_key
from tests import forgery, grants
from tests.faults.test_f02_web_worker_killed import Load
from tests.services.processes import until

pytestmark = [pytest.mark.faults, pytest.mark.engine, pytest.mark.django_db(transaction=True)]


def read_keys(mandate):
    """The key set as it is published now, with the seconds for which it may be kept."""
    answer = requests.get(f"{mandate.url}/.well-known/jwks.json", timeout=10)
    return KeySet.import_key_set(answer.json()), int(answer.headers["Cache-Control"].rpartition("max-age=")[2])


def kids_of(tokens):
    return {forgery.header_of(token)["kid"] for token in tokens}


@pytest.fixture
def offline_tokens(claims_client, mara, look_up_staff):
    grants.consent(claims_client, scopes=[look_up_staff], user=None, by=mara)
    make_key(now=timezone.now() - timedelta(days=1))


def test_a_change_of_the_key_under_load_refuses_no_token(running_mandate, claims, offline_tokens, directory_api, mara):
    with Load(running_mandate, claims) as load:
        load.reaches(40)
        # As if it had been ordered ten minutes ago: it is published now, and signs in two seconds.
        ordered = timezone.now() - PUBLISHED_BEFORE + timedelta(seconds=2)
        new = key_rotation.rotate(reason="Once a year.", by=Actor.person(mara), now=ordered).kid
        kept, seconds = read_keys(running_mandate)
        assert seconds * 2 == PUBLISHED_BEFORE.total_seconds()
        # Each process reads the keys by itself every few seconds: for that long both keys sign.
        until(lambda: kids_of(load.received[-60:]) == {new}, within=60, because=running_mandate.log)
    assert not load.faults
    assert not load.lost
    assert len(kids_of(load.received)) == 2
    for token in load.received:
        assert jwt.decode(token, kept, algorithms=["ES256"]).claims["jti"]
    for token in (load.received[0], load.received[-1]):
        answer = requests.post(
            f"{running_mandate.url}/oauth/introspect",
            data={"token": token},
            auth=(directory_api.resource.identifier, directory_api.key),
            timeout=10,
        )
        assert answer.json()["active"] is True


def test_a_key_that_is_given_up_under_load_stops_in_every_process(
    running_mandate, claims, offline_tokens, directory_api, mara
):
    with Load(running_mandate, claims) as load:
        load.reaches(40)
        (old,) = kids_of(load.received)
        successor = key_rotation.give_up(old, reason="A laptop is gone.", by=Actor.person(mara), now=timezone.now()).kid
        kept, _ = read_keys(running_mandate)
        assert [key.kid for key in kept.keys] == [successor]
        first = load.received[0]
        for _ in range(8):  # whichever of the processes answers, and whatever it remembers
            answer = requests.post(
                f"{running_mandate.url}/oauth/introspect",
                data={"token": first},
                auth=(directory_api.resource.identifier, directory_api.key),
                timeout=10,
            )
            assert answer.json() == {"active": False}
        until(lambda: kids_of(load.received[-60:]) == {successor}, within=60, because=running_mandate.log)
    assert not load.faults
    assert jwt.decode(load.received[-1], kept, algorithms=["ES256"]).claims["jti"]
