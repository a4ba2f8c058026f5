"""S21: what names a token is no token. A ``jti`` stands in the trail, in receipts and in logs of resources."""

from __future__ import annotations

import uuid

import pytest
from django.utils import timezone

from consent.oauth.access_token import TYP
from consent.oauth.signing_keys import verified_claims
from tests import grants

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
INACTIVE = {"active": False}


@pytest.mark.parametrize("form", ["jti:{0}", "jti:{0.hex}", "{0}", "{0.hex}"])
def test_s21_the_id_of_a_jwt_is_worth_nothing(claims, claims_client, mara, look_up_staff, directory_api, form):
    grants.consent(claims_client, scopes=[look_up_staff], user=None, by=mara)
    token = claims.act_alone().json()["access_token"]
    claimed = verified_claims(token, typ=TYP, now=timezone.now())
    assert claimed is not None
    presented = form.format(uuid.UUID(claimed["jti"]))
    assert directory_api.introspects(presented) == INACTIVE
    assert claims.revoke(presented).status_code == 200
    assert directory_api.introspects(token)["active"] is True
