"""What is asked, made ready to be read: who the agent is, what for, what in plain words, until when.

The screen draws an ``Offer``; what a person agreed to is kept from it word for word (``Offer.as_shown``), and its
``digest`` tells whether the thing that was decided is still the thing that was shown.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import get_language

from agents.details.detail import Detail
from agents.models import Agent, AgentScope, Client, Scope, User
from agents.promises import when_it_counts
from agents.redirects import host_of, is_loopback
from agents.rules import Rule, Rules
from consent.approval import MANUAL, latest_end
from consent.detail_lines import KnownVersions
from consent.models import Consent
from consent.offer_lines import Line, Section
from consent.passing_on.passing_line import PassingLine, answered
from consent.telling_who import detail, title
from consent.until import EndChoice


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for what. purpose: the agent's own sentence, or empty. redirect_uri: empty for the organisation.

    harmless: whether nothing sensitive may come of it, as with a device code. details: what is asked for in detail, by
    scope (RFC 9396); a scope with a type of details is asked for by these alone. versions: what was read of these types.
    """

    client: Client
    scopes: tuple[AgentScope, ...]
    purpose: str = ""
    redirect_uri: str = ""
    acr_values: tuple[str, ...] = ()
    harmless: bool = False
    details: Mapping[uuid.UUID, tuple[Detail, ...]] = field(default_factory=dict)
    openid: bool = False
    """Whether it asks to know who the person is."""
    versions: KnownVersions = field(default_factory=dict)

    @property
    def agent(self) -> Agent:
        if self.client.agent is None:
            raise TypeError("only a client with an agent can ask")
        return self.client.agent


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
    passing: PassingLine | None = None
    """To whom it asks to pass work on."""

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
        return until_so_far(self.held)

    @property
    def asks_who(self) -> bool:
        """Whether it is asked to know who the person is, now or before: the new consent takes the old one's place."""
        before = self.held is not None and self.held.tells_who
        return self.person is not None and (self.asking.openid or before)

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
        """Where the client's own document came from (CIMD). It stands beside the redirect host."""
        return self.client.document_host

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
            **({"passes": self.passing.as_shown()} if self.passing else {}),
        }

    def as_shown(
        self,
        *,
        ticked: frozenset[Scope] | None = None,
        until: str = "",
        limits: Sequence[str] = (),
        granted: Mapping[Scope, tuple[Detail, ...]] | None = None,
        tells_who: bool = True,
        passes: bool | None = None,
    ) -> dict[str, Any]:
        """Return the screen word for word, as it is kept with the consent.

        ticked: what the person left ticked; without it, what was ticked before they chose. until: the words of the end.
        limits: what the person limited it to, in words.
        granted: the details of the scopes that are allowed. tells_who, passes: whether these were left ticked, where they
        were asked.
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
            **({"who": {"title": title(), "detail": detail(), "ticked": tells_who}} if self.asks_who else {}),
            "until": until,
            **answered(self.passing, ticked=passes),
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


def until_so_far(held: Consent | None) -> datetime | None:
    """Return until when a standing consent would have counted, where it waits for its person to see what is different."""
    if held is None or held.once or not held.waits_to_be_looked_at:
        return None
    return held.ends_at
