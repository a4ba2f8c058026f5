"""Authorization codes (RFC 6749 §4.1.2): 256 random bits, 60 seconds, bound to client, redirect, challenge and consent."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from agents.actors import Actor
from agents.models import Client, User
from agents.trail.kinds import Kind
from agents.trail.record import record
from consent.models import AuthorizationCode, Consent
from consent.models.token import digest_of

CODE_LIFE = timedelta(seconds=60)


@transaction.atomic
def issue(
    consent: Consent,
    *,
    client: Client,
    user: User,
    redirect_uri: str,
    code_challenge: str,
    requested: Iterable[tuple[str, str]],
    by: Actor,
    now: datetime,
    nonce: str = "",
    dpop_jkt: str = "",
) -> str:
    """Issue a code under this consent and return it. It is in the answer and nowhere else: the row keeps its digest.

    code_challenge: by S256. requested: the pairs (resource id, scope name) that the client asked for, ticked or not.
    dpop_jkt: the thumbprint of the key that must redeem it, if the client named one.
    Records ``code.issued``.
    """
    code = secrets.token_urlsafe(32)
    pairs = [[str(resource_id), name] for resource_id, name in requested]
    names = sorted({name for _, name in pairs})
    AuthorizationCode.objects.create(
        code=digest_of(code),
        user=user,
        application=client,
        consent=consent,
        expires=now + CODE_LIFE,
        redirect_uri=redirect_uri,
        scope=" ".join(names),
        code_challenge=code_challenge,
        code_challenge_method="S256",
        nonce=nonce,
        dpop_jkt=dpop_jkt,
        requested=pairs,
    )
    record(
        Kind.CODE_ISSUED,
        by=by,
        now=now,
        agent_id=consent.agent_id,
        client_id=client.pk,
        consent_id=consent.pk,
        user_id=user.pk,
        scopes=names,
        purpose_digest=consent.purpose_digest,
    )
    return code
