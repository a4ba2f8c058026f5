"""A permission that is asked for in detail: a transfer of the finance house, and its builders."""

from __future__ import annotations

import json
from typing import Any

from django.utils import timezone

from agents import detail_types
from agents.models import DetailType, Scope, User
from tests import builders

TRANSFER = "bank_transfer"
WORDS = "Transfer up to {amount} {currency} to {creditor.name} until {until}"
NARROWING = {"amount": "at_most", "accounts": "subset"}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "amount": {"type": "number", "exclusiveMinimum": 0, "title": "amount"},
        "currency": {"type": "string", "enum": ["EUR", "CHF"]},
        "creditor": {"type": "object", "properties": {"name": {"type": "string", "maxLength": 70}}},
        "until": {"type": "string", "format": "date"},
        "accounts": {"type": "array", "items": {"type": "string"}, "title": "accounts"},
    },
    "required": ["amount", "currency", "creditor"],
}
ASKED: dict[str, Any] = {
    "type": TRANSFER,
    "amount": 1000,
    "currency": "EUR",
    "creditor": {"name": "Acme"},
    "until": "2030-05-03",
    "accounts": ["DE02", "DE03"],
}


def has_type(scope: Scope, *, by: User, **facts: Any) -> DetailType:
    """The scope is asked for by transfers from now on."""
    given = {"name": TRANSFER, "schema": json.dumps(SCHEMA), "words": WORDS, "narrowing": NARROWING} | facts
    return detail_types.add_detail_type(scope, by=builders.actor(by), now=timezone.now(), **given)


def asking(*details: Any, **changed: Any) -> str:
    """The parameter, for these details or for the usual one with some members changed; None leaves one out."""
    sent = details or ({**ASKED, **changed},)
    return json.dumps([{name: value for name, value in each.items() if value is not None} for each in sent])
