"""Approve, narrow, shorten, revoke: the only code that changes a consent.

There is no *extend*: more or longer is a new screen (decisions.md, Consents). Nothing here hunts tokens down: what a
token is worth is asked when it is used (``consent/oauth/worth.py``), so a change counts on tokens already out.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from agents.actors import Actor, require
from agents.errors import Forbidden, InvalidInput, NotReady
from agents.ids import uuid7
from agents.models import Agent, AgentScope, Client, Scope, ScopeWording, User
from agents.models import Kind as AgentKind
from agents.permissions import May
from agents.trail.kinds import Kind
from agents.trail.record import heaviest, record, text_digest
from consent.client_metadata import canonical, digest_of_json, metadata_of
from consent.errors import DecisionRefused, NotNarrower, NotShorter, OfferChanged
from consent.models import AccessToken, Consent, ConsentScope, Origin
from consent.models.consent import fold_purpose, purpose_key, scope_ids

LONGEST_PURPOSE = 500


@dataclass(frozen=True, slots=True)
class Approval:
    """What a human agreed to on the screen.

    scopes: each scope that stays ticked, with the wording that was read.
    required: those that could not be unticked. shown: the screen word for word. user: None for the organisation.
    """

    client: Client
    user: User | None
    scopes: Mapping[Scope, ScopeWording]
    purpose: str
    ends_at: datetime
    once: bool = False
    required: frozenset[Scope] = frozenset()
    shown: dict[str, Any] = field(default_factory=dict)
    redirect_host: str = ""
    sign_in_methods: tuple[str, ...] = ()
    origin: Origin = Origin.SCREEN


@transaction.atomic
def approve(approval: Approval, *, by: Actor, now: datetime) -> Consent:
    """Make the consent that a human just gave. It supersedes the one of the same client, person and purpose.

    It holds exactly what was ticked, never a union with what was held before. For the organisation an administrator
    approves, and for sensitive scopes one who is neither owner nor deputy of the agent.

    Raises Forbidden, NotReady (agent or client not usable), InvalidInput (purpose, end), DecisionRefused (scopes),
    OfferChanged (one of them was changed at the same moment).
    Records ``consent.approved`` and, for each one superseded, ``consent.superseded``.
    """
    if by.user is None:
        raise Forbidden(May.APPROVE_CONSENT)
    agent = Agent.objects.locked(approval.client.agent_id)
    client = Client.objects.get(pk=approval.client.pk)
    _require_approver(approval, agent, by)
    if not client.is_live(now):
        raise NotReady(f"{agent.name} cannot be allowed anything now: it is {agent.state} or has lost its owner.")
    purpose = fold_purpose(approval.purpose)
    if not 1 <= len(purpose) <= LONGEST_PURPOSE:
        raise InvalidInput("purpose", f"Say what it is for, in 1 to {LONGEST_PURPOSE} characters.")
    _check_scopes(approval, agent)
    _check_end(approval, agent, now)

    key = purpose_key(purpose)
    replaced = list(
        Consent.objects.standing().filter(client=client, user=approval.user, purpose_key=key).select_for_update()
    )
    consent_id = uuid7()
    for old in replaced:
        old.superseded_at = now
        old.save(update_fields=["superseded_at"])
    consent = Consent.objects.create(
        id=consent_id,
        agent=agent,
        client=client,
        user=approval.user,
        origin=approval.origin if approval.user else Origin.ORGANISATION,
        approved_by=by.user,
        purpose=purpose,
        purpose_key=key,
        purpose_digest=text_digest("purpose", purpose, consent_id),
        once=approval.once,
        shown=approval.shown,
        client_metadata=(metadata := metadata_of(client)),
        redirect_host=approval.redirect_host[:255],
        sign_in_methods=list(approval.sign_in_methods),
        time_zone=by.user.time_zone,
        starts_at=now,
        ends_at=approval.ends_at,
    )
    ConsentScope.objects.bulk_create(
        ConsentScope(consent=consent, scope=scope, wording=wording, required=scope in approval.required, started_at=now)
        for scope, wording in approval.scopes.items()
    )
    for old in replaced:
        old.superseded_by = consent
        old.save(update_fields=["superseded_by"])
        _record(Kind.CONSENT_SUPERSEDED, old, by=by, now=now, successor=consent.pk)
    _record(
        Kind.CONSENT_APPROVED,
        consent,
        by=by,
        now=now,
        purpose=purpose,
        scopes=names(approval.scopes),
        data_class=heaviest(scope.data_class for scope in approval.scopes),
        ends_at=consent.ends_at,
        origin=consent.origin,
        methods=consent.sign_in_methods,
        superseded=[old.pk for old in replaced],
        once=consent.once,
        redirect_host=consent.redirect_host,
        client_digest=digest_of_json(metadata),
        shown_digest=shown_digest(consent),
    )
    return consent


def shown_digest(consent: Consent) -> str:
    """Return the keyed digest of the words shown, by which the trail vouches for them. Empty where none were kept."""
    return text_digest("shown", canonical(consent.shown).decode(), consent.pk) if consent.shown else ""


def _require_approver(approval: Approval, agent: Agent, by: Actor) -> None:
    if approval.user is not None:
        require(by, May.APPROVE_CONSENT, agent)
        if by.user is None or by.user.pk != approval.user.pk:
            raise Forbidden(May.APPROVE_CONSENT, agent)  # nobody consents for somebody else
        if agent.kind != AgentKind.ASSISTANT:
            raise DecisionRefused("This agent acts for the organisation. An administrator allows it, not a person.")
        return
    require(by, May.APPROVE_ORGANISATION_CONSENT, agent)
    if agent.kind != AgentKind.AUTONOMOUS:
        raise DecisionRefused("This agent acts for people: each of them allows it for themselves.")
    if any(scope.is_sensitive for scope in approval.scopes) and by.user is not None and agent.is_kept_by(by.user):
        raise DecisionRefused(
            "You are responsible for this agent, and it asks for sensitive data. Another administrator must allow it."
        )


def _check_scopes(approval: Approval, agent: Agent) -> None:
    """Hold the ticked scopes against what the agent may ask for, and the wordings against their scopes."""
    if not approval.scopes:
        raise DecisionRefused("Leave at least one permission ticked, or refuse.")
    may_ask = set(AgentScope.objects.live().filter(agent=agent).values_list("scope_id", flat=True))
    if not scope_ids(approval.scopes) <= may_ask:
        raise DecisionRefused("The agent may no longer ask for one of these permissions.")
    if not approval.required <= approval.scopes.keys():
        raise DecisionRefused("A permission that the task needs is missing.")
    if any(wording.scope_id != scope.pk for scope, wording in approval.scopes.items()):
        raise DecisionRefused("The words shown belong to another permission.")
    _must_be_as_read(approval.scopes)


def _must_be_as_read(scopes: Mapping[Scope, ScopeWording]) -> None:
    """Lock the permissions and see that they still mean what was read. Raises OfferChanged.

    A change takes the same locks before it pauses the consents that hold them, so none can slip in between.
    """
    rows = Scope.objects.filter(pk__in=scope_ids(scopes)).order_by("pk").select_for_update(no_key=True, of=("self",))
    now_there = {row.pk: row for row in rows.prefetch_related("wordings")}
    for scope, wording in scopes.items():
        row = now_there[scope.pk]
        same_facts = (row.access, row.data_class, row.is_sensitive) == (
            scope.access,
            scope.data_class,
            scope.is_sensitive,
        )
        if not same_facts or row.wording.meaning != wording.meaning:
            raise OfferChanged("What is asked was changed a moment ago. Look at it again before you decide.")


def latest_end(scopes: Iterable[Scope], agent: Agent, now: datetime) -> datetime:
    """Return the latest end that a consent to these scopes may have: the shortest of their lives, and the agent's end."""
    end = now + min((scope.longest_life for scope in scopes), default=timedelta(days=365))
    return min(end, agent.ends_at) if agent.ends_at else end


def _check_end(approval: Approval, agent: Agent, now: datetime) -> None:
    if approval.ends_at <= now:
        raise InvalidInput("until", "The end lies in the past. Choose a later one.")
    if approval.ends_at > latest_end(approval.scopes, agent, now):
        raise InvalidInput("until", "That is longer than one of these permissions may be given for.")


@transaction.atomic
def narrow(consent_id: uuid.UUID, *, keep: frozenset[Scope], reason: str, by: Actor, now: datetime) -> Consent:
    """Take scopes away from a live consent. Tokens already issued shrink with it at their next use.

    keep: the scopes that stay, a proper and non-empty subset of those the consent holds now.
    Raises Consent.DoesNotExist, Forbidden, ConsentEnded, NotNarrower. Records ``consent.narrowed``.
    """
    consent = Consent.objects.locked(consent_id)
    require(by, May.NARROW_CONSENT, consent)
    consent.must_be_live(now)
    held = list(ConsentScope.objects.held(now).filter(consent=consent).select_related("scope__resource"))
    before = {row.scope for row in held}
    if not keep or not keep < before:
        raise NotNarrower(consent.pk)
    ConsentScope.objects.filter(pk__in=[row.pk for row in held if row.scope not in keep]).update(ended_at=now)
    taken = before - keep
    consent.stop_event = _record(
        Kind.CONSENT_NARROWED,
        consent,
        by=by,
        now=now,
        reason=reason,
        scopes=names(taken),
        data_class=heaviest(scope.data_class for scope in taken),
        before=names(before),
        after=names(keep),
        live_tokens=live_tokens(consent, now),
    )
    consent.save(update_fields=["stop_event"])
    return consent


@transaction.atomic
def shorten(consent_id: uuid.UUID, *, ends_at: datetime, reason: str, by: Actor, now: datetime) -> Consent:
    """Let a live consent end earlier. Refresh tokens and codes end with it at their next use.

    Raises Consent.DoesNotExist, Forbidden, ConsentEnded, NotShorter. Records ``consent.shortened``.
    """
    consent = Consent.objects.locked(consent_id)
    require(by, May.SHORTEN_CONSENT, consent)
    consent.must_be_live(now)
    if not now < ends_at < consent.ends_at:
        raise NotShorter(consent.pk)
    before, consent.ends_at = consent.ends_at, ends_at
    consent.save(update_fields=["ends_at"])
    _record(Kind.CONSENT_SHORTENED, consent, by=by, now=now, reason=reason, before=before, after=ends_at)
    return consent


@transaction.atomic
def revoke(consent_id: uuid.UUID, *, reason: str, by: Actor, now: datetime) -> Consent:
    """End a consent for good. Every token under it is worth nothing from its next use on.

    Raises Consent.DoesNotExist, Forbidden, ConsentEnded (also when it was revoked before).
    Records ``consent.revoked`` with the number of access tokens that were out.
    """
    consent = Consent.objects.locked(consent_id)
    require(by, May.REVOKE_CONSENT, consent)
    consent.must_be_live(now)
    consent.revoked_at, consent.revoked_by = now, by.user
    tokens = live_tokens(consent, now)
    consent.stop_event = _record(Kind.CONSENT_REVOKED, consent, by=by, now=now, reason=reason, live_tokens=tokens)
    consent.save(update_fields=["revoked_at", "revoked_by", "stop_event"])
    return consent


@transaction.atomic
def revoke_all(person: User, *, reason: str, by: Actor, now: datetime) -> list[Consent]:
    """Revoke every consent by which agents act for this person. Returns those that it ended.

    Raises Forbidden. Records ``consent.revoked`` for each.
    """
    ids = list(
        Consent.objects.given_by(person).standing().filter(ends_at__gt=now).order_by("pk").values_list("pk", flat=True)
    )
    return [revoke(consent_id, reason=reason, by=by, now=now) for consent_id in ids]


def end_expired(*, now: datetime, batch: int = 500) -> int:
    """Write down which consents are past their end, in small transactions. Use refused them before.

    Safe twice at once and killed half-way: whoever marks the row writes its event. Returns how many were written down.
    """
    written = 0
    while True:
        due = list(
            Consent.objects.standing()
            .filter(ended_recorded_at=None, ends_at__lte=now)
            .order_by("ends_at")
            .values_list("pk", flat=True)[:batch]
        )
        for consent_id in due:
            with transaction.atomic():
                marked = Consent.objects.filter(pk=consent_id, ended_recorded_at=None).update(ended_recorded_at=now)
                if marked:
                    consent = Consent.objects.select_related("agent", "client").get(pk=consent_id)
                    _record(Kind.CONSENT_ENDED, consent, by=Actor.system(), now=now, ended_at=consent.ends_at)
                    written += 1
        if len(due) < batch:
            return written


def live_tokens(consent: Consent, now: datetime) -> int:
    """Return how many access tokens under this consent have not run out."""
    return AccessToken.objects.out(now).filter(consent=consent).count()


def names(scopes: Iterable[Scope]) -> list[str]:
    """Return the scopes' names, sorted, for an event."""
    return sorted(scope.name for scope in scopes)


def _record(kind: Kind, consent: Consent, *, by: Actor, now: datetime, **facts: Any) -> int:
    facts.setdefault("purpose_digest", "" if facts.get("purpose") else consent.purpose_digest)
    return record(
        kind,
        by=by,
        now=now,
        agent_id=consent.agent_id,
        client_id=consent.client_id,
        consent_id=consent.pk,
        user_id=consent.user_id,
        **facts,
    )
