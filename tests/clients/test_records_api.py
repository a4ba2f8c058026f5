"""A real resource against a real Mandate, each a process of its own (issue 3 §7): what the example promises, it keeps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import ECKey

from agents import credentials
from agents.actors import Actor
from agents.models import Access, Agent, Checks, Client, DataClass, Resource, Scope, User
from agents.trail.kinds import Kind
from consent import mandate as consents
from consent.models import AccessToken, Consent
from tests import builders, grants
from tests.clients.records import records_api
from tests.grants import REDIRECT, Pkce, keeps
from tests.services.mandate import RunningMandate
from tests.services.processes import until
from tests.services.records_api import RunningRecordsApi

pytestmark = [pytest.mark.clients, pytest.mark.django_db(transaction=True)]


@dataclass
class Place:
    """Mandate, the API, and what it offers."""

    mandate: RunningMandate
    api: RunningRecordsApi
    records: Resource
    directory: Resource
    read: Scope
    write: Scope
    wards: Scope


@pytest.fixture
def place(running_mandate: RunningMandate, mara: User, weber: User, tmp_path: Path):
    """The API runs; Weber works on ward 3B."""
    api, records = records_api(
        tmp_path, running_mandate, by=mara, wards=f"{weber.pk}=3B", record_types=["patient-file"]
    )
    directory = builders.resource("Ward directory", f"{api.uri}/directory", checks=Checks.OFFLINE, by=mara)
    try:
        yield Place(
            running_mandate,
            api.start(),
            records,
            directory,
            builders.scope(records, "records:read", data_class=DataClass.HEALTH),
            builders.scope(records, "letters:write", "Write letters", access=Access.WRITE, data_class=DataClass.HEALTH),
            builders.scope(directory, "directory:read", "See the wards"),
        )
    finally:
        api.stop()


@pytest.fixture
def assistant(place: Place, ada: User) -> Agent:
    return builders.agent(owner=ada, scopes=[place.read, place.write, place.wards])


@pytest.fixture
def given(assistant: Agent, place: Place, weber: User) -> Consent:
    """Weber allows all of it."""
    return grants.consent(builders.client(assistant), scopes=[place.read, place.write, place.wards], user=weber)


@pytest.fixture
def token(place: Place) -> Callable[..., str]:
    """Get an access token under a consent, over the wire, as its client."""
    keys: dict[Client, str] = {}

    def get(given: Consent, *, at: str = "") -> str:
        key = keys[given.client] = keys.get(given.client) or builders.key(given.client).key
        pkce = Pkce()
        answer = httpx.post(
            f"{place.mandate.url}/oauth/token",
            data={
                "grant_type": "authorization_code",
                "code": grants.code(given, pkce),
                "code_verifier": pkce.verifier,
                "redirect_uri": REDIRECT,
                "resource": at or place.api.uri,
            },
            auth=(given.client.client_id, key),
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    return get


def test_an_agent_learns_from_the_refusal_where_tokens_come_from(place: Place):
    refused = place.api.get("/patients")
    assert refused.status_code == 401
    challenge = refused.headers["WWW-Authenticate"]
    assert challenge.startswith("Bearer resource_metadata=")
    metadata = httpx.get(challenge.split('"')[1]).json()
    assert metadata["resource"] == place.records.uri
    assert metadata["authorization_servers"] == [place.mandate.url]
    assert httpx.get(f"{place.api.uri}/.well-known/oauth-protected-resource/directory").json()["resource"] == (
        place.directory.uri
    )


def test_it_reads_the_patients_of_the_wards_of_the_person_it_acts_for(place: Place, given: Consent, token):
    access = token(given)
    listed = place.api.get("/patients", access)
    assert {patient["ward"] for patient in listed.json()["patients"]} == {"3B"}
    assert place.api.get("/patients/p-1001", access).json()["name"] == "Rosa Lindner"
    assert place.api.get("/patients/p-2001", access).status_code == 404


def test_a_person_without_wards_lends_none_to_an_agent(place: Place, assistant: Agent, token, mara: User):
    stranger = builders.person("Eva Roth")
    theirs = grants.consent(builders.client(assistant, "other"), scopes=[place.read], user=stranger)
    assert place.api.get("/patients", token(theirs)).json() == {"patients": []}


def test_a_scope_taken_away_is_refused_at_the_next_request(place: Place, given: Consent, token, weber: User):
    access = token(given)
    assert place.api.post("/patients/p-1001/letters", "Dear colleague", access).status_code == 201
    keeps(given, place.read, by=weber)
    refused = place.api.post("/patients/p-1001/letters", "Dear colleague", access)
    assert refused.status_code == 403
    assert 'error="insufficient_scope", scope="letters:write"' in refused.headers["WWW-Authenticate"]
    assert place.api.get("/patients/p-1001", access).status_code == 200


def test_a_revoked_consent_is_refused_at_the_next_request(place: Place, given: Consent, token, weber: User):
    access = token(given)
    assert place.api.get("/patients/p-1001", access).status_code == 200
    consents.revoke(given.pk, reason="Done.", by=Actor.person(weber), now=timezone.now())
    refused = place.api.get("/patients/p-1001", access)
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


def test_the_directory_checks_tokens_without_asking(place: Place, given: Consent, token):
    access = token(given, at=place.directory.uri)
    assert access.count(".") == 2
    assert place.api.get("/directory/wards", access).json() == {"wards": ["3B", "ICU"]}
    place.mandate.stop()
    assert place.api.get("/directory/wards", access).status_code == 200
    assert place.api.get("/patients", access).status_code == 503


def test_a_token_counts_at_its_own_resource_only(place: Place, given: Consent, token):
    assert place.api.get("/patients", token(given, at=place.directory.uri)).status_code == 401
    assert place.api.get("/directory/wards", token(given)).status_code == 401


@pytest.mark.parametrize("spoil", ["none", "signature", "key"])
def test_a_forged_directory_token_is_refused(place: Place, given: Consent, token, spoil: str):
    header, claims, signature = token(given, at=place.directory.uri).split(".")
    if spoil == "none":
        forged = f"eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{claims}."
    elif spoil == "signature":
        forged = f"{header}.{claims}.{signature[::-1]}"
    else:
        mine = ECKey.generate_key("P-256")
        forged = jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": "mine"}, {"aud": place.directory.uri}, mine)
    assert place.api.get("/directory/wards", forged).status_code == 401


def test_two_agents_of_one_person_do_not_meet(place: Place, given: Consent, ada: User, weber: User, token):
    other = builders.agent("Research Helper", owner=ada, scopes=[place.read])
    theirs = grants.consent(builders.client(other), scopes=[place.read], user=weber, purpose="Count cases")
    first, second = token(given), token(theirs)
    place.api.get("/patients/p-1001", first)
    assert place.api.get("/recent", first).json() == {"recent": ["p-1001"]}
    assert place.api.get("/recent", second).json() == {"recent": []}


def test_what_was_read_stands_in_the_trail_without_saying_who(place: Place, given: Consent, token):
    access = token(given)
    place.api.get("/patients/p-1001", access)
    until(lambda: builders.events(Kind.RECEIPT_REPORTED), because=place.api.log_file.read_text)
    (event,) = builders.events(Kind.RECEIPT_REPORTED)
    assert event.token_id == AccessToken.objects.get().pk
    assert (event.consent_id, event.resource_id) == (given.pk, place.records.pk)
    assert event.detail["operation"] == "read"
    (record,) = event.detail["records"]
    assert (record["type"], record["count"]) == ("patient-file", 1)
    assert "p-1001" not in str(event.detail)
    assert "Lindner" not in str(event.detail)


def test_an_ended_key_of_the_api_opens_nothing(place: Place, given: Consent, token, mara: User):
    access = token(given)
    for credential in place.records.credentials.all():
        credentials.revoke(credential, reason="Rotated.", by=Actor.person(mara), now=timezone.now())
    assert place.api.get("/patients", access).status_code == 503


def test_a_token_past_its_end_is_refused(place: Place, given: Consent, token):
    access = token(given)
    AccessToken.objects.update(expires=timezone.now() - timedelta(seconds=1))
    assert place.api.get("/patients", access).status_code == 401
