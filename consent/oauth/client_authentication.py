"""Client authentication at the token endpoints (RFC 6749 §2.3, §3.2.1; RFC 9700 §2.5).

§2.3.1 client_secret_basic, client_secret_post   prove_client      what a request presents      presented.py
RFC 9700 §2.5: the method is registration state; what a request happens to present never chooses it.
private_key_jwt (RFC 7523) stands in a file of its own.
Left out: mutual TLS (RFC 8705).      Errors: invalid_client (401), invalid_request.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, TypedDict

from agents.actors import RequestFacts
from agents.addresses import page_address
from agents.credentials import digest_of_key, handle_of, proves
from agents.database.statements import rows_of
from agents.models import AuthMethod, State
from consent.oauth.errors import invalid_client
from consent.oauth.presented import Presented, presented
from consent.oauth.private_key_jwt import Signer, prove
from consent.oauth.rows import as_facts, as_id, as_list, as_time, known_id
from consent.observed import RefusedUse

NO_DIGEST = digest_of_key("no credential")


class Who(TypedDict):
    """What an event or a refusal says of a client."""

    client_id: uuid.UUID
    agent_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class ProvenClient:
    """A client that proved itself, or a public one that named itself. ``usable``: its agent may get tokens now."""

    pk: uuid.UUID
    client_id: str
    agent_id: uuid.UUID | None
    auth_method: str
    grant_types: frozenset[str]
    usable: bool
    require_dpop: bool = False
    credential_id: uuid.UUID | None = None
    unclaimed: bool = False
    """Whether it registered itself and belongs to no agent: it gets no token, and may ask people."""
    along: tuple[tuple[Any, ...], ...] | None = field(default=None, compare=False)
    """What was read for its grant in the same statement (``Along``). None: nothing was asked for along with it."""

    @property
    def is_public(self) -> bool:
        return self.auth_method == AuthMethod.NONE

    @property
    def who(self) -> Who:
        """What an event or a refusal says of it."""
        return {"client_id": self.pk, "agent_id": self.agent_id}

    def allows_grant_type(self, *grant_types: str) -> bool:
        return any({grant, grant.replace("-", "_")} & self.grant_types for grant in grant_types)


_CLIENT_AND_KEY = """
        SELECT c.id, c.client_id, c.auth_method, c.grant_types, c.ended_at, a.id, a.state, a.ends_at, u.is_active,
               c.require_dpop, c.personal_since, k.id, k.digest, k.starts_at, k.ends_at, k.revoked_at
        FROM {found}
        LEFT JOIN agents_agent a ON a.id = c.agent_id
        LEFT JOIN agents_ownership o ON o.agent_id = a.id AND o.role = 'owner' AND o.until IS NULL
        LEFT JOIN agents_user u ON u.id = o.user_id
        WHERE {which}
"""
CLIENT_WITH_CREDENTIAL = _CLIENT_AND_KEY.format(
    found="agents_client c LEFT JOIN agents_credential k ON k.client_id = c.id AND k.handle = %s",
    which="c.client_id = %s",
)
CLIENT_OF_KEY = _CLIENT_AND_KEY.format(
    found="agents_credential k JOIN agents_client c ON c.id = k.client_id", which="k.handle = %s"
)
"""The same for a key that comes alone. A handle belongs to one credential, whoever holds it."""


WHO = (
    "client_pk, client_id, auth_method, grant_types, client_ended_at, agent_id, state, agent_ends_at, owner_is_active, "
    "require_dpop, personal_since, key_id, digest, key_starts_at, key_ends_at, revoked_at"
)
"""Names for the columns above, where they are joined with more."""
COLUMNS = WHO.count(",") + 1


@dataclass(frozen=True, slots=True)
class Along:
    """What a grant asks of the database next, to be read in the same statement as the client: one round trip less.

    rows: a SELECT that may name the columns of ``WHO`` as ``who.…``; its first column is never empty. values: for its marks.
    It is read only where the digest of the secret is that of the client's key: whoever guesses learns nothing from how
    long that takes.
    """

    rows: str
    values: list[Any]

    def beside(self, client: str) -> str:
        """Return the statement for both. client: the one for the client alone."""
        return _beside(client, self.rows)


@lru_cache(maxsize=8)
def _beside(client: str, rows: str) -> str:
    return f"SELECT * FROM ({client}) AS who ({WHO}) LEFT JOIN LATERAL ({rows}) AS along ON who.digest = %s"  # noqa: S608 - statements of our own


CLIENT_WITH_PUBLIC_KEYS = """
        SELECT c.id, c.client_id, c.auth_method, c.grant_types, c.ended_at, a.id, a.state, a.ends_at, u.is_active,
               c.require_dpop, c.personal_since, k.id, k.digest, k.starts_at, k.ends_at, k.revoked_at, k.public_jwk,
               c.jwks_uri, c.older_reason
        FROM agents_client c
        LEFT JOIN agents_agent a ON a.id = c.agent_id
        LEFT JOIN agents_ownership o ON o.agent_id = a.id AND o.role = 'owner' AND o.until IS NULL
        LEFT JOIN agents_user u ON u.id = o.user_id
        LEFT JOIN agents_credential k ON k.client_id = c.id AND k.public_jwk IS NOT NULL AND k.revoked_at IS NULL
        WHERE c.client_id = %s
"""


def prove_client(
    authorization: str, form: Mapping[str, str], facts: RequestFacts, *, along: Along | None = None
) -> ProvenClient:
    """Return the client that this request proves (or, a public one, names). One query; for an assertion, which is used
    up by it, one statement more.

    Raises OAuthRefusal: 401 invalid_client alike for an unknown client, a wrong or ended secret and a method that is
    not the registered one; 400 invalid_request for two methods at once.
    """
    claim = presented(authorization, form)
    if claim.assertion:
        return _prove_by_assertion(claim, facts)
    handle = handle_of(claim.secret) or ""
    if len(claim.client_id) > 255 or "\0" in claim.client_id:
        raise invalid_client()
    statement, values = CLIENT_OF_KEY, [handle]
    if claim.client_id:
        statement, values = CLIENT_WITH_CREDENTIAL, [handle, claim.client_id]
    if along is not None:
        statement, values = along.beside(statement), [*values, *along.values, digest_of_key(claim.secret)]
    found = rows_of(statement, values)
    if not found:
        proves(claim.secret, NO_DIGEST)  # the same work as for a known client, so that time tells nothing
        raise invalid_client()
    row = found[0][:COLUMNS]
    beside = None if along is None else tuple(more[COLUMNS:] for more in found if more[COLUMNS] is not None)
    client = _client(row, facts.now, along=beside)
    if claim.method != client.auth_method:
        proves(claim.secret, NO_DIGEST)
        raise invalid_client(**client.who)
    if client.is_public:
        return client
    right = proves(claim.secret, row[12] or NO_DIGEST)
    if not right or client.credential_id is None:
        raise invalid_client(**client.who)
    return client


def _prove_by_assertion(claim: Presented, facts: RequestFacts) -> ProvenClient:
    """Return the client that signed the assertion. Raises OAuthRefusal."""
    if "\0" in claim.client_id:
        raise invalid_client()
    rows = rows_of(CLIENT_WITH_PUBLIC_KEYS, [claim.client_id])
    if not rows:
        raise invalid_client()
    client = _client(rows[0][:16], facts.now)
    if client.auth_method != AuthMethod.PRIVATE_KEY_JWT:
        raise invalid_client(**client.who)
    live = [row for row in rows if _is_live(list(row[11:16]), facts.now)]
    jwks_uri, older_reason = rows[0][17:19]
    signer = Signer(
        pk=client.pk,
        client_id=client.client_id,
        agent_id=client.agent_id,
        keys=tuple((known_id(row[11]), as_facts(row[16])) for row in live),
        jwks_uri=jwks_uri,
        older=bool(older_reason),
    )
    return replace(client, credential_id=prove(claim.assertion, signer, now=facts.now))


def _client(
    row: tuple[object, ...], now: datetime, *, along: tuple[tuple[Any, ...], ...] | None = None
) -> ProvenClient:
    (
        pk,
        client_id,
        method,
        grants,
        ended_at,
        agent_id,
        state,
        agent_end,
        owner_active,
        demands,
        personal,
        *credential,
    ) = row
    agent_ends = as_time(agent_end)
    active = state == State.ACTIVE and bool(owner_active) and (agent_ends is None or agent_ends > now)
    # One that serves personal agents acts for those too: for which, and whether that may, its consents say. It goes on so
    # after it was adopted, whatever becomes of the agent that adopted it.
    usable = ended_at is None and ((agent_id is not None and active) or personal is not None)
    return ProvenClient(
        pk=known_id(pk),
        client_id=str(client_id),
        agent_id=as_id(agent_id),
        auth_method=str(method),
        grant_types=frozenset(as_list(grants)),
        usable=usable,
        require_dpop=bool(demands),
        unclaimed=ended_at is None and agent_id is None,
        credential_id=as_id(credential[0]) if _is_live(credential, now) else None,
        along=along,
    )


def _is_live(credential: list[object], now: datetime) -> bool:
    """The SQL row's form of ``Credential.is_live``; a test holds the two together."""
    key_id, _, starts_at, ends_at, revoked_at = credential
    if key_id is None or revoked_at is not None:
        return False
    starts, ends = as_time(starts_at), as_time(ends_at)
    return starts is not None and starts <= now and (ends is None or ends > now)


def require_usable(client: ProvenClient) -> None:
    """Raise OAuthRefusal (401 invalid_client) unless the client's agent may get tokens now. Asked by every flow."""
    if not client.usable:
        public = client.is_public or client.agent_id is None
        where = "Its page in Mandate says more." if public else f"Its page: {page_address('agent', client.agent_id)}"
        refusal = invalid_client(
            f"The agent of this client is not active, has ended or has no owner. {where}",
            **client.who,
            reason_code="agent_not_usable",
        )
        refusal.met = RefusedUse(agent_id=client.agent_id)
        raise refusal
