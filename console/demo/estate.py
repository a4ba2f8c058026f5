"""What agents can call at St. Anna: three resources with sixteen scopes between them, one of them asked for in detail."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from agents import credentials, detail_types, resources
from agents.models import Access, Checks, DataClass
from console.demo.timeline import Timeline
from console.demo.world import World

RECORDS, FINANCE, HOUSE = "records", "finance", "house"
RECORDS_URI = "http://localhost:9000"
"""Where docs/examples/records_api listens, so that it can be started against the demonstration."""


@dataclass(frozen=True, slots=True)
class ScopeText:
    """One scope and the words that people read."""

    name: str
    access: Access
    data_class: DataClass
    days: int
    title: str
    detail: str = ""
    marked_sensitive: bool = False
    concerns: str = ""


@dataclass(frozen=True, slots=True)
class ResourceText:
    """One resource with what it offers."""

    key: str
    name: str
    uri: str
    checks: Checks
    operations: tuple[str, ...]
    record_types: tuple[str, ...]
    scopes: Sequence[ScopeText]


HEALTH, FINANCIAL, PERSONAL, NONE = DataClass.HEALTH, DataClass.FINANCIAL, DataClass.PERSONAL, DataClass.NONE
READ, WRITE, DELETE = Access.READ, Access.WRITE, Access.DELETE

WARDS = "patients of the wards you work on, no others"

RESOURCES = (
    ResourceText(
        RECORDS,
        "Patient records",
        RECORDS_URI,
        Checks.INTROSPECTION,
        ("list", "read", "write", "delete"),
        ("patient-file", "letter", "lab-result", "medication-plan"),
        (
            ScopeText("records:read", READ, HEALTH, 30, "Read patient files", "Not: billing.", concerns=WARDS),
            ScopeText(
                "records:write",
                WRITE,
                HEALTH,
                30,
                "Add notes to patient files",
                "Notes are marked as drafts.",
                concerns=WARDS,
            ),
            ScopeText("records:delete", DELETE, HEALTH, 1, "Delete entries from patient files"),
            ScopeText("letters:write", WRITE, HEALTH, 30, "Write draft letters", "A doctor signs before they go out."),
            ScopeText("labs:read", READ, HEALTH, 90, "Read laboratory results", concerns=WARDS),
            ScopeText("medication:read", READ, HEALTH, 30, "Read medication plans"),
            ScopeText(
                "statistics:read", READ, NONE, 365, "See how many beds are taken", "Numbers only, nobody's name."
            ),
        ),
    ),
    ResourceText(
        FINANCE,
        "Finance house",
        "https://finance.st-anna.example/api",
        Checks.INTROSPECTION,
        ("read", "write", "send", "delete"),
        ("invoice", "claim", "payment", "payslip"),
        (
            ScopeText("invoices:read", READ, FINANCIAL, 90, "Read invoices"),
            ScopeText("invoices:write", WRITE, FINANCIAL, 90, "Book invoices", "Up to the amount that you may book."),
            ScopeText("claims:submit", WRITE, FINANCIAL, 180, "Send claims to insurers"),
            ScopeText("payroll:read", READ, FINANCIAL, 30, "Read payslips", concerns="everybody who works here"),
            ScopeText("payments:send", WRITE, FINANCIAL, 30, "Transfer money", "Each time as far as you allow it."),
            ScopeText("payments:cancel", DELETE, FINANCIAL, 1, "Cancel payments", "Only those not sent yet."),
        ),
    ),
    ResourceText(
        HOUSE,
        "House directory and calendar",
        f"{RECORDS_URI}/directory",
        Checks.OFFLINE,
        ("read", "write"),
        ("appointment", "entry"),
        (
            ScopeText("directory:read", READ, NONE, 365, "See wards, rooms and telephone numbers"),
            ScopeText("calendar:read", READ, PERSONAL, 365, "See your appointments", concerns="you"),
            ScopeText("calendar:write", WRITE, PERSONAL, 365, "Move and make your appointments"),
        ),
    ),
)


TRANSFER = {
    "type": "object",
    "required": ["amount", "currency", "creditor", "until"],
    "properties": {
        "amount": {"type": "number", "minimum": 0, "multipleOf": 0.01, "title": "amount"},
        "currency": {"type": "string", "enum": ["EUR", "CHF"]},
        "creditor": {"type": "string", "maxLength": 70},
        "until": {"type": "string", "format": "date"},
    },
}
"""What a transfer says (RFC 9396), as ``bank_transfer`` is registered for ``payments:send``."""


def tell(world: World, line: Timeline) -> None:
    """Register the resources two months ago. One scope got clearer words since."""
    for number, text in enumerate(RESOURCES):
        world.addresses[text.key] = f"10.30.0.{20 + number}"
        line.at(world.moment(58, 9, 20 * number), partial(_register, world, text))
    line.at(world.moment(58, 12), partial(_ask_in_detail, world))
    line.at(world.moment(33, 11), partial(_reword, world))


def _register(world: World, text: ResourceText, at: datetime) -> None:
    by = world.actor("mara", at)
    resource = resources.create(
        name=text.name,
        uri=text.uri,
        checks=text.checks,
        operations=text.operations,
        record_types=text.record_types,
        by=by,
        now=at,
    )
    world.resources[text.key] = resource
    for number, scope in enumerate(text.scopes, start=1):
        world.scopes[scope.name] = resources.add_scope(
            resource,
            name=scope.name,
            title=scope.title,
            detail=scope.detail,
            concerns=scope.concerns,
            access=scope.access,
            data_class=scope.data_class,
            longest_life=timedelta(days=scope.days),
            marked_sensitive=scope.marked_sensitive,
            by=by,
            now=at + timedelta(minutes=number),
        )
    key = credentials.issue(resource, reason="For introspection and receipts.", by=by, now=at + timedelta(minutes=15))
    world.resource_keys[text.key] = key.key


def _ask_in_detail(world: World, at: datetime) -> None:
    detail_types.add_detail_type(
        world.scopes["payments:send"],
        name="bank_transfer",
        schema=json.dumps(TRANSFER),
        words="Transfer up to {amount} {currency} to {creditor} until {until}",
        narrowing={"amount": "at_most"},
        by=world.actor("mara", at),
        now=at,
    )


def _reword(world: World, at: datetime) -> None:
    resources.reword_scope(
        world.scopes["directory:read"],
        title="See wards, rooms and telephone numbers",
        detail="What hangs on every ward's wall too.",
        by=world.actor("mara", at),
        now=at,
    )
