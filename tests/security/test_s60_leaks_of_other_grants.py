"""S60, beside codes and tokens: what pushed requests, proofs, devices, registration, exchange and links hand out stands nowhere.

As in ``test_s60_leaks.py``: a Mandate that logs at DEBUG answers real HTTP, and then everything is searched.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
import requests

from agents.models import AuthMethod
from agents.programs import adoption_rules
from consent.signals import streams
from console.accounts.password_links import password_link
from tests import builders, grants
from tests.consent.asking import CHALLENGE
from tests.exchanging import EXCHANGE, first_token
from tests.out_of_band import CIBA, DEVICE, asks, decides, request_of, types_code
from tests.proofs import proof
from tests.security.leaks import NOISY, hits, places_of
from tests.signing import SigningClient, by_assertion, gives_key, pair
from tests.vouching import GRANT_TYPE as ID_JAG
from tests.vouching import Idp

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.engine]
HEADER = "Bearer the-secret-of-the-receiver"
TOLD_WITH = "the-clients-own-token-for-being-told"


@pytest.fixture
def post(running_mandate):
    def send(path, form, client=None, **more):
        auth = (client.client.client_id, client.key) if client else None
        return requests.post(f"{running_mandate.url}{path}", data=form, auth=auth, timeout=20, **more)

    return send


def out_of_band(post, secrets, display, robot, weber):
    """A device and a question, both allowed and fetched; and once more than once."""
    device = post("/oauth/device_authorization", {"scope": "calendar:read", "purpose": "Show the rota"}, display).json()
    secrets |= {"the device's code": device["device_code"], "the user's code": device["user_code"]}
    types_code(weber, device["user_code"])
    decides(weber, request_of(device["device_code"]))
    said = asks(robot, weber, client_notification_token=TOLD_WITH).json()
    secrets |= {"the id of the question": said["auth_req_id"], "the token for being told": TOLD_WITH}
    decides(weber, request_of(said["auth_req_id"]))
    for name, client, form in (
        ("device", display, {"grant_type": DEVICE, "device_code": device["device_code"]}),
        ("question", robot, {"grant_type": CIBA, "auth_req_id": said["auth_req_id"]}),
    ):
        got = post("/oauth/token", form, client).json()
        secrets[f"the access token of the {name}"] = got["access_token"]
        assert post("/oauth/token", form, client).status_code == 400
    assert post("/oauth/token", {"grant_type": DEVICE, "device_code": "x"}, display).status_code == 400


def proven_by_keys(post, secrets, claims_filer, discharge):
    """An assertion that counts once, and a proof that does not fit its request."""
    signing = SigningClient(builders.client(claims_filer, "signs", auth_method=AuthMethod.PRIVATE_KEY_JWT))
    gives_key(signing.client, signing.key)
    secrets["the assertion"] = assertion = signing.assertion()
    for _ in range(2):
        post("/oauth/token", {"grant_type": "client_credentials"} | by_assertion(assertion))
    secrets["the proof"] = one = proof(pair())
    for _ in range(2):
        post("/oauth/token", {"grant_type": "refresh_token", "refresh_token": "x"}, discharge, headers={"DPoP": one})


def handed_over(post, secrets, discharge, passed_twice, planner, records):
    """Work that is passed on, once as it should be and once too often."""
    subject = first_token(discharge, passed_twice, resource=records.uri)
    form = planner.form(subject)
    taken = post("/oauth/token", form, planner).json()
    post("/oauth/token", form | {"scope": "no:such"}, planner)
    post("/oauth/token", {"grant_type": EXCHANGE, "subject_token": taken["access_token"]}, planner)
    secrets |= {"the token of before": subject, "the token that was taken over": taken["access_token"]}


def vouched_for(post, secrets, discharge, weber, look_up_staff):
    idp = Idp()
    idp.trusted([discharge.client], [look_up_staff])
    secrets["the vouching assertion"] = assertion = idp.asserts(discharge.client, weber)
    form = {"grant_type": ID_JAG, "assertion": assertion}
    got = post("/oauth/token", form, discharge)
    assert got.status_code == 200, got.text
    secrets["the token by it"] = got.json()["access_token"]
    assert post("/oauth/token", form, discharge).status_code == 400


def registered(post, secrets, mandate, mara, now):
    """A program registers, reads itself, and is read with a wrong token."""
    token = adoption_rules.issue_token(name="Fleet", ends_at=None, by=builders.actor(mara), now=now).value
    body = {
        "client_name": "Helper", "redirect_uris": ["https://app.example/cb"], "response_types": ["code"],
        "grant_types": ["authorization_code", "refresh_token"], "token_endpoint_auth_method": "client_secret_basic",
    }  # fmt: skip
    answer = requests.post(
        f"{mandate.url}/oauth/register", json=body, headers={"Authorization": f"Bearer {token}"}, timeout=20
    )
    assert answer.status_code == 201, answer.text
    said = answer.json()
    at = f"{mandate.url}/oauth/register/{said['client_id']}"
    for bearer in (said["registration_access_token"], said["registration_access_token"] + "x"):
        requests.get(at, headers={"Authorization": f"Bearer {bearer}"}, timeout=20)
    requests.get(at, params={"access_token": said["registration_access_token"]}, timeout=20)
    secrets |= {
        "the initial access token": token,
        "the registration token": said["registration_access_token"],
        "the secret of the program": said["client_secret"],
    }


@pytest.mark.parametrize("running_mandate", [NOISY], indirect=True)
def test_s60_nothing_that_other_grants_hand_out_stands_anywhere(
    running_mandate, post, settings, mara, weber, discharge, display, robot, claims_filer, passed_twice, planner, records,
    records_api, look_up_staff, now,
):  # fmt: skip
    settings.ISSUER = running_mandate.url  # what is signed here is meant for the Mandate that runs
    secrets: dict[str, str] = {}
    out_of_band(post, secrets, display, robot, weber)
    proven_by_keys(post, secrets, claims_filer, discharge)
    handed_over(post, secrets, discharge, passed_twice, planner, records)
    vouched_for(post, secrets, discharge, weber, look_up_staff)
    registered(post, secrets, running_mandate, mara, now)
    pushed = {
        "response_type": "code", "client_id": discharge.client.client_id, "redirect_uri": grants.REDIRECT,
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", "scope": "calendar:read",
    }  # fmt: skip
    reference = post("/oauth/par", pushed, discharge).json()["request_uri"]
    secrets["the reference to a pushed request"] = reference.rpartition(":")[2]
    sent = {"client_id": discharge.client.client_id, "request_uri": reference}
    requests.get(f"{running_mandate.url}/oauth/authorize", params=sent, timeout=20, allow_redirects=False)
    streams.create(
        records, endpoint_url="https://records.st-anna.example/signals", authorization=HEADER,
        by=builders.actor(mara), now=now,
    )  # fmt: skip
    secrets["the header for the receiver"] = HEADER.partition(" ")[2]
    link = urlsplit(password_link(weber)).path
    secrets["the link for a new password"] = link.strip("/").rpartition("/")[2]
    requests.get(running_mandate.url + link, timeout=20)

    assert len(secrets) >= 16
    places = places_of(running_mandate, mara)
    assert not hits(secrets, places)
    assert "/oauth/device_authorization" in places["log"]
