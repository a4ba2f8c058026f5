"""openid-client at what lies beyond tokens for one client: who the person is, handing work over, details, registration."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone

from agents.detail_types import add_detail_type
from agents.models import Agent, Client
from consent.models import Consent
from tests import builders
from tests.clients.person import person_decides
from tests.clients.test_openid_client import settings_of
from tests.consent.asking import ticked
from tests.exchanging import ACCESS_TOKEN, allow, asks_to_pass, first_token, passes, taker
from tests.services.node import node

# They need `make npm`: part of `make test-all`.
pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_who_the_person_is_and_how_they_signed_in(running_mandate, discharge, weber, records):
    """OpenID Connect discovery, a nonce, max_age, and a signature that is checked."""
    about = settings_of(
        running_mandate, discharge.client, discharge.key,
        scope="openid calendar:read", resource=records.uri, algorithm="oidc", more={"max_age": "300"},
    )  # fmt: skip
    with node("openid_client", "signIn", **about) as program:
        program.hears(person_decides(program.says_well()["open"], weber))
        got = program.says_well()
    assert (got["claims"]["iss"], got["claims"]["aud"]) == (running_mandate.url, discharge.client.client_id)
    assert got["claims"]["sub"] == got["renewed"]["sub"] == str(weber.pk)
    assert got["scope"].split() == ["openid", "calendar:read"]


def test_work_is_handed_over_and_over(running_mandate, discharge, weber, ada, records_api, write_letters, read_records):
    reader = builders.agent("File Reader", owner=ada, scopes=[read_records])
    takes = taker(reader)
    asks_to_pass(discharge.client.agent, reader)
    given = allow(discharge.client, weber, [read_records, write_letters], passes(reader))
    token = first_token(discharge, given)
    asked = {"subject_token": token, "subject_token_type": ACCESS_TOKEN, "scope": "records:read"}
    about = settings_of(running_mandate, takes.client, takes.key, exchange=asked)
    with node("openid_client", "exchange", **about) as program:
        got = program.says_well()
    assert got["issued_token_type"] == ACCESS_TOKEN
    assert got["scope"] == "records:read"
    told = records_api.introspects(got["access_token"])
    assert told["sub"] == str(weber.pk)
    assert told["act"] == {"sub": str(reader.pk), "act": {"sub": str(discharge.client.agent_id)}}


def test_one_patient_of_all(running_mandate, ada, mara, weber, records, records_api):
    one = builders.scope(records, "records:read-one", "Open one patient's file")
    add_detail_type(
        one,
        name="one-patient-file",
        schema=json.dumps(
            {"type": "object", "required": ["patient"], "properties": {"patient": {"type": "string", "maxLength": 9}}}
        ),
        words="Read the file of patient {patient}",
        narrowing={},
        by=builders.actor(mara),
        now=timezone.now(),
    )
    client = builders.client(builders.agent(owner=ada, scopes=[one]))
    asked = [{"type": "one-patient-file", "patient": "p-1001"}]
    about = settings_of(
        running_mandate, client, builders.key(client).key,
        scope="records:read-one", resource=records.uri, more={"authorization_details": json.dumps(asked)},
    )  # fmt: skip
    with node("openid_client", "details", **about) as program:
        address = program.says_well()["open"]
        program.hears(person_decides(address, weber, changing=lambda form: {**form, "scope": ticked(one)}))
        got = program.says_well()
    assert got["first"]["authorization_details"] == got["second"]["authorization_details"] == asked
    assert records_api.introspects(got["second"]["access_token"])["authorization_details"] == asked


def test_it_registers_itself_and_works_at_the_first_try(
    running_mandate, organisation, weber, records, see_appointments
):
    metadata = {
        "client_name": "Note Helper",
        "redirect_uris": ["http://127.0.0.1:4000/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    }
    with node("openid_client", "register", issuer=running_mandate.url, client_id="-", metadata=metadata) as program:
        registered = program.says_well()
    client = Client.objects.get(client_id=registered["client_id"])
    about = settings_of(running_mandate, client, scope="calendar:read", resource=records.uri)
    about["redirect_uri"] = "http://127.0.0.1:4000/callback"
    with node("openid_client", "code", **about) as program:
        program.hears(person_decides(program.says_well()["open"], weber))
        assert program.says_well()["second"]["scope"] == "calendar:read"
    assert Agent.objects.get().personal_of == weber
    assert Consent.objects.get().client == client
