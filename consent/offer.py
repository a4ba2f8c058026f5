"""What is asked, made ready to be read: who the agent is, what for, what in plain words, until when.

The screen draws an ``Offer``; what a person agreed to is kept from it word for word (``Offer.as_shown``), and its
``digest`` tells whether the thing that was decided is still the thing that was shown.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import get_language

from agents.details.detail import Detail
from agents.models import Agent, AgentScope, Client, Resource, Scope, ScopeWording, User
from agents.models.resource import READING_ORDER
from agents.promises import when_it_counts
from agents.redirects import host_of, is_loopback
from agents.rules import Rule, Rules
from consent.approval import MANUAL, latest_end
from consent.detail_lines import DetailLine, kept_details
from consent.models import Consent
from consent.models.consent import purpose_key
from consent.until import ONCE, EndChoice, end_choices, life_in_words, zone_of


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for what. purpose: the agent's own sentence, or empty. redirect_uri: empty for the organisation.

    harmless: whether nothing sensitive may come of it, as with a device code. details: what is asked for in detail, by
    scope (RFC 9396); a scope with a type of details is asked for by these alone.
    """

    client: Client
    scopes: tuple[AgentScope, ...]
    purpose: str = ""
    redirect_uri: str = ""
    acr_values: tuple[str, ...] = ()
    harmless: bool = False
    details: Mapping[uuid.UUID, tuple[Detail, ...]] = field(default_factory=dict)

    @property
    def agent(self) -> Agent:
        if self.client.agent is None:
            raise TypeError("only a client with an agent can ask")
        return self.client.agent


@dataclass(frozen=True, slots=True)
class Line:
    """One permission as it is offered.

    locked: needed for the task, cannot be unticked. new: not held yet, where something else is. reworded: held, but
    people agreed to other words. at_most: its longest life in words, where that is shorter than the rest's.
    """

    scope: Scope
    wording: ScopeWording
    locked: bool
    confirmed_by: str
    new: bool
    reworded: bool
    ticked: bool
    rule: Rule
    at_most: str = ""
    details: tuple[DetailLine, ...] = ()

    @property
    def key(self) -> str:
        """The value by which a form names it."""
        return str(self.scope.pk)

    @property
    def sensitive(self) -> bool:
        return self.scope.is_sensitive

    @property
    def longest_life(self) -> timedelta:
        """For how long a consent may hold it, by itself and by its rule."""
        return min(self.scope.longest_life, self.rule.longest_life)

    def details_as_shown(self, granted: tuple[Detail, ...] | None) -> dict[str, Any]:
        """What the screen says of the details, and for what the scope was allowed. Nothing where it has no type."""
        if not self.details:
            return {}
        shown: dict[str, Any] = {"details": [line.as_shown() for line in self.details]}
        return shown | ({"granted": [detail.sentence for detail in granted]} if granted is not None else {})

    def weight(self) -> dict[str, Any]:
        """How much it lets an agent do, apart from its words. A consent is remembered only while this is as it was."""
        return {
            "access": self.scope.access,
            "data_class": self.scope.data_class,
            "sensitive": self.sensitive,
            "longest_life": self.longest_life.total_seconds(),
            **({"takes": demands} if (demands := self.rule.demands()) else {}),
        }


@dataclass(frozen=True, slots=True)
class Section:
    """The permissions at one resource, and when a change counts there."""

    resource: Resource
    promise: str
    new: bool
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """All that a person reads before they decide."""

    asking: Asking
    person: User | None
    owner: User | None
    purpose: str
    sections: tuple[Section, ...]
    ends: tuple[EndChoice, ...]
    latest: datetime
    made_at: datetime
    zone_name: str
    rules: Rules
    held: Consent | None
    """The standing consent that this one would supersede."""
    falls_away: tuple[str, ...] = ()
    """What that one holds and is not asked for now, in the words that people agreed to: it ends with it."""

    @property
    def agent(self) -> Agent:
        return self.asking.agent

    @property
    def client(self) -> Client:
        return self.asking.client

    @property
    def lines(self) -> list[Line]:
        return [line for section in self.sections for line in section.lines]

    @property
    def locked(self) -> frozenset[Scope]:
        return frozenset(line.scope for line in self.lines if line.locked)

    @property
    def paused(self) -> Consent | None:
        """The consent that this would supersede, if it waits for its person to see what is different."""
        return self.held if self.held is not None and self.held.waits_to_be_looked_at else None

    @property
    def so_far(self) -> datetime | None:
        """Until when the consent would have counted that this one renews."""
        return _so_far(self.held)

    @property
    def is_sensitive(self) -> bool:
        return any(line.sensitive for line in self.lines)

    @property
    def asks_to_confirm_purpose(self) -> bool:
        """Whether something in it can only be allowed by whoever confirms what it is for."""
        return self.rule_of(line.scope for line in self.lines).purpose_required

    def rule_of(self, scopes: Iterable[Scope]) -> Rule:
        """Return the rule for these permissions together."""
        return self.rules.over(scopes)

    @property
    def wrote_itself(self) -> bool:
        """Whether the sentence came with the request; otherwise it is the one its owner registered."""
        return bool(self.asking.purpose)

    @property
    def redirect_host(self) -> str:
        return host_of(self.asking.redirect_uri)

    @property
    def document_host(self) -> str:
        """Where the client's own document came from, once clients can name one (CIMD). It stands beside the redirect host."""
        return ""

    @property
    def only_loopback(self) -> bool:
        """Whether any program on the person's machine could name this client: all its redirects stay there."""
        uris = self.client.redirect_uris.split()
        return bool(self.asking.redirect_uri) and bool(uris) and all(is_loopback(uri) for uri in uris)

    @property
    def is_verified(self) -> bool:
        """The organisation's mark: for clients that its own people registered, and no others."""
        return self.client.registration_source == MANUAL

    @property
    def promise(self) -> str:
        """When a change counts at the slowest of the resources."""
        return when_it_counts(section.resource for section in self.sections)

    @property
    def promises(self) -> list[tuple[str, list[str]]]:
        """The names of the resources by when a change counts there."""
        found: dict[str, list[str]] = {}
        for section in self.sections:
            found.setdefault(section.promise, []).append(section.resource.name)
        return list(found.items())

    def latest_end(self, scopes: Iterable[Scope], now: datetime) -> datetime:
        """Return the latest end that these scopes allow."""
        return latest_end(scopes, self.agent, now, self.rules)

    def facts(self) -> dict[str, Any]:
        """What the screen says of who asks. A consent is remembered only while these are as they were."""
        return {
            "agent": self.agent.name,
            "owner": self.owner.display_name if self.owner else "",
            "unit": self.agent.unit,
            "registered_purpose": self.agent.purpose,
            "redirect_host": self.redirect_host,
            "client": {
                "id": self.client.client_id,
                "name": self.client.name,
                "public": self.client.is_public,
                "verified": self.is_verified,
                "redirect_uris": sorted(self.client.redirect_uris.split()),
            },
        }

    def as_shown(
        self,
        *,
        ticked: frozenset[Scope] | None = None,
        until: str = "",
        limits: Sequence[str] = (),
        granted: Mapping[Scope, tuple[Detail, ...]] | None = None,
    ) -> dict[str, Any]:
        """Return the screen word for word, as it is kept with the consent.

        ticked: what the person left ticked; without it, what was ticked before they chose. until: the words of the end.
        limits: what the person limited it to, in words.
        granted: the details of the scopes that are allowed.
        """
        return {
            **self.facts(),
            "purpose": self.purpose,
            "resources": [
                {
                    "name": section.resource.name,
                    "uri": section.resource.uri,
                    "promise": section.promise,
                    "counts_after": section.resource.effect_delay.total_seconds(),
                    "scopes": [
                        {
                            "id": line.key,
                            "name": line.scope.name,
                            "title": line.wording.title,
                            "detail": line.wording.detail,
                            "version": line.wording.version,
                            **({"concerns": line.wording.concerns} if line.wording.concerns else {}),
                            **line.weight(),
                            "required": line.locked,
                            "new": line.new,
                            "ticked": line.ticked if ticked is None else line.scope in ticked,
                            **line.details_as_shown(granted.get(line.scope) if granted else None),
                        }
                        for line in section.lines
                    ],
                }
                for section in self.sections
            ],
            "until": until,
            **({"limits": list(limits)} if limits else {}),
            "language": get_language() or "",
            **({"falls_away": list(self.falls_away)} if self.falls_away else {}),
            **({"renews": str(paused.pk), "changes": paused.paused_because} if (paused := self.paused) else {}),
        }

    def digest(self) -> str:
        """Return the SHA-256 of what is shown, ends apart: they move with the clock and are checked by themselves."""
        shown = {
            **self.as_shown(),
            "person": str(self.person.pk) if self.person else "",
            "zone": self.zone_name,
            "environment": self.agent.environment,
            # What it is limited to so far was filled in: whoever tightened it meanwhile is not undone unseen.
            "limited": self.held.limits.as_told() if self.held else {},
        }
        text = json.dumps(shown, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


def make_offer(
    asking: Asking, *, person: User | None, zone_name: str, now: datetime, shown_at: datetime | None = None
) -> Offer:
    """Return what this person (or, without one, the organisation) is asked.

    Optional scopes start ticked, optional sensitive ones unticked, and what the standing consent of the same purpose
    holds ticked, asked for again or not: the new consent takes its place (decisions.md). shown_at: when it was shown first, if that is not now: its ends are those of then.
    """
    made_at = shown_at or now
    agent = asking.agent
    purpose = asking.purpose or agent.purpose
    held = _held(asking.client, person, purpose, now)
    rows_held = held.held(now) if held else []
    words: dict[uuid.UUID, int] = {row.scope_id: row.wording.meaning for row in rows_held}
    rows = [*asking.scopes, *_also_held(asking, words)]
    shown = {row.scope_id for row in rows}
    rules = Rules.current()
    asked = kept_details(held.held(now) if held else [], asking.details, rows)
    lines = [_line(row, asking.client, words, rules, asked[row.scope_id]) for row in rows if row.scope_id in asked]
    ticked = [line.scope for line in lines if line.ticked] or [line.scope for line in lines]
    latest = latest_end(ticked, agent, made_at, rules)
    lines = [
        replace(line, at_most=life_in_words(line.longest_life)) if made_at + line.longest_life < latest else line
        for line in lines
    ]
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
                so_far=_so_far(held),
            )
        ),
        latest=latest,
        made_at=made_at,
        zone_name=zone_name,
        rules=rules,
        held=held,
        falls_away=tuple(sorted(row.wording.title for row in rows_held if row.scope_id not in shown)),
    )


def _so_far(held: Consent | None) -> datetime | None:
    if held is None or held.once or not held.waits_to_be_looked_at:
        return None
    return held.ends_at


def _held(client: Client, person: User | None, purpose: str, now: datetime) -> Consent | None:
    """Return the standing consent of the same client, person and purpose, with its scopes."""
    return (
        Consent.objects.standing()
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
