"""Tokens that are signed, and the two ways in which Mara ends a key."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from agents.actors import Actor
from consent import key_rotation
from consent.oauth.signing_keys import forget_keys
from tests import grants


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
