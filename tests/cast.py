"""The cast: Mara administers, Ada owns, Weber approves, Omar audits, Mallory must fail. And what they work with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
import time_machine
from django.utils import timezone

from agents.credentials import IssuedKey
from agents.models import Access, Agent, Checks, Client, DataClass, Organisation, Resource, Role, Scope, User
from agents.models.agent import Kind as AgentKind
from tests import builders


@pytest.fixture
def now() -> datetime:
    """The time of this test: one moment, passed down."""
    return timezone.now()


@pytest.fixture
def one_minute() -> Iterator[datetime]:
    """The clock stands still within a minute, so that what is counted by the minute is counted together. Ask for it first."""
    moment = timezone.now().replace(second=5, microsecond=0)
    with time_machine.travel(moment, tick=False):
        yield moment


@pytest.fixture
def organisation(db: None) -> Organisation:
    return builders.organisation()


@pytest.fixture
def mara(organisation: Organisation) -> User:
    """The administrator."""
    return builders.person("Mara Keller", Role.ADMINISTRATOR)


@pytest.fixture
def ada(organisation: Organisation) -> User:
    """Owns the agents of these tests."""
    return builders.person("Ada Duarte", Role.OWNER)


@pytest.fixture
def weber(organisation: Organisation) -> User:
    """A doctor, for whom agents act."""
    return builders.person("Dr. Jonas Weber", Role.USER)


@pytest.fixture
def omar(organisation: Organisation) -> User:
    """The auditor: reads everything, changes nothing."""
    return builders.person("Omar Haddad", Role.AUDITOR)


@pytest.fixture
def mallory(organisation: Organisation) -> User:
    """Owns agents of her own, and has no part in those of others."""
    return builders.person("Mallory Grant", Role.OWNER)


@pytest.fixture
def records(mara: User) -> Resource:
    """Patient records: asks Mandate each time, so that a change counts from the next request."""
    return builders.resource("Patient records", "https://records.st-anna.example")


@pytest.fixture
def directory(mara: User) -> Resource:
    """The staff directory: harmless, checks tokens offline."""
    return builders.resource("Staff directory", "https://directory.st-anna.example", checks=Checks.OFFLINE)


@pytest.fixture
def read_records(records: Resource) -> Scope:
    return builders.scope(records, "records:read", "Read patient files of ward 3B", data_class=DataClass.HEALTH)


@pytest.fixture
def write_letters(records: Resource) -> Scope:
    return builders.scope(
        records, "letters:write", "Write draft letters", access=Access.WRITE, data_class=DataClass.HEALTH
    )


@pytest.fixture
def see_appointments(records: Resource) -> Scope:
    """A scope that is not sensitive."""
    return builders.scope(records, "calendar:read", "See your appointments", data_class=DataClass.PERSONAL)


@pytest.fixture
def look_up_staff(directory: Resource) -> Scope:
    return builders.scope(directory, "staff:read", "Look up staff")


@pytest.fixture
def discharge_assistant(
    ada: User, mara: User, read_records: Scope, write_letters: Scope, see_appointments: Scope, look_up_staff: Scope
) -> Agent:
    """Ada's assistant, active, which may ask for four scopes at two resources."""
    return builders.agent(
        "Discharge Assistant",
        owner=ada,
        scopes=[read_records, write_letters, see_appointments, look_up_staff],
        data_classes=[DataClass.HEALTH],
    )


@pytest.fixture
def discharge_client(discharge_assistant: Agent) -> Client:
    """The confidential client of the assistant."""
    return builders.client(discharge_assistant, "discharge prod")


@pytest.fixture
def discharge_key(discharge_client: Client) -> IssuedKey:
    return builders.key(discharge_client)


@pytest.fixture
def claims_filer(ada: User, mara: User, see_appointments: Scope, look_up_staff: Scope) -> Agent:
    """Ada's autonomous agent, active, which acts for the organisation."""
    return builders.agent(
        "Claims Filer",
        owner=ada,
        purpose="File insurance claims after discharge",
        kind=AgentKind.AUTONOMOUS,
        scopes=[see_appointments, look_up_staff],
    )


@pytest.fixture
def claims_client(claims_filer: Agent) -> Client:
    return builders.client(claims_filer, "claims prod")


@pytest.fixture
def claims_key(claims_client: Client) -> IssuedKey:
    return builders.key(claims_client)
