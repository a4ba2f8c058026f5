"""What a token is worth now: its scopes ∩ the scopes that its consent holds now (architecture.md, The one chain),
and for work that was passed on, that every consent above it holds too (``chain.py``).

Asked at introspection and wherever a token is used. Nothing here remembers anything between two questions, so
narrowing, revoking, suspending and every end count from the next one on, with every worker dead.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agents.database.statements import rows_of
from agents.models import State
from consent.conditions import NONE, Unmet, conditions_from
from consent.models.consent_queries import PAUSES_AFTER
from consent.models.token import digest_of
from consent.oauth.access_token import TYP
from consent.oauth.authorization_details import still_granted
from consent.oauth.chain import Chain, Hop, read_chain
from consent.oauth.rows import as_facts, as_id, as_list, as_time, known_id
from consent.oauth.signing_keys import verified
from consent.passing_on.passing import Passing, passing_from

CHAIN_STATEMENT = """
    SELECT t.id, t.scope, t.expires, t.created, t.revoked_at, t.refused_at, t.user_id, t.audience_id,
           c.id, c.purpose, c.purpose_digest, c.starts_at, c.ends_at, c.revoked_at, c.superseded_at, c.paused_at,
           v.left_office_at,
           cl.id, cl.client_id, cl.ended_at, a.id, a.state, a.ends_at, o_user.is_active, p.is_active, r.uri, r.ended_at,
           t.family_id, f.ended_at, k.revoked_at, COALESCE(c.stop_event, a.stop_event), s.name, c.conditions, c.time_zone,
           a.environment, c.acr, c.auth_time, t.details, cs.details, t.jkt, r.require_dpop,
           c.parent_id, c.passing, c.purpose_key, t.elsewhere
    FROM consent_accesstoken t
    JOIN consent_consent c ON c.id = t.consent_id
    JOIN agents_client cl ON cl.id = t.application_id
    JOIN agents_agent a ON a.id = c.agent_id
    JOIN agents_resource r ON r.id = t.audience_id
    LEFT JOIN agents_ownership o ON o.agent_id = a.id AND o.role = 'owner' AND o.until IS NULL
    LEFT JOIN agents_user o_user ON o_user.id = o.user_id
    LEFT JOIN agents_user p ON p.id = t.user_id
    LEFT JOIN agents_user v ON v.id = COALESCE(c.confirmed_by_id, c.approved_by_id) AND c.user_id IS NULL
    LEFT JOIN consent_tokenfamily f ON f.id = t.family_id
    LEFT JOIN agents_credential k ON k.id = t.credential_id
    LEFT JOIN consent_consentscope cs ON cs.consent_id = c.id AND (cs.ended_at IS NULL OR cs.ended_at > %s)
    LEFT JOIN agents_scope s ON s.id = cs.scope_id AND s.resource_id = t.audience_id AND s.ended_at IS NULL
    WHERE {which}
"""
BY_DIGEST = CHAIN_STATEMENT.format(which="t.token_checksum = %s")
BY_ID = CHAIN_STATEMENT.format(
    which="""t.id = %s
          AND NOT EXISTS (SELECT 1 FROM consent_signingkey g WHERE g.kid = %s AND g.compromised_at IS NOT NULL)"""
)
"""With the key that signed it: one that was given up counts for nothing at once, in whichever process it is presented."""


@dataclass(frozen=True, slots=True)
class Worth:
    """A token with what it is worth at one moment. ``refusal`` is empty while it is worth something."""

    token_id: uuid.UUID
    scopes: tuple[str, ...]
    refusal: str
    expires: datetime
    issued_at: datetime
    told_before: bool
    user_id: uuid.UUID | None
    audience_id: uuid.UUID
    audience_uri: str
    consent_id: uuid.UUID
    purpose: str
    purpose_digest: str
    client_pk: uuid.UUID
    client_id: str
    agent_id: uuid.UUID
    missing: frozenset[str]
    """What it was issued with and the consent holds no more."""
    jkt: str
    """Thumbprint of the key that it is bound to (RFC 9449), or empty."""
    details: list[dict[str, Any]]
    """For what the scopes are held now, as the consent keeps it (RFC 9396)."""
    unseen_change: bool
    """Whether something was taken away and no use has met that yet (``consent/observed.py``)."""
    acr: str
    auth_time: datetime | None
    """How and when whoever allowed it had signed in."""
    actors: tuple[uuid.UUID, ...]
    """The agents that act and acted before, the latest first: its own, and those that passed the work on."""
    passing: Passing
    """To whom the human let it be passed on (``consent/passing_on/passing.py``)."""
    purpose_key: str
    family_id: uuid.UUID | None
    elsewhere: dict[str, Any]
    """What the tokens had at other resources from which it was exchanged (``exchange_ceiling.py``)."""
    stopped_consent_id: uuid.UUID
    stopped_agent_id: uuid.UUID
    """What to look at for why it is worth nothing, or less: its own consent and agent, or those of one above."""

    @property
    def is_live(self) -> bool:
        return not self.refusal


def worth_of(presented: str, now: datetime) -> Worth | None:
    """Return what a presented token is worth now, or None for one that we never issued. One query.

    An opaque token is found by its digest; a JWT must carry our signature and is found by its ``jti``, since its
    string has a second valid form (decisions.md, Tokens).
    """
    if presented.count(".") != 2:
        return _read(BY_DIGEST, now, digest_of(presented))
    signed = verified(presented, typ=TYP, now=now)
    if signed is None:
        return None
    try:
        token_id = uuid.UUID(str(signed.claims.get("jti")))
    except ValueError:
        return None
    return _read(BY_ID, now, token_id, signed.kid)


def _read(statement: str, now: datetime, *keys: Any) -> Worth | None:
    rows = rows_of(statement, [now, *keys])
    if not rows:
        return None
    parent_id, audience_id = as_id(rows[0][41]), known_id(rows[0][7])
    return _worth(rows, now, None if parent_id is None else read_chain(parent_id, audience_id, now))


def _worth(rows: list[tuple[Any, ...]], now: datetime, above: Chain | None) -> Worth:
    """Turn the rows of one token, one for each scope that its consent holds, into its worth.

    above: the consents that its own is derived from, where it is. Whatever they hold no more, it does not either.
    """
    first = rows[0]
    (token_id, scope, expires, created, revoked, told, user_id, audience_id) = first[:8]
    (consent_id, purpose, purpose_digest, starts, ends, *consent_gone) = first[8:17]
    (client_pk, client_id, client_ended, agent_id, state, agent_ends, owner_active, person_active) = first[17:25]
    (uri, resource_ended, family_id, family_ended, key_revoked, stop_event) = first[25:31]
    held = {row[31]: row[38] for row in rows if row[31] is not None}
    if above is not None:
        held = {name: kept.details for name, kept in above.held().items() if name in held}
    actors = (known_id(agent_id), *(above.agents if above else ()))
    passing = above.root.passing if above else passing_from(as_facts(first[42]))
    of_scope = {name: as_list(held[name]) for name in scope.split() if name in held}
    details = _details(first[37], of_scope)
    # A scope that is held in detail is worth nothing without: to its resource it would look like all of it.
    scopes = tuple(name for name, kept in of_scope.items() if not kept or _is_left(kept, details))
    missing = frozenset(scope.split()) - held.keys()
    unmet = _unmet(first[32], first[33], first[34], now)
    reasons = (
        ("token_revoked", revoked is not None),
        ("token_expired", _is_over(expires, now)),
        ("family_ended", family_id is not None and family_ended is not None),
        ("consent_revoked", consent_gone[0] is not None),
        ("consent_superseded", consent_gone[1] is not None),
        ("consent_paused", consent_gone[2] is not None or _is_unanswered(consent_gone[3], now)),
        ("consent_ended", _is_over(ends, now) or not _is_over(starts, now)),
        ("credential_revoked", key_revoked is not None),
        ("client_ended", client_ended is not None),
        ("agent_not_active", state != State.ACTIVE),
        ("agent_ended", agent_ends is not None and _is_over(agent_ends, now)),
        ("owner_gone", not owner_active),
        ("person_deactivated", user_id is not None and not person_active),
        ("resource_ended", resource_ended is not None),
        ("not_bound", bool(first[40]) and not first[39]),
        ("nothing_left", not scopes),
        (unmet or "", unmet is not None),
    )
    refusal, stopped = next((reason for reason, holds in reasons if holds), ""), None
    if above is not None and refusal in {"", "nothing_left"}:
        refusal, stopped = _above(above, actors[0], refusal, missing, now)
    return Worth(
        token_id=known_id(token_id),
        scopes=scopes,
        refusal=refusal,
        expires=_time(expires),
        issued_at=_time(created),
        told_before=told is not None,
        user_id=as_id(user_id),
        audience_id=known_id(audience_id),
        audience_uri=uri,
        consent_id=known_id(consent_id),
        purpose=purpose,
        purpose_digest=purpose_digest,
        client_pk=known_id(client_pk),
        client_id=client_id,
        agent_id=known_id(agent_id),
        missing=missing,
        details=details,
        jkt=first[39],
        unseen_change=stop_event is not None or stopped is not None,
        acr=first[35],
        auth_time=as_time(first[36]),
        actors=actors,
        passing=passing,
        purpose_key=first[43],
        family_id=as_id(family_id),
        elsewhere=as_facts(first[44]),
        stopped_consent_id=stopped.consent_id if stopped else known_id(consent_id),
        stopped_agent_id=stopped.agent_id if stopped else known_id(agent_id),
    )


def _above(
    above: Chain, agent_id: uuid.UUID, refusal: str, missing: frozenset[str], now: datetime
) -> tuple[str, Hop | None]:
    """Return why it is worth nothing because of what it is derived from, and which of these to look at for that."""
    broken = above.broken()
    if broken is not None:
        return broken.refusal, broken
    if not above.allows(agent_id):
        return "passed_no_more", above.root
    beyond = above.unmet(now)
    if not refusal and beyond is not None:
        return beyond[1], beyond[0]
    return refusal, above.stopped_at(missing)


def _unmet(kept: Any, time_zone: str, environment: str, now: datetime) -> Unmet | None:
    """Return which of the consent's conditions is not met. Whence an agent calls, its resource does not tell us."""
    facts = as_facts(kept)
    conditions = conditions_from(facts) if facts else NONE
    return conditions.unmet(now, time_zone, environment=environment, address=None) if conditions else None


def _details(narrowed_to: Any, of_scope: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    held = [each for kept in of_scope.values() for each in kept]
    return still_granted(as_list(narrowed_to), held) if narrowed_to is not None else held


def _is_left(kept: list[dict[str, Any]], details: list[dict[str, Any]]) -> bool:
    types = {each["type"] for each in kept}
    return any(each["type"] in types for each in details)


def _is_unanswered(left_office_at: Any, now: datetime) -> bool:
    """Whether the administrator who answers for an organisation's consent left too long ago (``Consent.pauses_at``)."""
    return left_office_at is not None and _is_over(left_office_at, now - PAUSES_AFTER)


def _time(value: Any) -> datetime:
    moment = as_time(value)
    if moment is None:
        raise ValueError("a time that is never empty is empty")
    return moment


def _is_over(value: Any, now: datetime) -> bool:
    return _time(value) <= now
