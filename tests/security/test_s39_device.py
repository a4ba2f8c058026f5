"""S39: device codes. Whoever typed the code decides, polling is slowed, wrong codes stop whoever enters them, and no more."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from agents.models import AuthMethod
from consent.models import AccessRequest, AccessToken, Consent, WrongEntries
from consent.user_codes import LETTERS
from tests import builders
from tests.builders import one_refusal
from tests.grants import TokenClient, post
from tests.out_of_band import START, decides, let_use_device_codes, polls_device, request_of, starts, types_code
from tests.security.expected import is_oauth_error

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
WRONG = "BCDF-GHJK"


def enters_wrong(browser, times, **headers):
    return [types_code(browser, WRONG, **headers).status_code for _ in range(times)]


def test_s39_a_code_that_weber_entered_is_not_there_for_mallory(display, weber, mallory):
    body = starts(display).json()
    types_code(weber, body["user_code"])
    request = request_of(body["device_code"])
    browser = builders.browser(mallory)
    assert browser.get(request.get_absolute_url()).status_code == 404
    assert browser.post(request.get_absolute_url(), {"decision": "allow"}).status_code == 404
    with one_refusal("request.code_refused", "unknown_user_code"):
        assert types_code(mallory, body["user_code"]).status_code == 400
    assert request_of(body["device_code"]).user == weber
    assert not Consent.objects.exists()


def test_s39_polling_faster_than_allowed_is_slowed_by_five_seconds_each_time(display):
    code = starts(display).json()["device_code"]
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        assert is_oauth_error(polls_device(display, code), "authorization_pending")
        for seconds, wait in ((1, 10), (2, 15)):
            clock.move_to(start + timedelta(seconds=seconds))
            assert is_oauth_error(polls_device(display, code), "slow_down")
            assert request_of(code).wait_seconds == wait
        clock.move_to(start + timedelta(seconds=17))
        assert is_oauth_error(polls_device(display, code), "authorization_pending")


@pytest.mark.parametrize("code", [None, "", "unknown", "\u00e4", "x" * 10_000, "' OR 1=1 --"])
def test_s39_no_or_an_unknown_device_code_is_a_plain_refusal(display, code):
    form = {} if code is None else {"device_code": code}
    answer = display.ask(grant_type="urn:ietf:params:oauth:grant-type:device_code", **form)
    assert is_oauth_error(answer, "invalid_grant" if code else "invalid_request")


def test_s39_a_used_device_code_is_a_plain_refusal(display, weber):
    body = starts(display).json()
    types_code(weber, body["user_code"])
    decides(weber, request_of(body["device_code"]))
    assert polls_device(display, body["device_code"]).status_code == 200
    for _ in range(3):
        assert is_oauth_error(polls_device(display, body["device_code"]), "invalid_grant")
    assert AccessToken.objects.count() == 1


def test_s39_a_device_code_is_no_auth_req_id(display):
    from tests.out_of_band import CIBA

    code = starts(display).json()["device_code"]
    answer = display.ask(grant_type=CIBA, auth_req_id=code)
    assert answer.json()["error"] == "unauthorized_client"


def test_s39_an_unknown_scope_is_refused_at_the_start(display):
    with one_refusal("request.refused", "invalid_scope"):
        assert is_oauth_error(starts(display, scope="records:burn"), "invalid_scope")
    assert not AccessRequest.objects.exists()


def test_s39_ten_wrong_codes_stop_the_account_and_the_address_for_fifteen_minutes(display, weber, mallory, ada):
    start = timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        assert enters_wrong(builders.browser(mallory), 10) == [400] * 10
        body = starts(display).json()
        with one_refusal("request.code_refused", "too_many_user_codes"):
            assert types_code(mallory, body["user_code"]).status_code == 429
        # The account waits wherever it comes from, and the address whoever comes from there.
        assert types_code(mallory, body["user_code"], REMOTE_ADDR="198.51.100.7").status_code == 429
        assert types_code(ada, body["user_code"]).status_code == 429
        # No request is locked: from elsewhere the right person goes on.
        assert types_code(weber, body["user_code"], REMOTE_ADDR="198.51.100.8").status_code == 302
        assert request_of(body["device_code"]).user == weber
        clock.move_to(start + timedelta(minutes=15, seconds=1))
        assert types_code(mallory, starts(display).json()["user_code"]).status_code == 302


def test_s39_wrong_codes_over_more_than_fifteen_minutes_stop_nobody(display, weber):
    start = timezone.now()
    browser = builders.browser(weber)
    with time_machine.travel(start, tick=False) as clock:
        assert enters_wrong(browser, 9) == [400] * 9
        clock.move_to(start + timedelta(minutes=15, seconds=1))
        assert enters_wrong(browser, 9) == [400] * 9
        assert types_code(browser, starts(display).json()["user_code"]).status_code == 302


def test_s39_a_right_code_in_between_does_not_start_the_count_anew(display, weber):
    browser = builders.browser(weber)
    enters_wrong(browser, 9)
    assert types_code(browser, starts(display).json()["user_code"]).status_code == 302
    assert enters_wrong(browser, 2) == [400, 429]


def test_s39_one_ipv6_network_is_one_address(display, weber, mallory):
    for number, person in enumerate([mallory] * 5 + [weber] * 5):
        types_code(person, WRONG, REMOTE_ADDR=f"2001:db8:1:2::{number + 1}")
    code = starts(display).json()["user_code"]
    assert types_code(weber, code, REMOTE_ADDR="2001:db8:1:2::ffff").status_code == 429
    assert types_code(weber, code, REMOTE_ADDR="2001:db8:1:3::1").status_code == 302


def test_s39_what_counts_wrong_codes_keeps_neither_name_nor_address(display, mallory):
    enters_wrong(builders.browser(mallory), 3)
    kept = str(list(WrongEntries.objects.values()))
    assert str(mallory.pk) not in kept
    assert "127.0.0.1" not in kept
    assert WRONG.replace("-", "") not in kept


def test_s39_there_are_too_many_codes_to_guess_one():
    assert len(set(LETTERS)) == 20
    assert 20**8 / (10 * 4 * 24 * 365) > 50_000  # years, for one account and one waiting device


def test_s39_a_client_that_is_not_allowed(discharge, discharge_assistant, settings):
    with one_refusal("request.refused", "unauthorized_client"):
        answer = starts(discharge)
        assert is_oauth_error(answer, "unauthorized_client")
    assert f"{settings.ISSUER}/agents/{discharge_assistant.pk}/clients/" in answer.json()["error_description"]
    public = builders.client(discharge_assistant, "public", auth_method=AuthMethod.NONE)
    assert is_oauth_error(post(START, {"client_id": public.client_id}), "unauthorized_client")


def test_s39_a_client_that_registered_itself_never_is(discharge_client, mara):
    from agents.errors import NotReady

    discharge_client.registration_source = "dcr"
    discharge_client.save(update_fields=["registration_source"])
    with pytest.raises(NotReady):
        let_use_device_codes(discharge_client, by=mara)


def test_s12_a_device_code_in_other_hands(display, discharge_assistant, weber, mallory, mara, read_records):
    body = starts(display).json()
    types_code(weber, body["user_code"])
    decides(weber, request_of(body["device_code"]))
    sibling = builders.client(discharge_assistant, "sibling")
    foreign = builders.client(builders.agent("Other", owner=mallory, scopes=[read_records]), "foreign")
    for thief in (sibling, foreign):
        let_use_device_codes(thief, by=mara)
        steals = TokenClient(thief, builders.key(thief, by=mara).key)
        with one_refusal("token.refused", "invalid_grant"):
            assert is_oauth_error(polls_device(steals, body["device_code"]), "invalid_grant")
    assert polls_device(display, body["device_code"]).status_code == 200
