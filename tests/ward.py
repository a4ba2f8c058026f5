"""The MCP server of the examples beside a running Mandate, and what it offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from agents.models import DataClass, Resource, Scope, User
from tests import builders
from tests.clients.person import person_decides
from tests.consent.asking import ticked
from tests.services.mandate import RunningMandate
from tests.services.ward_tools import RunningWardTools

BEDS, MEDICATION = ("free_beds", {"ward": "3B"}), ("medication_of", {"patient": "p-1002"})
RECENT = ("recently_asked", {})


@dataclass
class Ward:
    """Mandate, the MCP server, and what it offers."""

    mandate: RunningMandate
    server: RunningWardTools
    tools: Resource
    beds: Scope
    medication: Scope


@pytest.fixture
def ward(running_mandate, mara, weber, tmp_path: Path):
    """The server runs; Weber works on ward 3B."""
    server = RunningWardTools(tmp_path)
    tools = builders.resource(
        "Ward tools", server.uri, operations=["list", "read"], record_types=["bed", "medication-list"], by=mara
    )
    beds = builders.scope(tools, "beds:read", "See which beds are free")
    medication = builders.scope(tools, "medication:read", "Read what your patients take", data_class=DataClass.HEALTH)
    server.settings = {
        "MANDATE_ISSUER": running_mandate.url,
        "TOOLS_IDENTIFIER": tools.identifier,
        "TOOLS_KEY": builders.key(tools, by=mara).key,
        "TOOLS_WARDS": f"{weber.pk}=3B",
    }
    try:
        yield Ward(running_mandate, server.start(), tools, beds, medication)
    finally:
        server.stop()


@pytest.fixture
def allows_all(ward: Ward, weber: User) -> Callable[[str], str]:
    """Weber opens an address and allows whatever it asks of the ward tools."""

    def allows(address: str) -> str:
        everything = ticked(*([ward.beds, ward.medication] if "medication" in address else [ward.beds]))
        return person_decides(address, weber, changing=lambda form: {**form, "scope": everything})

    return allows
