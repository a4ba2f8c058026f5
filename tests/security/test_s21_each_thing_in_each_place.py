"""S21: whatever else Mandate or a client signs or hands out is no access token: not at introspection, not at the API, and

not as a subject token. One row for each thing that somebody may hold.
"""

from __future__ import annotations

import pytest
from django.test import Client as Browser

from agents.models import AuthMethod
from tests import builders, grants
from tests.builders import one_refusal
from tests.consent.asking import VERIFIER, answer_of, decides, opens_pushed, pushes
from tests.consent.asking import asked as asked_by
from tests.exchanging import first_token
from tests.forms import form_of
from tests.out_of_band import asked_id, starts
from tests.programs import registers
from tests.proofs import proof
from tests.security.expected import INACTIVE, is_oauth_error
from tests.signing import SigningClient, gives_key, pair
from tests.signing_in import signed_in
from tests.vouching import Idp

pytestmark = [pytest.mark.django_db, pytest.mark.engine]


def id_token(cast):
    """What a client gets beside its token for ``openid``."""
    right = asked_by(cast("discharge_client"), scope="openid staff:read", prompt="consent")
    person = signed_in(cast("weber"))
    code = answer_of(decides(person, form_of(opens_pushed(person, right))))["code"]
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER}
    return cast("discharge").ask(**form).json()["id_token"]


def refresh_token(cast):
    pkce = cast("pkce")
    return cast("discharge").redeem(grants.code(cast("weber_allows"), pkce), pkce).json()["refresh_token"]


def code(cast):
    return grants.code(cast("weber_allows"), cast("pkce"))


def client_assertion(cast):
    signing = SigningClient(builders.client(cast("claims_filer"), "signs", auth_method=AuthMethod.PRIVATE_KEY_JWT))
    gives_key(signing.client, signing.key)
    return signing.assertion()


def identity_assertion(cast):
    idp = Idp()
    idp.trusted([cast("discharge_client")], [cast("look_up_staff")])
    return idp.asserts(cast("discharge_client"), cast("weber"))


def dpop_proof(_cast):
    return proof(pair())


def registration_token(cast):
    cast("organisation")
    return registers().json()["registration_access_token"]


def device_code(cast):
    return starts(cast("display")).json()["device_code"]


def auth_req_id(cast):
    return asked_id(cast("robot"), cast("weber"))


def request_uri(cast):
    return pushes(asked_by(cast("discharge_client"), scope="calendar:read"))


def key_of_a_client(cast):
    return cast("discharge").key


def cookie_of_a_session(cast):
    browser = builders.browser(cast("weber"))
    return next(cookie.value for name, cookie in browser.cookies.items() if "session" in name)


THINGS = [
    id_token, refresh_token, code, client_assertion, identity_assertion, dpop_proof, registration_token, device_code,
    auth_req_id, request_uri, key_of_a_client, cookie_of_a_session,
]  # fmt: skip


@pytest.mark.parametrize("make", THINGS, ids=lambda make: make.__name__)
def test_s21_it_is_no_access_token(
    request, make, discharge, passed_twice, records_api, directory_api, planner, records
):
    right = first_token(discharge, passed_twice, resource=records.uri)
    thing = make(request.getfixturevalue)
    for api in (records_api, directory_api):
        assert api.introspects(thing) == INACTIVE
    for path in ("/api/v1/receipts", "/api/v1/signals/streams"):
        with one_refusal("api.refused", "not_authenticated"):
            answer = Browser().post(path, "{}", content_type="application/json", HTTP_AUTHORIZATION=f"Bearer {thing}")
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")
    for kind in ("access_token", "jwt", "id_token", "refresh_token"):
        with one_refusal("token.refused", "invalid_request"):
            refused = planner.exchange(thing, subject_token_type=f"urn:ietf:params:oauth:token-type:{kind}")
            assert is_oauth_error(refused, "invalid_request")
    assert records_api.introspects(right)["active"] is True
    assert planner.exchange(right).status_code == 200
