"""OpenID Connect: an ID token for whoever may know who the person is, and what it says (Core 1.0)."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta

import pytest
import time_machine
from django.test import Client as Browser
from django.utils import timezone
from joserfc import jws
from joserfc.jwk import KeySet

from agents.errors import InvalidInput
from agents.trail.kinds import Kind
from consent import key_rotation, mandate
from consent.errors import NotNarrower
from consent.evidence import evidence_of
from consent.models import Consent
from consent.oauth.id_token import id_token
from tests import builders, forgery, grants
from tests.builders import actor, browser
from tests.consent.asking import VERIFIER, answer_of, decides, opens, opens_pushed, screen
from tests.consent.asking import asked as asked_by
from tests.forms import form_of, text_of
from tests.grants import post
from tests.out_of_band import asked_id, asking_client, joins_circle, polls, request_of
from tests.out_of_band import decides as answers
from tests.security.expected import error_sent_back
from tests.signing_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.engine]
BACK = "https://app.st-anna.example/callback"
SCOPE = "openid staff:read"


def claims_of(token):
    """The claims of an ID token that one of the published keys signed by ES256."""
    keys = KeySet.import_key_set(Browser().get("/.well-known/jwks.json").json())
    signed = jws.deserialize_compact(token, keys, algorithms=["ES256"])
    assert signed.headers()["typ"] == "JWT"
    return json.loads(signed.payload)


@pytest.fixture
def signs_in(weber, discharge, discharge_client):
    """Weber goes through the screen; what the client gets."""

    def through(*, leaves_out=False, nonce=None, scope=SCOPE, **asked):
        person = signed_in(weber)
        page = opens(person, discharge_client, scope=scope, nonce=nonce, **asked)
        form = form_of(page)
        changed = {"tells_who": None} if leaves_out else {}
        if 'name="purpose_ok"' in text_of(page):
            changed["purpose_ok"] = ["on"]
        code = answer_of(decides(person, form, **changed))["code"]
        return discharge.ask(grant_type="authorization_code", code=code, code_verifier=VERIFIER).json()

    return through


def test_the_client_learns_who_allowed_it_and_how_they_signed_in(signs_in, weber, discharge_client, settings):
    body = signs_in(nonce="n-0S6_WzA2Mj")
    claims = claims_of(body["id_token"])
    consent = Consent.objects.get()
    now = int(timezone.now().timestamp())
    digest = hashlib.sha256(body["access_token"].encode()).digest()[:16]
    assert claims.pop("exp") - claims["iat"] == 300
    assert abs(claims.pop("iat") - now) < 60
    expected = {
        "iss": settings.ISSUER,
        "sub": str(weber.pk),
        "aud": discharge_client.client_id,
        "azp": discharge_client.client_id,
        "nonce": "n-0S6_WzA2Mj",
        "at_hash": base64.urlsafe_b64encode(digest).decode().rstrip("="),
    }
    expected |= {"acr": "urn:mandate:acr:single", "auth_time": int(consent.auth_time.timestamp())}
    assert claims == expected
    assert body["scope"] == SCOPE


def test_the_same_person_is_the_same_in_both_tokens(signs_in):
    body = signs_in()
    access = forgery.claims_of(body["access_token"])
    assert claims_of(body["id_token"])["sub"] == access["sub"]
    assert access["scope"] == "staff:read"
    assert "nonce" not in claims_of(body["id_token"])


def test_neither_name_nor_address_stands_in_it(signs_in, weber):
    text = json.dumps(claims_of(signs_in(scope="openid profile email address phone staff:read")["id_token"]))
    assert weber.email not in text
    assert "Weber" not in text


def test_what_libraries_ask_for_unbidden_is_passed_over_beside_openid_only(signs_in, weber, discharge_client):
    assert signs_in(scope="openid profile email staff:read")["scope"] == SCOPE
    refused = opens(browser(weber), discharge_client, scope="profile staff:read")
    assert error_sent_back(refused, to=BACK) == "invalid_scope"


def test_without_openid_there_is_none(signs_in):
    body = signs_in(scope="staff:read")
    assert "id_token" not in body
    assert body["scope"] == "staff:read"
    assert "tells_who" not in builders.events(Kind.CONSENT_APPROVED)[0].detail


def test_the_screen_says_it_plainly_and_it_can_be_unticked(signs_in, weber, discharge_client):
    page = text_of(opens(browser(weber), discharge_client, scope=SCOPE))
    assert "Know who you are" in page
    assert "Neither your name nor your address" in page
    assert "Know who you are" not in text_of(opens(browser(weber), discharge_client, scope="staff:read"))
    body = signs_in(leaves_out=True)
    assert "id_token" not in body
    assert body["scope"] == "staff:read"


def test_openid_alone_asks_for_what_the_agent_may_ask_for(weber, discharge_client):
    """As no scope does, and as CIBA makes clients send it: it is no permission."""
    page = text_of(opens(browser(weber), discharge_client, scope="openid"))
    assert "Know who you are" in page
    assert "Look up staff" in page


def test_it_is_kept_with_the_consent_and_in_its_evidence(signs_in, weber, mara):
    signs_in()
    consent = Consent.objects.with_scopes().get()
    assert consent.tells_who
    assert consent.shown["who"]["ticked"] is True
    evidence = evidence_of(consent, now=timezone.now())
    assert evidence["consent"]["tells_who"] is True
    assert evidence["shown"]["who"]["title"] == "Know who you are"
    assert evidence["trail"]["words"] == "confirmed"
    assert builders.events(Kind.CONSENT_APPROVED)[0].detail["tells_who"] is True
    assert builders.events(Kind.TOKEN_ISSUED)[0].detail["id_token"] is True
    for url in (f"/my-agents/{consent.pk}/", f"/consents/{consent.pk}/", f"/consents/{consent.pk}/evidence/"):
        page = browser(weber).get(url)
        if page.status_code == 200:
            assert "Know who you are" in text_of(page), url
    assert "Know who you are" in text_of(browser(weber).get("/my-agents/"))
    assert "Know who you are" in text_of(browser(mara).get(consent.get_absolute_url()))


def test_a_form_that_was_not_asked_cannot_say_it(weber, discharge_client):
    person = browser(weber)
    form = screen(person, discharge_client, scope="staff:read")
    assert decides(person, form, tells_who=["on"]).status_code == 400
    assert decides(person, screen(person, discharge_client, scope=SCOPE), tells_who=["x"]).status_code == 400
    assert not Consent.objects.exists()


def test_a_consent_that_says_nothing_of_it_does_not_save_the_screen(signs_in, weber, discharge_client, discharge):
    signs_in(scope="staff:read")
    again = opens(browser(weber), discharge_client, scope="staff:read", prompt="none")
    assert "code" in answer_of(again)
    assert error_sent_back(opens(browser(weber), discharge_client, scope=SCOPE, prompt="none"), to=BACK) == (
        "consent_required"
    )
    signs_in()
    code = answer_of(opens(browser(weber), discharge_client, scope=SCOPE, prompt="none", nonce="second"))["code"]
    body = discharge.ask(grant_type="authorization_code", code=code, code_verifier=VERIFIER).json()
    assert claims_of(body["id_token"])["nonce"] == "second"


def test_more_permissions_later_take_nothing_away_unseen(signs_in, weber, discharge_client):
    signs_in()
    page = opens(browser(weber), discharge_client, scope="calendar:read")
    assert "Know who you are" in text_of(page)
    assert form_of(page)["tells_who"] == ["on"]


def test_a_refresh_brings_a_new_one_without_the_nonce(signs_in, discharge):
    first = signs_in(nonce="once")
    for scope in ({}, {"scope": SCOPE}):
        body = discharge.refresh(first["refresh_token"], **scope).json()
        before, claims = claims_of(first["id_token"]), claims_of(body["id_token"])
        assert {name: claims[name] for name in ("iss", "sub", "aud")} == {
            name: before[name] for name in ("iss", "sub", "aud")
        }
        assert claims.get("auth_time") == before.get("auth_time")
        assert "nonce" not in claims
        assert claims["at_hash"] != before["at_hash"]
        first = body
    assert "id_token" not in discharge.refresh(first["refresh_token"], scope="staff:read").json()


def test_what_libraries_repeat_at_each_refresh_is_passed_over(signs_in, discharge):
    asked = "openid profile email staff:read"
    first = signs_in(scope=asked)
    again = discharge.refresh(first["refresh_token"], scope=asked).json()
    assert again["scope"] == SCOPE
    assert claims_of(again["id_token"])
    refused = discharge.refresh(again["refresh_token"], scope=f"{asked} records:read")
    assert refused.json()["error"] == "invalid_scope"


def test_a_refresh_cannot_begin_to_ask_who_it_is(signs_in, discharge):
    first = signs_in(scope="staff:read")
    refused = discharge.refresh(first["refresh_token"], scope=SCOPE)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")
    assert "id_token" not in discharge.refresh(first["refresh_token"]).json()


def test_the_person_takes_it_back_and_the_next_refresh_tells_nothing(signs_in, discharge, weber, mallory):
    first = signs_in()
    consent = Consent.objects.get()
    url = f"/consents/{consent.pk}/narrow/"
    held = [str(row.scope_id) for row in consent.consent_scopes.all()]
    assert browser(mallory).post(url, {"keep": held}).status_code == 404
    assert browser(weber).post(url, {"keep": held, "reason": ""}).status_code == 302
    consent.refresh_from_db()
    assert not consent.tells_who
    (event,) = builders.events(Kind.CONSENT_NARROWED)
    assert (event.detail["before"], event.detail["after"]) == (["openid", "staff:read"], ["staff:read"])
    body = discharge.refresh(first["refresh_token"]).json()
    assert "id_token" not in body
    assert body["scope"] == "staff:read"
    keep = consent.scopes(timezone.now())
    with pytest.raises(NotNarrower):
        mandate.narrow(consent.pk, keep=keep, keep_who=False, reason="", by=actor(weber), now=timezone.now())


def test_narrowing_what_it_may_do_leaves_it_as_it_was(weber, discharge_client, signs_in):
    signs_in(scope="openid staff:read calendar:read")
    consent = Consent.objects.get()
    keep = frozenset(scope for scope in consent.scopes(timezone.now()) if scope.name == "staff:read")
    mandate.narrow(consent.pk, keep=keep, reason="", by=actor(weber), now=timezone.now())
    consent.refresh_from_db()
    assert consent.tells_who


# ------------------------------------------------------------------------------------------------------- what is asked


def test_a_request_that_names_no_known_prompt_is_refused(weber, discharge_client):
    for prompt in ("create", "login create", "Login"):
        refused = opens(browser(weber), discharge_client, scope=SCOPE, prompt=prompt)
        assert error_sent_back(refused, to=BACK) == "invalid_request"


def test_max_age_makes_auth_time_young(weber, discharge_client, signs_in):
    body = signs_in(max_age="3600")
    claims = claims_of(body["id_token"])
    assert timezone.now().timestamp() - claims["auth_time"] <= 3600


def test_whom_the_client_expects_by_a_hint(signs_in, weber, ada, discharge_client):
    hint = signs_in()["id_token"]
    assert "code" in answer_of(opens(browser(weber), discharge_client, scope=SCOPE, prompt="none", id_token_hint=hint))
    for prompt in ("none", None):
        refused = opens(browser(ada), discharge_client, scope=SCOPE, prompt=prompt, id_token_hint=hint)
        assert error_sent_back(refused, to=BACK) == "login_required"
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):  # over, as hints are
        assert "code" in answer_of(opens(browser(weber), discharge_client, scope=SCOPE, id_token_hint=hint))


def test_a_hint_that_is_none(signs_in, weber, discharge_client, discharge_assistant, settings):
    body = signs_in()
    other = builders.client(discharge_assistant, "another client")
    of_another = id_token(Consent.objects.get(), client_id=other.client_id, access_token="x", now=timezone.now())
    claims = forgery.claims_of(body["id_token"])
    for hint in (
        "x",
        "a.b.c",
        body["access_token"],
        body["refresh_token"],
        of_another,
        forgery.by_our_key(claims | {"iss": "https://evil.example"}, now=timezone.now(), typ="JWT"),
        forgery.by_our_key(claims | {"sub": "weber"}, now=timezone.now(), typ="JWT"),
        body["id_token"][:-4] + "AAAA",
    ):
        refused = opens(browser(weber), discharge_client, scope=SCOPE, id_token_hint=hint)
        assert error_sent_back(refused, to=BACK) == "invalid_request"


def test_a_hint_can_be_pushed_like_all_the_rest(signs_in, weber, discharge_client):
    hint = signs_in()["id_token"]
    page = opens_pushed(browser(weber), asked_by(discharge_client, scope=SCOPE, id_token_hint=hint))
    assert "code" in answer_of(page)  # what was allowed a moment ago is remembered


def test_no_resource_can_register_a_permission_of_these_names(records, mara):
    for name in ("openid", "offline_access"):
        with pytest.raises(InvalidInput):
            builders.scope(records, name, "Anything")


# ------------------------------------------------------------------------------------------------- other ways to tokens


def test_out_of_band_an_id_token_goes_along_once_the_person_allowed_it(discharge_assistant, weber, mara):
    joins_circle(discharge_assistant, weber, by=mara)
    robot = asking_client(discharge_assistant)
    secret = asked_id(robot, weber)
    assert "Know who you are" in text_of(browser(weber).get(request_of(secret).get_absolute_url()))
    answers(weber, request_of(secret))
    body = polls(robot, secret).json()
    assert claims_of(body["id_token"])["aud"] == robot.client.client_id
    assert body["scope"] == "openid calendar:read"
    assert claims_of(robot.refresh(body["refresh_token"]).json()["id_token"])["sub"] == str(weber.pk)


def test_an_agent_that_acts_by_itself_gets_none(claims, clinic_allows):
    answer = claims.act_alone(scope="openid calendar:read")
    assert answer.json()["error"] == "invalid_scope"
    assert "id_token" not in claims.act_alone().json()


# -------------------------------------------------------------------------------------------------- it is no key to anything


def test_an_id_token_opens_nothing(signs_in, discharge, records_api, directory_api):
    body = signs_in()
    for api in (records_api, directory_api):
        assert api.introspects(body["id_token"]) == {"active": False}
    assert directory_api.introspects(body["access_token"])["active"] is True
    assert discharge.refresh(body["id_token"]).json()["error"] == "invalid_grant"
    assert discharge.revoke(body["id_token"]).status_code == 200
    assert discharge.refresh(body["refresh_token"]).status_code == 200
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {body['id_token']}"}
    assert post("/oauth/introspect", {"token": body["access_token"]}, **bearer).status_code == 401
    form = {"grant_type": "client_credentials"}
    asserted = {
        "client_assertion": body["id_token"],
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    assert post("/oauth/token", form | asserted).status_code == 401


def test_it_is_signed_by_the_keys_that_rotate(signs_in, mara):
    before = signs_in()["id_token"]
    key_rotation.rotate(now=timezone.now(), by=actor(mara), reason="Every quarter.")
    assert claims_of(before)
    assert claims_of(signs_in(prompt="consent")["id_token"])


def test_the_two_documents_are_one():
    first = Browser().get("/.well-known/openid-configuration")
    second = Browser().get("/.well-known/oauth-authorization-server")
    assert first.json() == second.json()
    assert grants.FORM not in first["Content-Type"]
    for needed in (
        "issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported",
        "subject_types_supported", "id_token_signing_alg_values_supported",
    ):  # fmt: skip
        assert first.json()[needed]
