"""The device grant (RFC 8628): from the code on the device to the first token."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents import clients, device_codes
from agents.errors import Ended, Forbidden, InvalidInput
from agents.models import AuthMethod
from consent.models import AccessRequest, Consent, WrongEntries
from consent.user_codes import LETTERS
from tests import builders
from tests.builders import one_refusal
from tests.grants import TokenClient, post
from tests.oauth.test_query_counts import statements
from tests.out_of_band import (
    DEVICE,
    START,
    decides,
    let_use_device_codes,
    polls_device,
    request_of,
    starts,
    types_code,
)
from tests.security.expected import is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def test_a_device_gets_what_the_person_who_typed_its_code_allowed(display, weber, records_api, settings):
    body = starts(display).json()
    assert set(body) == {"device_code", "user_code", "verification_uri", "expires_in", "interval"}
    assert body["verification_uri"] == f"{settings.ISSUER}/device"
    assert (body["expires_in"], body["interval"]) == (600, 5)
    assert polls_device(display, body["device_code"]).json()["error"] == "authorization_pending"

    request = request_of(body["device_code"])
    assert types_code(weber, body["user_code"]).headers["Location"] == request.get_absolute_url()
    assert decides(weber, request).status_code == 302
    token = polls_device(display, body["device_code"]).json()
    assert records_api.introspects(token["access_token"])["sub"] == str(weber.pk)
    consent = Consent.objects.get()
    assert (consent.origin, consent.shown["asked"]["way"]) == ("request", "device")
    assert is_oauth_error(polls_device(display, body["device_code"]), "invalid_grant")


def test_a_code_is_easy_to_type(display, weber):
    code = starts(display).json()["user_code"]
    assert len(code) == 9
    assert code[4] == "-"
    assert set(code) <= {*LETTERS, "-"}
    typed = f" {code.replace('-', ' ').lower()} "
    assert types_code(weber, typed).status_code == 302


def test_whoever_presses_twice_or_goes_back_comes_to_the_same_question(display, weber):
    body = starts(display).json()
    typed = [types_code(weber, body["user_code"]) for _ in range(2)]
    assert {answer.headers["Location"] for answer in typed} == {request_of(body["device_code"]).get_absolute_url()}
    assert len(builders.events("request.code_entered")) == 1
    assert not WrongEntries.objects.exclude(entered_at=[]).exists()


def test_a_device_takes_nothing_away_that_was_allowed_elsewhere(
    display, weber, discharge_assistant, read_records, see_appointments
):
    """What is sensitive is neither given by a code nor lost by it without a word."""
    purpose = "Show the rota"
    builders.consent(weber, display.client, [read_records, see_appointments], purpose=purpose)
    body = starts(display, scope="calendar:read", purpose=purpose).json()
    types_code(weber, body["user_code"])
    request = request_of(body["device_code"])
    page = builders.browser(weber).get(request.get_absolute_url()).content.decode()
    assert f'value="{read_records.pk}"' not in page
    assert "and then no longer allowed" in page
    assert page.count("Read patient files of ward 3B") == 1
    decides(weber, request)
    token = polls_device(display, body["device_code"]).json()
    assert token["scope"] == "calendar:read"


def test_a_public_client_may_have_device_codes(discharge_assistant, weber, mara):
    public = builders.client(
        discharge_assistant, "ward display", auth_method=AuthMethod.NONE, redirect_uris=["http://127.0.0.1/cb"]
    )
    named = {"client_id": public.client_id}
    form = {"scope": "calendar:read", **named}
    assert is_oauth_error(post(START, form), "unauthorized_client")
    let_use_device_codes(public, by=mara)
    body = post(START, form).json()
    types_code(weber, body["user_code"])
    decides(weber, request_of(body["device_code"]))
    answer = post("/oauth/token", {"grant_type": DEVICE, "device_code": body["device_code"], **named})
    assert answer.status_code == 200
    assert answer.json()["scope"] == "calendar:read"


def test_without_scope_all_that_is_not_sensitive_is_asked_for(display):
    body = starts(display, scope=None).json()
    assert {name for _, name in request_of(body["device_code"]).requested} == {"calendar:read", "staff:read"}


def test_a_sensitive_scope_is_never_given_by_a_code(display):
    with one_refusal("request.refused", "invalid_scope"):
        assert is_oauth_error(starts(display, scope="calendar:read records:read"), "invalid_scope")


def test_a_scope_that_became_sensitive_meanwhile_is_not_offered(display, weber, see_appointments, mara):
    from agents import resources

    body = starts(display, scope="calendar:read staff:read").json()
    types_code(weber, body["user_code"])
    resources.change_scope(see_appointments, marked_sensitive=True, by=builders.actor(mara), now=timezone.now())
    request = request_of(body["device_code"])
    page = builders.browser(weber).get(request.get_absolute_url()).content.decode()
    assert "Look up staff" in page
    assert "See your appointments" not in page


def test_it_runs_out(display, weber):
    body = starts(display).json()
    with time_machine.travel(timezone.now() + timedelta(seconds=601), tick=False):
        assert types_code(weber, body["user_code"]).status_code == 400
        assert is_oauth_error(polls_device(display, body["device_code"]), "expired_token")


@pytest.mark.django_db(transaction=True)
def test_a_poll_takes_at_most_three_statements(display):
    code = starts(display).json()["device_code"]
    with statements(most=3):
        assert polls_device(display, code).json()["error"] == "authorization_pending"


def test_only_so_many_codes_of_a_client_wait(display, monkeypatch):
    monkeypatch.setattr("consent.oauth.device.MOST_WAITING", 2)
    assert [starts(display).status_code for _ in range(3)] == [200, 200, 429]


# ------------------------------------------------------------------------------------------------ who lets them be used


def test_only_an_administrator_allows_device_codes(discharge_client, ada, mallory, omar, mara):
    for person in (ada, mallory, omar):
        with pytest.raises(Forbidden):
            let_use_device_codes(discharge_client, by=person)
    with pytest.raises(InvalidInput):
        device_codes.allow(discharge_client, reason=" ", by=builders.actor(mara), now=timezone.now())
    let_use_device_codes(discharge_client, by=mara)
    assert len(builders.events("client.device_codes_allowed")) == 1


def test_an_owner_who_edits_the_client_neither_adds_nor_loses_them(discharge_client, ada, mara):
    now = timezone.now()
    changed = clients.change(
        discharge_client, grant_types=["authorization_code", DEVICE], by=builders.actor(ada), now=now
    )
    assert DEVICE not in changed.grant_types
    let_use_device_codes(changed, by=mara)
    changed = clients.change(
        changed, name="Renamed", grant_types=["authorization_code"], by=builders.actor(ada), now=now
    )
    assert DEVICE in changed.grant_types


def test_taken_away_nothing_new_starts_and_nothing_waiting_goes_on(display, weber, mara):
    body = starts(display).json()
    now = timezone.now()
    device_codes.end(display.client, reason="Misused.", by=builders.actor(mara), now=now)
    assert is_oauth_error(starts(display), "unauthorized_client")
    assert is_oauth_error(polls_device(display, body["device_code"]), "unauthorized_client")
    with pytest.raises(Ended):
        device_codes.end(display.client, reason="Again.", by=builders.actor(mara), now=now)


def test_a_second_device_of_another_client_is_not_mixed_up(display, discharge_assistant, weber, mara):
    other = builders.client(discharge_assistant, "other display")
    let_use_device_codes(other, by=mara)
    asking = TokenClient(other, builders.key(other).key)
    body = starts(display).json()
    assert is_oauth_error(polls_device(asking, body["device_code"]), "invalid_grant")
    assert AccessRequest.objects.get().wait_seconds == 5
