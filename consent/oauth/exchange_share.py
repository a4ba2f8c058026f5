"""The consent under which the result of an exchange stands: read where it is there, made or filled up where it is not."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from agents.actors import Actor, RequestFacts
from agents.statements import rows_of
from consent.derived import take_over
from consent.errors import ConsentEnded
from consent.models import Consent
from consent.oauth.chain import Chain, HeldScope
from consent.oauth.client_authentication import ProvenClient
from consent.oauth.errors import OAuthRefusal, invalid_request
from consent.oauth.rows import as_id, as_moment, known_id
from consent.oauth.worth import Worth

NOT_GOOD = "The subject token is unknown, over, or not for this client: its consent does not name this agent."
SHARE_STATEMENT = """
    SELECT c.id, c.client_id, c.revoked_at, c.ends_at, c.purpose_digest, c.sensitive_use_told_at, cs.scope_id, cs.ended_at
    FROM consent_consent c LEFT JOIN consent_consentscope cs ON cs.consent_id = c.id
    WHERE c.parent_id = %s AND c.agent_id = %s
"""


@dataclass(frozen=True, slots=True)
class Share:
    """The consent under which the result stands. scopes: those that it holds; taken: those that a person took away.

    told: whether its person was told of the first use of something sensitive.
    """

    id: uuid.UUID
    ends_at: datetime
    purpose_digest: str
    scopes: frozenset[uuid.UUID]
    taken: frozenset[uuid.UUID]
    told: bool


def share_of(subject: Worth, client: ProvenClient, now: datetime) -> Share | None:
    """Return what this client holds of the subject's consent so far. Raises OAuthRefusal where that was taken back.

    Taken back from one client of an agent is taken back from all of them.
    """
    rows = rows_of(SHARE_STATEMENT, [subject.consent_id, client.agent_id])
    if any(row[2] is not None or as_moment(row[3]) <= now for row in rows):
        consent = Consent.objects.get(pk=known_id(rows[0][0]))
        raise OAuthRefusal(
            "access_denied",
            "A person took back what was passed on to this agent.",
            reason_code="passed_no_more",
            consent=consent,
        )
    mine = [row for row in rows if as_id(row[1]) == client.pk]
    if not mine:
        return None
    taken = {known_id(row[6]) for row in mine if row[6] is not None and row[7] is not None}
    there = {known_id(row[6]) for row in mine if row[6] is not None} - taken
    return Share(
        known_id(mine[0][0]),
        as_moment(mine[0][3]),
        mine[0][4],
        frozenset(there),
        frozenset(taken),
        mine[0][5] is not None,
    )


def holding(
    share: Share | None,
    subject: Worth,
    chain: Chain,
    client: ProvenClient,
    wanted: dict[str, HeldScope],
    by: Actor,
    facts: RequestFacts,
) -> Share:
    """Return the share with all that is wanted in it, made or filled up where it has to be. Raises OAuthRefusal."""
    scopes = frozenset(scope.id for scope in wanted.values())
    if share is not None and scopes <= share.scopes:
        return share
    try:
        consent = take_over(
            subject.consent_id, client_id=client.pk, scopes=scopes, ends_at=chain.ends_at, by=by, now=facts.now
        )
    except ConsentEnded as ended:
        raise invalid_request(NOT_GOOD) from ended
    told = consent.sensitive_use_told_at is not None
    return Share(consent.pk, consent.ends_at, consent.purpose_digest, scopes, frozenset(), told)
