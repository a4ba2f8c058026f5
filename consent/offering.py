"""Make an offer: what of it is held already, what starts ticked, how long it may last, and in which order it is read."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from agents.models import AgentScope, Client, User
from agents.models.resource import READING_ORDER
from agents.promises import when_it_counts
from agents.rules import Rules
from consent.approval import MANUAL, latest_end
from consent.detail_lines import DetailLine, kept_details
from consent.models import Consent
from consent.models.consent import purpose_key
from consent.offer import Asking, Offer, until_so_far
from consent.offer_lines import Line, Section
from consent.passing_on.passing_line import passing_line
from consent.until import ONCE, end_choices, life_in_words, zone_of


def make_offer(
    asking: Asking, *, person: User | None, zone_name: str, now: datetime, shown_at: datetime | None = None
) -> Offer:
    """Return what this person (or, without one, the organisation) is asked.

    Optional scopes start ticked, optional sensitive ones unticked, and what the standing consent of the same purpose
    holds ticked, asked for again or not: the new consent takes its place (decisions.md). shown_at: when it was shown first,
    if that is not now: its ends are those of then.
    """
    made_at = shown_at or now
    agent = asking.agent
    purpose = asking.purpose or agent.purpose
    held = _held(asking.client, person, purpose, now) if agent.is_made else None
    rows_held = held.held(now) if held else []
    words: dict[uuid.UUID, int] = {row.scope_id: row.wording.meaning for row in rows_held}
    rows = [*asking.scopes, *_also_held(asking, words)]
    shown = {row.scope_id for row in rows}
    rules = Rules.current()
    asked = kept_details(held.held(now) if held else [], asking.details, rows, asking.versions)
    lines = [_line(row, asking.client, words, rules, asked[row.scope_id]) for row in rows if row.scope_id in asked]
    ticked = [line.scope for line in lines if line.ticked] or [line.scope for line in lines]
    latest = latest_end(ticked, agent, made_at, rules)
    lines = [
        replace(line, at_most=life_in_words(line.longest_life)) if made_at + line.longest_life < latest else line
        for line in lines
    ]
    passing = None
    if person is not None and agent.is_made and not asking.harmless:
        passing = passing_line(agent, held, sensitive=any(line.sensitive for line in lines))
    return Offer(
        asking=asking,
        person=person,
        owner=agent.owner,
        purpose=purpose,
        sections=_sections(lines, has_more=bool(words)),
        ends=tuple(
            end_choices(
                ticked,
                agent,
                now=made_at,
                zone=zone_of(zone_name),
                rules=rules,
                chosen=ONCE if held is not None and held.once and held.waits_to_be_looked_at else "",
                so_far=until_so_far(held),
            )
        ),
        latest=latest,
        made_at=made_at,
        zone_name=zone_name,
        rules=rules,
        held=held,
        falls_away=tuple(sorted(row.wording.title for row in rows_held if row.scope_id not in shown)),
        passing=passing,
    )


def _held(client: Client, person: User | None, purpose: str, now: datetime) -> Consent | None:
    """Return the standing consent of the same client, person and purpose, with its scopes."""
    return (
        Consent.objects.given()
        .standing()
        .filter(client=client, user=person, purpose_key=purpose_key(purpose), ends_at__gt=now)
        .with_scopes()
        .first()
    )


def _also_held(asking: Asking, held: Iterable[uuid.UUID]) -> list[AgentScope]:
    """Return what is held and may still be asked for, but was not asked for this time. A step-up names only what is new."""
    missing = set(held) - {row.scope_id for row in asking.scopes}
    if not missing:
        return []
    rows = AgentScope.objects.offered_by(asking.agent).filter(scope__in=missing)
    return [row for row in rows if not (asking.harmless and row.scope.is_sensitive)]


def _line(
    row: AgentScope, client: Client, words: Mapping[uuid.UUID, int], rules: Rules, details: tuple[DetailLine, ...]
) -> Line:
    scope, wording = row.scope, row.scope.wording
    is_held = scope.pk in words
    # A client that registered itself has no required scopes (decisions.md, Who decides).
    locked = row.is_locked and client.registration_source == MANUAL
    return Line(
        scope=scope,
        wording=wording,
        locked=locked,
        confirmed_by=row.confirmed_by.display_name if locked and row.confirmed_by else "",
        new=bool(words) and not is_held,
        reworded=is_held and words[scope.pk] != wording.meaning,
        ticked=locked or (is_held and not any(line.new for line in details)) or not scope.is_sensitive,
        rule=rules.over([scope]),
        details=details,
    )


def _sections(lines: list[Line], *, has_more: bool) -> tuple[Section, ...]:
    """Put the lines under their resources: what the task needs first, then by how much they let it do."""
    by_resource: dict[uuid.UUID, list[Line]] = {}
    for line in sorted(lines, key=lambda line: (not line.locked, READING_ORDER[line.scope.access], line.scope.name)):
        by_resource.setdefault(line.scope.resource_id, []).append(line)
    sections = [
        Section(
            resource=group[0].scope.resource,
            promise=when_it_counts(group[0].scope.resource),
            new=has_more and all(line.new for line in group),
            lines=tuple(group),
        )
        for group in by_resource.values()
    ]
    return tuple(sorted(sections, key=lambda part: (part.new, not part.lines[0].locked, part.resource.name)))
