"""Consents on the word of a trusted issuer (ID-JAG): an administrator decided the rule, the issuer says for whom.

The person is not asked, so nothing here goes against what they said: what they took away stays away, what they revoked is
not made again, and what they decided on a screen themselves is the most that there is. They see each of these consents in
*My agents*, with whose rule it follows, are told by mail of each new one, and end it like any other.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from agents import trusted_issuers
from agents.actors import Actor
from agents.errors import MandateError
from agents.ids import uuid7
from agents.models import Agent, AgentScope, Client, Scope, TrustedIssuer, User
from agents.rules import Rules
from agents.trail.kinds import Kind
from agents.trail.record import heaviest, text_digest
from consent import mandate
from consent.approval import latest_end, lock_scopes
from consent.client_metadata import digest_of_json, metadata_of
from consent.consent_events import names, record_change, shown_digest
from consent.errors import ConsentEnded
from consent.mail import tell_of_new_consent
from consent.models import Consent, ConsentScope, Origin
from consent.models.consent import fold_purpose, purpose_key
from consent.models.consent_queries import PAUSES_AFTER
from consent.offer import Asking
from consent.offering import make_offer
from consent.until import life_in_words


class NotVouched(MandateError):
    """Nothing is allowed on this issuer's word, and why: a code of a closed list. consent: that stands in the way."""

    def __init__(self, code: str, consent: Consent | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.consent = consent


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a proven assertion asks for. named: whether the permissions were named; if not, less than all will do."""

    issuer: TrustedIssuer
    client: Client
    person: User
    rows: tuple[AgentScope, ...]
    named: bool


def rule_in_words(issuer: TrustedIssuer) -> str:
    """Say what an administrator decided, as it stands in each consent that follows from it."""
    return _("Whom %(issuer)s names need not be asked for what it lists, for %(life)s at a time.") % {
        "issuer": issuer.name,
        "life": life_in_words(issuer.consent_life),
    }


@transaction.atomic
def consent_for(asked: Vouched, *, by: Actor, now: datetime) -> Consent:
    """Return the consent under which a token may be issued now: the one that stands, or a new one.

    Raises NotVouched: trust_changed, unanswered, revoked, over, paused, taken_away, beyond_the_screen, needs_the_person.
    Records ``consent.vouched`` for a new one, and ``consent.superseded`` for the one whose place it takes.
    """
    agent = Agent.objects.locked(asked.client.agent_id)  # first the agent, then its consents: as everywhere
    # Then the issuer, as whoever ends it does: what is made here is there for them to revoke, or is not made.
    if not trusted_issuers.is_as_read(asked.issuer):
        raise NotVouched("trust_changed")
    left = asked.issuer.trusted_by.left_office_at
    if left is not None and left <= now - PAUSES_AFTER:  # as an organisation's consent that nobody answers for
        raise NotVouched("unanswered")
    purpose = fold_purpose(agent.purpose)
    standing_ones = Consent.objects.given().standing().filter(client=asked.client, user=asked.person)
    # Then the permissions, before the consents that hold them, as whoever changes one does: its words and its rule of now.
    lock_scopes([*(row.scope for row in asked.rows), *Scope.objects.filter(consent_scopes__consent__in=standing_ones)])
    theirs = list(
        standing_ones.with_scopes()
        .order_by("-starts_at", "-pk")
        .select_for_update(of=("self",))  # whoever revokes one meanwhile is seen below
    )
    standing = next((consent for consent in theirs if consent.purpose_key == purpose_key(purpose)), None)
    wanted = {row.scope for row in asked.rows}
    decided = _decided(theirs, standing, wanted, now)
    if decided is not None:
        return _as_decided(decided, wanted, named=asked.named, now=now)
    _must_not_be_revoked(asked, agent)
    wanted -= _taken_away(asked)
    if not wanted or (asked.named and len(wanted) < len(asked.rows)):
        raise NotVouched("taken_away", standing)
    if standing is not None and standing.ends_at > now:
        if standing.is_paused(now):
            raise NotVouched("paused", standing)
        held = standing.scopes(now)
        if wanted <= held:
            return standing
        wanted |= _listed(asked.issuer, held)
    return _make(asked, agent, purpose, wanted, standing, by=by, now=now)


@transaction.atomic
def end_issuer(issuer_id: uuid.UUID, *, reason: str, by: Actor, now: datetime) -> int:
    """Trust an issuer no longer, and end what was allowed on its word. Returns how many consents that ended.

    Raises what ``trusted_issuers.end`` raises. Records ``issuer.ended`` and ``consent.revoked`` for each.
    """
    issuer = trusted_issuers.end(issuer_id, reason=reason, by=by, now=now)
    ended = 0
    of_it = Consent.objects.standing().filter(issuer=issuer, ends_at__gt=now).order_by("pk")
    for consent_id in list(of_it.values_list("pk", flat=True)):
        with suppress(ConsentEnded), transaction.atomic():  # somebody may have ended one meanwhile
            mandate.revoke(consent_id, reason=reason, by=by, now=now)
            ended += 1
    return ended


def _listed(issuer: TrustedIssuer, held: Iterable[Scope]) -> set[Scope]:
    """Return what of this may still be allowed on its word: a new consent follows the rule of now."""
    listed = set(issuer.scopes.values_list("pk", flat=True))
    return {scope for scope in held if scope.pk in listed and (issuer.allow_sensitive or not scope.is_sensitive)}


def _decided(theirs: Iterable[Consent], standing: Consent | None, wanted: set[Scope], now: datetime) -> Consent | None:
    """Return what the person decided on a screen, if anything: of several what holds all that is wanted, or the newest.

    Whatever for: somebody who wrote the purpose in their own words has decided all the same.
    """
    on_screen = [consent for consent in theirs if consent.origin != Origin.ISSUER and consent.ends_at > now]
    if on_screen:
        return next((consent for consent in on_screen if wanted <= consent.scopes(now)), on_screen[0])
    return standing if standing is not None and standing.origin != Origin.ISSUER else None


def _as_decided(standing: Consent, wanted: set[Scope], *, named: bool, now: datetime) -> Consent:
    """What its person decided on a screen holds: nothing is added to it on anybody's word, and no time either."""
    if standing.ends_at <= now:
        raise NotVouched("over", standing)
    if not Consent.objects.effective(now).filter(pk=standing.pk).exists():
        raise NotVouched("paused", standing)
    held = standing.scopes(now)
    if not wanted & held or (named and not wanted <= held):
        raise NotVouched("beyond_the_screen", standing)
    return standing


def _must_not_be_revoked(asked: Vouched, agent: Agent) -> None:
    """Refuse to make again what somebody revoked, unless the person allowed the agent something on a screen since then.

    What ended with the trust in its issuer was not meant for this agent.
    """
    theirs = Consent.objects.given().filter(agent=agent, user=asked.person)
    by_somebody = Q(issuer=None) | Q(issuer__ended_at=None) | ~Q(revoked_at=F("issuer__ended_at"))
    last = theirs.filter(by_somebody, revoked_at__isnull=False).order_by("-revoked_at").first()
    if last is None:
        return
    if not theirs.exclude(origin=Origin.ISSUER).filter(starts_at__gt=last.revoked_at).exists():
        raise NotVouched("revoked", last)


def _taken_away(asked: Vouched) -> set[Scope]:
    """Return what they took away from this agent, whichever of its clients had it."""
    rows = ConsentScope.objects.filter(
        consent__agent=asked.client.agent,
        consent__user=asked.person,
        consent__origin=Origin.ISSUER,
        ended_at__isnull=False,
    )
    return {row.scope for row in rows.select_related("scope")}


def _make(
    asked: Vouched,
    agent: Agent,
    purpose: str,
    wanted: Iterable[Scope],
    standing: Consent | None,
    *,
    by: Actor,
    now: datetime,
) -> Consent:
    scopes = {scope.pk for scope in wanted}
    rows = tuple(row for row in AgentScope.objects.offered_by(agent) if row.scope_id in scopes)
    rules = Rules.current()
    rule = rules.over(row.scope for row in rows)
    issuer, person = asked.issuer, asked.person
    became_sensitive = not issuer.allow_sensitive and any(row.scope.is_sensitive for row in rows)
    if became_sensitive or rule.passkey_required or rule.fresh_within or rule.approver_role:
        raise NotVouched("needs_the_person")
    offer = make_offer(Asking(asked.client, rows), person=person, zone_name=person.time_zone, now=now)
    shown: dict[str, Any] = {
        **offer.as_shown(ticked=frozenset(row.scope for row in rows), until=life_in_words(issuer.consent_life)),
        "trusted": {
            "issuer": issuer.issuer,
            "name": issuer.name,
            "version": issuer.version,
            "decided_by": issuer.trusted_by.display_name,
            "rule": rule_in_words(issuer),
        },
    }
    consent_id = uuid7()
    if standing is not None:
        standing.superseded_at = now
        standing.save(update_fields=["superseded_at"])
    consent = Consent.objects.create(
        id=consent_id,
        agent=agent,
        client=asked.client,
        user=person,
        origin=Origin.ISSUER,
        issuer=issuer,
        approved_by=issuer.trusted_by,
        purpose=purpose,
        purpose_key=purpose_key(purpose),
        purpose_digest=text_digest("purpose", purpose, consent_id),
        shown=shown,
        client_metadata=(metadata := metadata_of(asked.client)),
        time_zone=person.time_zone,
        starts_at=now,
        ends_at=min(now + issuer.consent_life, latest_end((row.scope for row in rows), agent, now, rules)),
    )
    ConsentScope.objects.bulk_create(
        ConsentScope(consent=consent, scope=row.scope, wording=row.scope.wording, started_at=now) for row in rows
    )
    if standing is not None:
        standing.superseded_by = consent
        standing.save(update_fields=["superseded_by"])
        record_change(Kind.CONSENT_SUPERSEDED, standing, by=by, now=now, successor=consent.pk)
    record_change(
        Kind.CONSENT_VOUCHED,
        consent,
        by=by,
        now=now,
        purpose=purpose,
        scopes=names(row.scope for row in rows),
        data_class=heaviest(row.scope.data_class for row in rows),
        issuer=issuer.pk,
        version=issuer.version,
        trusted_by=issuer.trusted_by_id,
        ends_at=consent.ends_at,
        superseded=[standing.pk] if standing is not None else [],
        client_digest=digest_of_json(metadata),
        shown_digest=shown_digest(consent),
    )
    tell_of_new_consent(consent, now=now)
    return consent
