"""S45: step-up (RFC 9470). What a client or a rule asks of the person's sign-in holds, and the token says what it was.

What rules ask on the screen is told in ``tests/consent/test_fresh_sign_in.py``; here is the protocol.
"""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone
from joserfc import jws
from time_machine import travel

from agents.acr import ACR_VALUES, MULTI, PASSKEY, SINGLE
from consent.models import AuthorizationCode, Consent
from tests import builders, grants, out_of_band
from tests.consent.asking import VERIFIER, allows, answer_of, decides, opens, ticked
from tests.forms import form_of
from tests.grants import Pkce, TokenClient
from tests.ruling import rule
from tests.security.expected import is_oauth_error
from tests.signing_in import proves, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
HOUR = timedelta(hours=1)
CALENDAR = {"scope": "calendar:read"}
REAUTHENTICATE = "/account/reauthenticate/"


def leads_to(answer, page):
    """Whether it is a redirect to this sign-in. Returns the whole way."""
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(f"{page}?next=")
    return answer.headers["Location"]


def redeemed(client, key, code):
    """The access token for this code."""
    return TokenClient(client, key.key).redeem(code, Pkce(VERIFIER)).json()["access_token"]


def test_s45_max_age_leads_to_a_fresh_sign_in_and_the_token_says_when(
    weber, discharge_client, discharge_key, records_api
):
    browser = signed_in(weber, ago=HOUR)
    way = leads_to(opens(browser, discharge_client, max_age="600", **CALENDAR), "/account/reauthenticate/")
    assert not AuthorizationCode.objects.exists()
    page = browser.get(proves(browser, way))
    code = answer_of(decides(browser, form_of(page)))["code"]
    seen = records_api.introspects(redeemed(discharge_client, discharge_key, code))
    assert seen["acr"] == SINGLE
    assert 0 <= timezone.now().timestamp() - seen["auth_time"] < 60


def test_s45_a_sign_in_that_is_young_enough_needs_none(weber, discharge_client):
    browser = signed_in(weber, ago=HOUR)
    assert opens(browser, discharge_client, max_age="4000", **CALENDAR).status_code == 200


def test_s45_max_age_zero_is_a_new_sign_in_each_time_and_ends(weber, discharge_client):
    browser = signed_in(weber)
    way = leads_to(opens(browser, discharge_client, max_age="0", **CALENDAR), "/account/reauthenticate/")
    page = browser.get(proves(browser, way))
    assert page.status_code == 200
    assert "code" in answer_of(decides(browser, form_of(page)))


@pytest.mark.parametrize("age", ["-1", "1.5", "soon", "9" * 10, "٣"])
def test_s45_a_max_age_that_is_no_number_is_refused(weber, discharge_client, age):
    assert answer_of(opens(signed_in(weber), discharge_client, max_age=age, **CALENDAR))["error"] == "invalid_request"


def test_s45_a_stronger_sign_in_is_led_to_its_page(weber, discharge_client):
    browser = signed_in(weber, passkey=True)
    page = "/account/2fa/webauthn/reauthenticate/"
    leads_to(opens(browser, discharge_client, acr_values=PASSKEY, **CALENDAR), page)
    leads_to(opens(browser, discharge_client, acr_values=MULTI, **CALENDAR), page)  # the only second factor they have
    assert opens(browser, discharge_client, acr_values=SINGLE, **CALENDAR).status_code == 200


def test_s45_one_of_several_values_is_enough_and_unknown_ones_are_passed_over(weber, discharge_client):
    browser = signed_in(weber, by="password", then="totp")
    for values in (f"{PASSKEY} {MULTI}", f"urn:other {MULTI}", SINGLE):
        assert opens(browser, discharge_client, acr_values=values, **CALENDAR).status_code == 200


def test_s45_what_cannot_be_met_is_told_to_the_client(weber, discharge_client):
    unknown = answer_of(opens(signed_in(weber), discharge_client, acr_values="urn:other", **CALENDAR))
    assert unknown["error"] == "unmet_authentication_requirements"
    assert all(value in unknown["error_description"] for value in ACR_VALUES)
    no_passkey = answer_of(opens(signed_in(weber), discharge_client, acr_values=PASSKEY, **CALENDAR))
    assert no_passkey["error"] == "unmet_authentication_requirements"
    assert no_passkey["state"] == "a state"


def test_s45_silently_nothing_can_be_proved(weber, discharge_client):
    silent = {"prompt": "none", **CALENDAR}
    old = answer_of(opens(signed_in(weber, ago=HOUR), discharge_client, max_age="60", **silent))
    assert old["error"] == "login_required"
    weak = answer_of(opens(signed_in(weber, passkey=True), discharge_client, acr_values=PASSKEY, **silent))
    assert weak["error"] == "login_required"


def test_s45_taken_from_the_address_the_demand_of_a_rule_still_holds(weber, discharge_client):
    rule("personal", fresh_within=timedelta(minutes=5))
    browser = signed_in(weber, ago=HOUR)
    led = decides(browser, form_of(opens(browser, discharge_client, **CALENDAR)))  # no max_age, no prompt
    assert led.headers["Location"].startswith("/account/reauthenticate/")
    assert not Consent.objects.exists()


def test_s45_prompt_login_taken_from_the_form_changes_nothing_of_what_the_token_says(
    weber, discharge_client, discharge_key, records_api
):
    browser = signed_in(weber, ago=HOUR)
    code = answer_of(decides(browser, form_of(opens(browser, discharge_client, **CALENDAR))))["code"]
    seen = records_api.introspects(redeemed(discharge_client, discharge_key, code))
    assert timezone.now().timestamp() - seen["auth_time"] > 3500  # the resource sees that it was long ago


def test_s45_a_stamp_of_another_request_is_no_sign_in(weber, discharge_client):
    browser = signed_in(weber, ago=HOUR)
    with travel(timezone.now() - timedelta(hours=2)):
        way = leads_to(opens(browser, discharge_client, prompt="login", **CALENDAR), "/account/reauthenticate/")
    back = parse_qs(urlsplit(way).query)["next"][0]
    stamp = parse_qs(urlsplit(back).query)["signed_in_after"][0]
    leads_to(
        opens(browser, discharge_client, max_age="60", signed_in_after=stamp, **CALENDAR), "/account/reauthenticate/"
    )
    leads_to(
        opens(browser, discharge_client, max_age="60", signed_in_after="x", **CALENDAR), "/account/reauthenticate/"
    )


def test_s45_a_stamp_that_somebody_else_got_for_the_same_request_is_no_sign_in(weber, mallory, discharge_client):
    asked = {"prompt": "login", **CALENDAR}
    with travel(timezone.now() - timedelta(minutes=5)):
        way = leads_to(opens(signed_in(mallory), discharge_client, **asked), "/account/reauthenticate/")
    back = parse_qs(urlsplit(way).query)["next"][0]
    stamp = parse_qs(urlsplit(back).query)["signed_in_after"][0]
    browser = signed_in(weber, ago=timedelta(minutes=1))
    leads_to(opens(browser, discharge_client, signed_in_after=stamp, **asked), "/account/reauthenticate/")


def test_s45_a_remembered_consent_does_not_answer_for_a_stronger_or_fresher_sign_in(weber, discharge_client):
    given = allows(weber, discharge_client, scope="calendar:read")
    Consent.objects.filter(pk=given.pk).update(acr=SINGLE, auth_time=timezone.now() - HOUR)
    browser = signed_in(weber, passkey=True, by="passkey")
    assert "code" in answer_of(opens(browser, discharge_client, **CALENDAR))
    assert "code" in answer_of(opens(browser, discharge_client, acr_values=SINGLE, max_age="7200", **CALENDAR))
    assert opens(browser, discharge_client, acr_values=PASSKEY, **CALENDAR).status_code == 200
    assert opens(browser, discharge_client, max_age="600", **CALENDAR).status_code == 200


def test_s45_the_screen_left_open_too_long_is_led_to_the_sign_in_again(weber, discharge_client):
    with travel(timezone.now(), tick=False) as clock:
        browser = signed_in(weber)
        form = form_of(opens(browser, discharge_client, max_age="60", **CALENDAR))
        clock.shift(timedelta(minutes=14))
        way = decides(browser, form, until="1h").headers["Location"]
        assert way.startswith("/account/reauthenticate/")
        assert not Consent.objects.exists()
        again = form_of(browser.get(proves(browser, way)))
        assert again["until"] == ["1h"]  # what was chosen is kept
        clock.shift(timedelta(minutes=4))  # reading takes a while, and 60 seconds would never be met
        assert "code" in answer_of(decides(browser, again))


def test_s45_a_token_checked_offline_says_it_too(weber, discharge_client, discharge_key, look_up_staff):
    browser = signed_in(weber, passkey=True, by="passkey")
    form = form_of(opens(browser, discharge_client, scope="staff:read", acr_values=PASSKEY))
    code = answer_of(decides(browser, form, scope=ticked(look_up_staff)))["code"]
    token = redeemed(discharge_client, discharge_key, code)
    claims = jws.extract_compact(token.encode()).payload
    assert b'"acr":"phr"' in claims.replace(b" ", b"")
    assert b'"auth_time":' in claims


def test_s45_an_agent_that_acts_for_the_organisation_has_nobodys_sign_in(
    claims_client, claims_key, mara, see_appointments, records_api
):
    builders.consent(None, claims_client, [see_appointments], by=mara)
    token = TokenClient(claims_client, claims_key.key).act_alone(scope="calendar:read").json()["access_token"]
    seen = records_api.introspects(token)
    assert seen["active"]
    assert not {"acr", "auth_time"} & seen.keys()


def test_s45_a_consent_of_before_says_nothing_of_a_sign_in(weber, discharge, weber_allows, records_api, pkce):
    Consent.objects.update(acr="", auth_time=None)
    token = discharge.redeem(grants.code(weber_allows, pkce), pkce).json()["access_token"]
    assert not {"acr", "auth_time"} & records_api.introspects(token).keys()


def test_s45_ciba_takes_acr_values_and_the_person_must_meet_them(weber, mara, discharge_assistant):
    robot = out_of_band.asking_client(discharge_assistant)
    out_of_band.joins_circle(discharge_assistant, weber, by=mara)
    assert is_oauth_error(out_of_band.asks(robot, weber, acr_values="urn:other"), "unmet_authentication_requirements")
    asked = out_of_band.request_of(out_of_band.asked_id(robot, weber, acr_values=PASSKEY))
    path = asked.get_absolute_url()
    weak = signed_in(weber, passkey=True)
    led = weak.post(path, {**form_of(weak.get(path), path), "decision": "allow"})
    assert led.headers["Location"].startswith("/account/2fa/webauthn/reauthenticate/")
    strong = signed_in(weber, passkey=True, by="passkey")
    assert strong.post(path, {**form_of(strong.get(path), path), "decision": "allow"}).status_code == 302
    assert Consent.objects.get().acr == PASSKEY


def test_s45_doubled_values_are_refused(weber, discharge_client):
    for name in ("acr_values", "max_age"):
        back = opens(signed_in(weber), discharge_client, **{name: ["1", "2"]}, **CALENDAR)
        assert answer_of(back)["error"] == "invalid_request"


def test_s45_metadata_names_the_values(client):
    document = builders.browser().get("/.well-known/oauth-authorization-server").json()
    assert document["acr_values_supported"] == list(ACR_VALUES)


def test_s45_a_fresh_sign_in_for_one_request_is_none_for_another(weber, discharge_client):
    """Mallory at Weber's unlocked desk: the mark of a request that came before Weber's last sign-in opens no other one."""
    with travel(timezone.now() - timedelta(minutes=10)):
        way = leads_to(opens(signed_in(weber, ago=HOUR), discharge_client, prompt="login", **CALENDAR), REAUTHENTICATE)
    back = parse_qs(urlsplit(way).query)["next"][0]
    browser, stamp = signed_in(weber, ago=timedelta(minutes=5)), parse_qs(urlsplit(back).query)["signed_in_after"][0]
    assert browser.get(back).status_code == 200  # for that request it was fresh
    another = {"prompt": "login", "signed_in_after": stamp, **CALENDAR}
    leads_to(opens(browser, discharge_client, state="another", **another), REAUTHENTICATE)
    leads_to(opens(browser, discharge_client, max_age="1", state="another", **another), REAUTHENTICATE)
