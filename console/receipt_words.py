"""Receipts in words: what a resource reports that an agent did. Types and operations are the resource's own, counts are numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from consent.record_words import record_type_in_words
from console.templatetags.chosen_names import plain_text
from console.templatetags.mandate import thin

READING = frozenset({"read", "get", "list", "search", "view", "open", "export"})
WRITING = frozenset({"write", "create", "update", "edit", "send", "import", "sign"})
DELETING = frozenset({"delete", "remove", "erase"})


def operation_of(detail: Any) -> str:
    """Return the operation that a receipt names, or an empty text."""
    operation = detail.get("operation") if isinstance(detail, dict) else None
    return operation[:80] if isinstance(operation, str) else ""


def operation_chip(detail: Any) -> str:
    """Return read, write or delete where the operation's name says so, otherwise an empty text."""
    operation = operation_of(detail).casefold()
    for chip, names in (("read", READING), ("write", WRITING), ("delete", DELETING)):
        if operation in names:
            return chip
    return ""


def records_of(detail: Any) -> list[dict[str, Any]]:
    """Return the records of a receipt as ``type``, ``count`` and ``subject``, leaving out what is none."""
    records = detail.get("records") if isinstance(detail, dict) else None
    return [
        {"type": str(record["type"])[:80], "count": record["count"], "subject": str(record.get("subject") or "")[:80]}
        for record in (records if isinstance(records, list) else [])
        if isinstance(record, dict) and isinstance(record.get("type"), str) and _is_count(record.get("count"))
    ]


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def receipt_sentence(agent: SafeString, person: SafeString | None, detail: Any) -> SafeString:
    """Say what an agent did, as its resource reports it: "Discharge Assistant read 3 patient files for Dr. Weber"."""
    parts = {"agent": agent, "operation": plain_text(operation_of(detail)), "records": _records_in_words(detail)}
    said = format_html(
        {
            "read": _("{agent} read {records}"),
            "get": _("{agent} read {records}"),
            "write": _("{agent} wrote {records}"),
            "create": _("{agent} created {records}"),
            "update": _("{agent} changed {records}"),
            "send": _("{agent} sent {records}"),
            "list": _("{agent} listed {records}"),
            "search": _("{agent} found {records}"),
            "export": _("{agent} exported {records}"),
            "delete": _("{agent} deleted {records}"),
        }.get(operation_of(detail).casefold(), _("{agent} did {operation} with {records}")),
        **parts,
    )
    return format_html(_("{} for {}"), said, person) if person else said


def _records_in_words(detail: Any) -> SafeString:
    counts: dict[str, int] = {}
    for record in records_of(detail):
        counts[record["type"]] = counts.get(record["type"], 0) + record["count"]
    if not counts:
        return format_html("{}", _("something"))
    shown = list(counts.items())[:3]
    words = [format_html("{} {}", thin(n), record_type_in_words(plain_text(name), n)) for name, n in shown]
    more = len(counts) - len(shown)
    if more:
        words.append(format_html(ngettext("{} other type", "{} other types", more), more))
    if len(words) == 1:
        return words[0]
    return format_html(_("{} and {}"), format_html_join(", ", "{}", ((each,) for each in words[:-1])), words[-1])


def table_of(detail: Any) -> Iterator[tuple[str, int, str]]:
    """Yield type, count and subject pseudonym of each record, for the table of an event's page."""
    for record in records_of(detail):
        yield plain_text(record["type"]), record["count"], plain_text(record["subject"])
