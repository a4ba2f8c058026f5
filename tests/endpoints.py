"""The cast at the token endpoints: fixtures for every test that asks for a token or about one."""

from __future__ import annotations

import pytest

from agents.credentials import IssuedKey
from agents.models import Agent, AuthMethod, Client, Resource, Scope, User
from consent.models import Consent
from tests import builders, grants, out_of_band
from tests.grants import Pkce, ResourceServer, TokenClient
from tests.signing import SigningClient, gives_key


@pytest.fixture
def pkce() -> Pkce:
    return Pkce()


@pytest.fixture
def discharge(discharge_client: Client, discharge_key: IssuedKey) -> TokenClient:
    """The assistant at the token endpoint."""
    return TokenClient(discharge_client, discharge_key.key)


@pytest.fixture
def display(discharge: TokenClient, mara: User) -> TokenClient:
    """The assistant's client, once an administrator let it use device codes."""
    out_of_band.let_use_device_codes(discharge.client, by=mara)
    return discharge


@pytest.fixture
def robot(discharge_assistant: Agent, weber: User, mara: User) -> TokenClient:
    """A client of the assistant, which may ask Weber out of band."""
    out_of_band.joins_circle(discharge_assistant, weber, by=mara)
    return out_of_band.asking_client(discharge_assistant)


@pytest.fixture
def claims(claims_client: Client, claims_key: IssuedKey) -> TokenClient:
    """The autonomous agent at the token endpoint."""
    return TokenClient(claims_client, claims_key.key)


@pytest.fixture
def records_api(records: Resource) -> ResourceServer:
    """Patient records, which asks Mandate about each token."""
    return ResourceServer(records, builders.key(records).key)


@pytest.fixture
def directory_api(directory: Resource) -> ResourceServer:
    return ResourceServer(directory, builders.key(directory).key)


@pytest.fixture
def weber_allows(discharge_client: Client, weber: User, read_records: Scope, write_letters: Scope) -> Consent:
    """Weber lets the assistant read files and write drafts, at one resource."""
    return grants.consent(discharge_client, scopes=[read_records, write_letters], user=weber)


@pytest.fixture
def clinic_allows(claims_client: Client, claims_filer: Agent, mara: User, see_appointments: Scope) -> Consent:
    """Mara lets the autonomous agent see appointments, for the organisation."""
    return grants.consent(claims_client, scopes=[see_appointments], user=None, by=mara, purpose="File claims")


@pytest.fixture
def filer(claims_filer: Agent, mara: User, see_appointments: Scope) -> SigningClient:
    """The autonomous agent, which signs."""
    client = builders.client(claims_filer, "signs", auth_method=AuthMethod.PRIVATE_KEY_JWT)
    grants.consent(client, scopes=[see_appointments], user=None, by=mara, purpose="File claims")
    signing = SigningClient(client)
    gives_key(client, signing.key)
    return signing
