"""Rich requests by real programs: Authlib asks for one patient, a person takes a part away, the records API gives the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from django.utils import timezone

from agents.detail_types import add_detail_type
from agents.models import DataClass
from consent.models import Consent
from tests import builders
from tests.clients.person import TIMEOUT, person_decides
from tests.clients.records import records_api
from tests.grants import REDIRECT

pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True)]
TYPE = "one-patient-file"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["patient", "parts"],
    "properties": {
        "patient": {"type": "string", "maxLength": 20},
        "parts": {
            "type": "array",
            "minItems": 1,
            "maxItems": 2,
            "uniqueItems": True,
            "items": {"type": "string", "enum": ["diagnosis", "letters"]},
        },
    },
}
ASKED = {"type": TYPE, "patient": "p-1001", "parts": ["diagnosis", "letters"]}


@pytest.fixture
def api(running_mandate, mara, weber, tmp_path: Path):
    """The records API, which knows the type; Weber works on ward 3B."""
    running, records = records_api(tmp_path, running_mandate, by=mara, wards=f"{weber.pk}=3B")
    one = builders.scope(records, "records:read-one", "Open one patient's file", data_class=DataClass.HEALTH)
    add_detail_type(
        one,
        name=TYPE,
        schema=json.dumps(SCHEMA),
        words="Read {parts} of patient {patient}",
        narrowing={"parts": "subset"},
        by=builders.actor(mara),
        now=timezone.now(),
    )
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture
def authlib(api, ada):
    from agents.models import Scope

    one = Scope.objects.get(name="records:read-one")
    client = builders.client(builders.agent(owner=ada, scopes=[one]), "authlib")
    return OAuth2Session(
        client.client_id,
        builders.key(client).key,
        code_challenge_method="S256",
        redirect_uri=REDIRECT,
        default_timeout=TIMEOUT,
    )


@pytest.fixture
def server(running_mandate, api):
    return requests.get(f"{running_mandate.url}/.well-known/oauth-authorization-server", timeout=TIMEOUT).json()


def test_one_patient_is_asked_for_allowed_in_part_and_read(server, authlib, api, weber):
    metadata = httpx.get(f"{api.uri}/.well-known/oauth-protected-resource").json()
    assert metadata["authorization_details_types_supported"] == [TYPE]
    verifier = generate_token(64)
    address, state = authlib.create_authorization_url(
        server["authorization_endpoint"], code_verifier=verifier, authorization_details=json.dumps([ASKED])
    )
    sent_back = requests.get(address, timeout=TIMEOUT, allow_redirects=False)  # it names a patient
    assert "error=invalid_request" in sent_back.headers["Location"]
    assert "oauth%2Fpar" in sent_back.headers["Location"]
    address = pushed(server, authlib, address)

    def without_letters(fields: dict[str, Any]) -> dict[str, Any]:
        (narrow,) = [name for name in fields if name.startswith("narrow-")]
        return {**fields, narrow: ["0"], "scope": [scope_key()], "purpose_ok": "on"}

    back = person_decides(address, weber, changing=without_letters)
    token = authlib.fetch_token(
        server["token_endpoint"], authorization_response=back, state=state, code_verifier=verifier, timeout=TIMEOUT
    )
    granted = {**ASKED, "parts": ["diagnosis"]}
    assert token["authorization_details"] == [granted]
    file = api.get("/patients/p-1001", token["access_token"]).json()
    assert "diagnosis" in file
    assert "letters" not in file
    assert api.get("/patients/p-1002", token["access_token"]).status_code == 404  # another patient of the same ward
    assert api.get("/patients", token["access_token"]).status_code == 403

    fresh = authlib.refresh_token(
        server["token_endpoint"],
        refresh_token=token["refresh_token"],
        body="authorization_details=" + requests.utils.quote(json.dumps([granted])),
        timeout=TIMEOUT,
    )
    assert fresh["authorization_details"] == [granted]
    with pytest.raises(OAuthError) as refused:
        authlib.refresh_token(
            server["token_endpoint"],
            refresh_token=fresh["refresh_token"],
            body="authorization_details=" + requests.utils.quote(json.dumps([ASKED])),
            timeout=TIMEOUT,
        )
    assert refused.value.error == "invalid_authorization_details"
    assert Consent.objects.get().user == weber


def pushed(server: dict[str, Any], authlib: OAuth2Session, address: str) -> str:
    """The address that says nothing of the request, which was sent to Mandate itself (RFC 9126)."""
    answer = requests.post(
        server["pushed_authorization_request_endpoint"],
        data=dict(parse_qsl(urlsplit(address).query)),
        auth=(authlib.client_id, authlib.client_secret),
        timeout=TIMEOUT,
    )
    assert answer.status_code == 201, answer.text
    reference = {"client_id": authlib.client_id, "request_uri": answer.json()["request_uri"]}
    return f"{server['authorization_endpoint']}?{urlencode(reference)}"


def scope_key() -> str:
    from agents.models import Scope

    return str(Scope.objects.get(name="records:read-one").pk)


def test_a_wrong_request_comes_back_with_what_is_wrong(server, authlib, weber):
    address, _ = authlib.create_authorization_url(
        server["authorization_endpoint"],
        code_verifier=generate_token(64),
        authorization_details=json.dumps([{**ASKED, "parts": ["everything"]}]),
    )
    sent_back = requests.get(address, timeout=TIMEOUT, allow_redirects=False)
    assert "error=invalid_authorization_details" in sent_back.headers["Location"]
    assert "everything" not in sent_back.headers["Location"]
