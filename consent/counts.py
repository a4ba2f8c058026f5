"""What was done under a consent, added up as receipts come: so that a page says it in one query, however many there are."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from agents.database.statements import changed_by
from agents.ids import uuid7
from agents.models import Resource
from consent.models import RecordCount
from consent.record_words import record_type_in_words

ADD = """
    INSERT INTO consent_recordcount (id, consent_id, resource_id, operation, record_type, count, last_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (consent_id, resource_id, operation, record_type) DO UPDATE SET
        count = consent_recordcount.count + excluded.count,
        last_at = CASE WHEN excluded.last_at > consent_recordcount.last_at
                       THEN excluded.last_at ELSE consent_recordcount.last_at END
"""


def add_up(
    records: Mapping[str, int], *, consent_id: uuid.UUID, resource_id: uuid.UUID, operation: str, at: datetime
) -> None:
    """Add the records of one receipt to what was done before, in the caller's transaction. records: counts by type.

    In the order of their types, so that two receipts at once take the rows alike and cannot deadlock.
    """
    for record_type in sorted(records):
        changed_by(ADD, [uuid7(), consent_id, resource_id, operation, record_type, records[record_type], at])


@dataclass(frozen=True, slots=True)
class Done:
    """What an agent did at a resource under a consent, as the resource reports it."""

    resource: Resource
    operation: str
    record_type: str
    count: int
    last_at: datetime

    @property
    def records(self) -> str:
        return record_type_in_words(self.record_type, self.count)

    @property
    def verb(self) -> str:
        """What it did, as the first word of a line."""
        known = {
            "read": pgettext("done", "read"),
            "get": pgettext("done", "read"),
            "write": _("wrote"),
            "create": _("created"),
            "update": _("changed"),
            "delete": _("deleted"),
            "send": _("sent"),
            "list": _("listed"),
            "search": _("found"),
            "export": _("exported"),
        }
        return known.get(self.operation, self.operation)


def done_under(consents: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[Done]]:
    """Return what was done under each of these, the latest first. One query."""
    rows = RecordCount.objects.filter(consent__in=list(consents)).select_related("resource").order_by("-last_at", "pk")
    found: dict[uuid.UUID, list[Done]] = {}
    for row in rows:
        done = Done(row.resource, row.operation, row.record_type, row.count, row.last_at)
        found.setdefault(row.consent_id, []).append(done)
    return found
