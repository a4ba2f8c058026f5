"""What a resource does when an agent calls it: it asks what the token is worth, and reports what was done with it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.actors import Actor
from consent.receipts import Receipt, Records, report
from console.demo.endpoints import ask_worth
from console.demo.estate import HOUSE
from console.demo.world import World


@dataclass(frozen=True, slots=True)
class Work:
    """What is done with a scope: the operation and the record type that a receipt names, and how many at most."""

    operation: str
    record_type: str
    most: int


WORK = {
    "records:read": Work("read", "patient-file", 4),
    "records:write": Work("write", "patient-file", 2),
    "letters:write": Work("write", "letter", 1),
    "labs:read": Work("read", "lab-result", 12),
    "medication:read": Work("read", "medication-plan", 3),
    "invoices:read": Work("read", "invoice", 20),
    "invoices:write": Work("write", "invoice", 6),
    "claims:submit": Work("send", "claim", 9),
    "payroll:read": Work("read", "payslip", 40),
}


def use(world: World, resource: str, presented: str, at: datetime) -> None:
    """Let the resource ask what the token is worth, and report what was done with it. The directory does neither."""
    if resource == HOUSE:
        return
    moment = at + timedelta(seconds=world.random.randint(1, 20))
    worth = ask_worth(world, resource, presented, moment)
    if not worth.body["active"]:
        return
    for scope in worth.body["scope"].split():
        if scope in WORK and world.random.random() < 0.6:
            moment += timedelta(seconds=world.random.randint(1, 15))
            _send_receipt(world, resource, worth.body["jti"], WORK[scope], moment)


def _send_receipt(world: World, resource: str, token_id: str, work: Work, at: datetime) -> None:
    """Report some records, about one to three patients, payers or whoever they are about."""
    number = world.random.randint(1, work.most)
    parts = min(number, world.random.randint(1, 3))
    records = tuple(
        Records(work.record_type, number // parts + (part < number % parts), f"p-{world.random.randint(1000, 1080)}")
        for part in range(parts)
    )
    facts = world.facts(resource, at)
    row = world.resources[resource]
    receipt = Receipt(uuid.UUID(token_id), work.operation, records, f"demo-{facts.id.hex}")
    report(receipt, resource_id=row.pk, by=Actor.resource(row.pk, facts), now=at)
