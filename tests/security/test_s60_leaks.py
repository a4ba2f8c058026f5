"""S60: after a whole run nothing that was handed out stands anywhere but where it was handed out.

Mandate runs as real processes that log at DEBUG. People sign in and decide, agents get, refresh, lose and give back tokens,
somebody tries wrong and doubled things; then database, log, events, pages and waiting mails are searched for every secret.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from agents import invitations
from agents.models import Event
from tests import builders, grants
from tests.consent.asking import AUTHORIZE, CHALLENGE, DECIDE, VERIFIER, asked
from tests.forms import form_of
from tests.security.leaks import NOISY, Answer, hits, places_of
from tests.signing import private_half_in_use

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.engine]


@pytest.mark.parametrize("running_mandate", [NOISY], indirect=True)
def test_s60_nothing_that_was_handed_out_stands_anywhere(
    running_mandate, mara, weber, discharge, discharge_client, claims, claims_client, clinic_allows, look_up_staff,
    records_api, directory_api, read_records, now,
):  # fmt: skip
    url = running_mandate.url
    secrets = {
        "the client's key": discharge.key,
        "the other client's key": claims.key,
        "the resource's key": records_api.key,
        "the other resource's key": directory_api.key,
        "the password": builders.PASSWORD,
        "the verifier": VERIFIER,
    }
    grants.consent(claims_client, scopes=[look_up_staff], user=None, by=mara, purpose="Look up staff")
    _, secrets["the invitation"] = invitations.invite(
        email="new@st-anna.example", name="New", role="user", by=builders.actor(mara), now=now
    )

    # Weber signs in, is asked, and allows.
    person = requests.Session()
    login = person.get(f"{url}/account/login/", timeout=20)
    fields = {name: values[0] for name, values in form_of(Answer(login)).items()}
    wrong = person.post(
        f"{url}/account/login/", data=fields | {"login": weber.email, "password": "wrong guess 1"}, timeout=20
    )
    fields = {name: values[0] for name, values in form_of(Answer(wrong)).items()}
    signed_in = person.post(
        f"{url}/account/login/",
        data=fields | {"login": weber.email, "password": builders.PASSWORD},
        timeout=20,
        allow_redirects=False,
    )
    assert signed_in.status_code in {302, 303}, signed_in.text[:500]
    secrets["the wrong password"] = "wrong guess 1"
    page = person.get(f"{url}{AUTHORIZE}", params=asked(discharge_client, state="the-state-of-the-client"), timeout=20)
    assert page.status_code == 200, page.text[:500]
    decision = form_of(Answer(page)) | {"decision": ["allow"]}
    back = person.post(f"{url}{DECIDE}", data=decision, timeout=20, allow_redirects=False)
    assert back.status_code == 303, back.text[:500]
    secrets["the code"] = parse_qs(urlsplit(back.headers["Location"]).query)["code"][0]
    secrets |= {f"the cookie {cookie.name}": cookie.value for cookie in person.cookies if len(cookie.value) > 15}

    # The agents work.
    def post(path, form, name, key, **more):
        return requests.post(f"{url}{path}", data=form, auth=(name, key), timeout=20, **more)

    client_id = discharge_client.client_id
    form = {"grant_type": "authorization_code", "code": secrets["the code"], "code_verifier": VERIFIER}
    form["resource"] = records_api.resource.uri
    pair = post("/oauth/token", form, client_id, discharge.key).json()

    refresh = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"], "resource": form["resource"]}
    second = post("/oauth/token", refresh, client_id, discharge.key).json()
    third = post("/oauth/token", refresh | {"refresh_token": second["refresh_token"]}, client_id, discharge.key).json()
    alone = {"grant_type": "client_credentials"}
    opaque = post(
        "/oauth/token",
        alone | {"scope": "calendar:read", "resource": records_api.resource.uri},
        claims_client.client_id,
        claims.key,
    ).json()
    signed = post(
        "/oauth/token", alone | {"resource": directory_api.resource.uri}, claims_client.client_id, claims.key
    ).json()
    for name, answer in {"first": pair, "second": second, "third": third, "opaque": opaque, "signed": signed}.items():
        secrets |= {f"the {name} {kind}": answer[kind] for kind in ("access_token", "refresh_token") if kind in answer}
    resource = records_api.resource.identifier
    for token in (pair["access_token"], opaque["access_token"], signed["access_token"], pair["refresh_token"]):
        post("/oauth/introspect", {"token": token}, resource, records_api.key)
    # What is wrong is told to nobody either.
    post("/oauth/token", form, client_id, discharge.key)
    post("/oauth/token", refresh, client_id, discharge.key)
    post("/oauth/token", {**alone, "scope": secrets["the code"]}, claims_client.client_id, claims.key)
    post("/oauth/token", alone, claims_client.client_id, discharge.key)
    post("/oauth/token", {**alone, "client_secret": claims.key}, claims_client.client_id, claims.key)
    requests.post(f"{url}/oauth/token", params={"client_secret": claims.key}, data=alone, timeout=20)
    requests.get(f"{url}/oauth/introspect", params={"token": pair["access_token"]}, timeout=20)
    requests.get(f"{url}/api/v1/receipts", params={"access_token": pair["access_token"]}, timeout=20)
    requests.post(
        f"{url}/api/v1/receipts", json={"token": pair["access_token"]}, auth=(resource, records_api.key), timeout=20
    )
    requests.get(f"{url}/invitation/{secrets['the invitation']}", timeout=20, allow_redirects=False)
    requests.get(f"{url}/nowhere/", params={"code": secrets["the code"], "token": pair["access_token"]}, timeout=20)
    requests.get(f"{url}/agents/", headers={"Authorization": f"Bearer {pair['access_token']}"}, timeout=20)
    post("/oauth/revoke", {"token": third["refresh_token"]}, client_id, discharge.key)
    private = private_half_in_use()
    secrets["the private key"] = private

    assert len(secrets) >= 16
    assert Event.objects.filter(kind="code.used_twice").exists()
    places = places_of(running_mandate, mara)
    assert "/oauth/token" in places["log"]
    assert CHALLENGE not in places["log"]
    assert not hits(secrets, places)
    assert not re.search(r"[?&](code|token|access_token|client_secret)=(?!\[hidden\])", places["log"])
