"""S11: a code counts once, within a minute; its second use ends what the first one got, and is one event."""

from __future__ import annotations

import io
from datetime import timedelta
from urllib.parse import urlencode

import pytest
import time_machine
from django.test import Client as Browser
from django.utils import timezone

from tests import grants
from tests.builders import one_refusal
from tests.security.expected import INACTIVE, is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


@pytest.mark.parametrize("after", [0, 30, 3600, 86_400])
def test_s11_a_second_use_ends_what_the_first_one_got(discharge, weber_allows, pkce, records_api, after):
    code = grants.code(weber_allows, pkce)
    pair = discharge.redeem(code, pkce).json()
    newer = discharge.refresh(pair["refresh_token"]).json()
    assert records_api.introspects(newer["access_token"])["active"] is True
    with time_machine.travel(timezone.now() + timedelta(seconds=after), tick=False):
        with one_refusal("code.used_twice", "code_used_twice"):
            assert is_oauth_error(discharge.redeem(code, pkce), "invalid_grant")
        for held in (pair, newer):
            assert records_api.introspects(held["access_token"]) == INACTIVE
            assert is_oauth_error(discharge.refresh(held["refresh_token"]), "invalid_grant")


def test_s11_a_second_use_with_a_wrong_verifier_ends_it_too(discharge, weber_allows, pkce, records_api):
    code = grants.code(weber_allows, pkce)
    pair = discharge.redeem(code, pkce).json()
    assert is_oauth_error(discharge.redeem(code, grants.Pkce("wrong" * 10)), "invalid_grant")
    assert records_api.introspects(pair["access_token"]) == INACTIVE


def test_s11_a_minute_is_all_there_is(discharge, weber_allows, pkce):
    start = timezone.now().replace(microsecond=0)
    with time_machine.travel(start, tick=False):
        in_time, late = (grants.code(weber_allows, pkce, now=start) for _ in range(2))
    with time_machine.travel(start + timedelta(seconds=59), tick=False):
        assert discharge.redeem(in_time, pkce).status_code == 200
    with time_machine.travel(start + timedelta(seconds=60), tick=False), one_refusal("token.refused", "invalid_grant"):
        assert is_oauth_error(discharge.redeem(late, pkce), "invalid_grant")


def test_s11_a_minute_is_over_although_the_request_began_before(discharge, weber_allows, pkce):
    """Mallory sends the head of a request, and the rest of it when she has a code: what counts is when it is all there."""
    start = timezone.now() + timedelta(seconds=1)
    with time_machine.travel(start, tick=False) as clock:
        code = grants.code(weber_allows, pkce, now=start)

        class Dripping(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                clock.move_to(start + timedelta(seconds=61))
                return super().read(size)

        form = {"grant_type": "authorization_code", "code": code, "code_verifier": pkce.verifier}
        body = urlencode({**form, "redirect_uri": grants.REDIRECT}).encode()
        late = {"wsgi.input": Dripping(body), **discharge.header}
        assert is_oauth_error(Browser().post("/oauth/token", body, content_type=grants.FORM, **late), "invalid_grant")
        clock.move_to(start + timedelta(seconds=59))
        assert discharge.redeem(code, pkce).status_code == 200
