"""A bank whose transfers are asked for in detail (RFC 9396), and consents that hold some."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from agents.actors import Actor
from agents.detail_types import add_detail_type
from agents.details.detail import Detail
from agents.models import Access, DataClass, DetailVersion, Resource, Scope, User
from consent import mandate
from consent.approval import Approval
from consent.models import Consent
from consent.passing_on.passing import NOTHING, Passing
from tests import builders

TYPE = "bank-transfer"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["amount", "currency", "creditor"],
    "properties": {
        "amount": {"type": "number", "minimum": 0, "multipleOf": 0.01},
        "currency": {"type": "string", "enum": ["EUR", "CHF"]},
        "creditor": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
        "accounts": {"type": "array", "items": {"type": "string"}},
        "until": {"type": "string"},
    },
}
WORDS = "Transfer up to {amount} {currency} to {creditor.name}"
NARROWING = {"amount": "at_most", "accounts": "subset"}


def bank_of(by: User) -> Resource:
    return builders.resource("House bank", "https://bank.st-anna.example", by=by)


def transfers_at(bank: Resource, *, data_class: str = DataClass.FINANCIAL, name: str = "transfers:write") -> Scope:
    """A scope that is asked for with details of ``TYPE``."""
    scope = builders.scope(bank, name, "Transfer money", access=Access.WRITE, data_class=data_class)
    add_type(scope)
    return scope


def add_type(scope: Scope, *, schema: Mapping[str, Any] = SCHEMA, words: str = WORDS, name: str = TYPE) -> None:
    add_detail_type(
        scope,
        name=name,
        schema=json.dumps(schema),
        words=words,
        narrowing={member: how for member, how in NARROWING.items() if member in schema["properties"]},
        by=builders.actor(builders.administrator()),
        now=timezone.now(),
    )


def transfer(amount: float = 1000, creditor: str = "Acme", **more: Any) -> dict[str, Any]:
    """One detail, as a client sends it."""
    return {"type": TYPE, "amount": amount, "currency": "EUR", "creditor": {"name": creditor}, **more}


def sent(*details: Any) -> str:
    """The parameter."""
    return json.dumps(list(details))


def consent_to(
    client: Any,
    scope: Scope,
    details: Iterable[dict[str, Any]],
    *,
    user: User | None,
    by: User | None = None,
    scopes: Iterable[Scope] = (),
    passing: Passing = NOTHING,
) -> Consent:
    """A consent that holds these details of the scope, and other scopes beside. passing: to whom it may be passed on."""
    now = timezone.now()
    version = DetailVersion.objects.by_scope([scope.pk])[scope.pk]
    held = tuple(Detail(version, {name: value for name, value in each.items() if name != "type"}) for each in details)
    approver = user or by
    assert approver is not None
    approval = Approval(
        client=client,
        user=user,
        scopes={each: each.wording for each in (scope, *scopes)},
        purpose="Pay the suppliers",
        ends_at=now + timedelta(hours=8),
        details={scope: held},
        passing=passing,
    )
    return mandate.approve(approval, by=Actor.person(approver), now=now)
