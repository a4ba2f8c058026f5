"""The consent under which the result of an exchange stands: read where it is there, made or filled up where it is not."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from agents.actors import Actor, RequestFacts
from agents.database.statements import rows_of
from consent.errors import ConsentEnded
from consent.models import Consent
from consent.oauth.chain import Chain, HeldScope
from consent.oauth.client_authentication import ProvenClient
from consent.oauth.errors import OAuthRefusal, invalid_request
from consent.oauth.rows import as_id, as_moment, known_id
from consent.oauth.worth import Worth
from consent.passing_on.derived import take_over

NOT_GOOD = "The subject token is unknown, over, or not for this client: its consent does not name this agent."
SHARE_STATEMENT = """
    SELECT c.id, c.client_id, c.revoked_at, c.ends_at, c.purpose_digest, c.sensitive_use_told_at, cs.scope_id, cs.ended_at,
           c.parent_id
    FROM consent_consent c LEFT JOIN consent_consentscope cs ON cs.consent_id = c.id
    WHERE c.agent_id = %s AND c.parent_id IN ({above})
"""


@dataclass(frozen=True, slots=True)
class Share:
    """The consent under which the result stands. scopes: those that it holds.

    told: whether its person was told of the first use of something sensitive.
    """

    id: uuid.UUID
    ends_at: datetime
    purpose_digest: str
    scopes: frozenset[uuid.UUID]
    told: bool


def share_of(
    subject: Worth, chain: Chain, client: ProvenClient, now: datetime
) -> tuple[Share | None, frozenset[uuid.UUID]]:
    """Return what this client holds of the subject's consent so far, and what a person took away of that from its agent.

    Taken away or taken back from one client of an agent is so from all of them, and does not come again from those to whom
    the same work was passed on. Raises OAuthRefusal for taken back.
    """
    above = ", ".join(["%s"] * len(chain.hops))
    statement = SHARE_STATEMENT.format(above=above)
    rows = rows_of(statement, [client.agent_id, *(hop.consent_id for hop in chain.hops)])
    gone = next((row for row in rows if row[2] is not None or as_moment(row[3]) <= now), None)
    if gone is not None:
        consent = Consent.objects.get(pk=known_id(gone[0]))
        raise OAuthRefusal(
            "access_denied",
            "A person took back what was passed on to this agent.",
            reason_code="passed_no_more",
            consent=consent,
        )
    taken = frozenset(known_id(row[6]) for row in rows if row[6] is not None and row[7] is not None)
    mine = [row for row in rows if as_id(row[1]) == client.pk and as_id(row[8]) == subject.consent_id]
    if not mine:
        return None, taken
    pk, _, _, ends_at, purpose_digest, told, *_ = mine[0]
    there = frozenset(known_id(row[6]) for row in mine if row[6] is not None) - taken
    return Share(known_id(pk), as_moment(ends_at), purpose_digest, there, told is not None), taken


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
    return Share(consent.pk, consent.ends_at, consent.purpose_digest, scopes, told)
