"""S25: nobody reads a private key, a rotation refuses nothing, and a signature alone is worth nothing.

Every forged form is tried in ``tests/oauth/test_signing_keys.py``.
"""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client as Browser
from django.utils import timezone

from agents.ids import uuid7
from consent.models import SigningKey
from consent.oauth.signing_keys import forget_keys, make_key
from tests import forgery, grants
from tests.security.expected import INACTIVE
from tests.services.parallel import at_once
from tests.signing import private_half_in_use

pytestmark = [pytest.mark.engine]


@pytest.fixture
def signed(claims, claims_client, mara, look_up_staff):
    grants.consent(claims_client, scopes=[look_up_staff], user=None, by=mara)
    return lambda: claims.act_alone().json()["access_token"]


@pytest.mark.django_db
def test_s25_only_public_members_are_published_and_a_dump_holds_no_private_half(signed, tmp_path):
    signed()
    private = private_half_in_use()
    published = Browser().get("/.well-known/jwks.json").content.decode()
    assert '"d"' not in published
    call_command("dumpdata", output=str(tmp_path / "dump"), verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM consent_signingkey")
        rows = str(cursor.fetchall())
    for text in (published, (tmp_path / "dump").read_text(), rows):
        assert private not in text
    assert SigningKey.objects.get().kid in rows


@pytest.mark.django_db(transaction=True)
def test_s25_a_rotation_under_load_refuses_no_token(signed, directory_api):
    def one(number):
        if number == 3:
            make_key(now=timezone.now())
            forget_keys()
        token = signed()
        return directory_api.introspects(token)["active"], forgery.header_of(token)["kid"]

    outcome = at_once(8, one)
    more = at_once(8, one)
    assert not outcome.raised + more.raised
    assert {active for active, _ in outcome.returned + more.returned} == {True}
    assert len({kid for _, kid in outcome.returned + more.returned}) >= 2


@pytest.mark.django_db
def test_s25_a_token_that_only_the_key_knows_is_inactive(signed, directory_api):
    token = signed()
    stolen = forgery.by_our_key({**forgery.claims_of(token), "jti": str(uuid7())}, now=timezone.now())
    assert directory_api.introspects(stolen) == INACTIVE
    assert directory_api.introspects(token)["active"] is True


@pytest.mark.django_db
def test_s25_a_kid_is_never_used_twice():
    key = make_key(now=timezone.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        SigningKey.objects.create(
            kid=key.kid, public_jwk={}, private_jwk_encrypted="", published_at=timezone.now(), signs_from=timezone.now()
        )
    assert len({make_key(now=timezone.now()).kid for _ in range(3)}) == 3
    assert json.loads(Browser().get("/.well-known/jwks.json").content)["keys"]
