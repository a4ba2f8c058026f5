"""Token revocation (RFC 7009): a client gives back a token of its own.

§2.1 the client authenticates; another's token stays untouched    revoke      §2.2 unknown tokens are 200 as well
§2.1 an access or refresh token of a family takes the whole family with it; the hint is only a hint. What another agent
took over by exchange (RFC 8693) goes alone: it must not end the work of whoever passed it on.
Left out: GET.      Errors: invalid_client, invalid_request.
"""

from __future__ import annotations

import uuid

from django.db import transaction
from django.http import HttpResponse

from agents.actors import Actor, RequestFacts
from agents.trail.kinds import Kind
from agents.trail.record import record
from consent.models import AccessToken, Consent, RefreshToken, TokenFamily
from consent.models.token import digest_of
from consent.oauth.access_token import TYP
from consent.oauth.client_authentication import ProvenClient, prove_client
from consent.oauth.endpoint import Asked, endpoint
from consent.oauth.errors import invalid_request
from consent.oauth.parameters import LARGEST_BODY
from consent.oauth.signing_keys import verified_claims


@endpoint(Kind.REVOCATION_REFUSED, longest=LARGEST_BODY)
def revoke_token(asked: Asked) -> HttpResponse:
    """Answer one revocation request."""
    client = prove_client(asked.authorization, asked.form, asked.facts)
    presented = asked.form.get("token")
    if not presented:
        raise invalid_request("The token is missing.", **client.who)
    revoke(presented, client=client, facts=asked.facts)
    return HttpResponse(status=200, headers={"Cache-Control": "no-store"})


@transaction.atomic
def revoke(presented: str, *, client: ProvenClient, facts: RequestFacts) -> bool:
    """End a token of this client, and the family it belongs to. Returns whether there was one.

    Works for a client whose agent is suspended too: giving back is never refused. Records ``token.revoked``.
    """
    access = _access_token(presented, client, facts)
    refresh = None
    if access is None:
        refresh = (
            RefreshToken.objects.select_related("family")
            .filter(token_checksum=digest_of(presented), application_id=client.pk)
            .first()
        )
    if access is not None:
        family_id, consent_id = access.family_id, access.consent_id
    elif refresh is not None:
        family_id, consent_id = refresh.family_id, refresh.family.consent_id
    else:
        return False
    if _end(access, family_id, client, facts):
        consent = Consent.objects.get(pk=consent_id)
        record(
            Kind.TOKEN_REVOKED,
            by=Actor.client(client.pk, facts),
            now=facts.now,
            user_id=consent.user_id,
            agent_id=consent.agent_id,
            client_id=client.pk,
            consent_id=consent.pk,
            token_id=access.pk if access is not None else None,
            purpose_digest=consent.purpose_digest,
            hint="access_token" if access is not None else "refresh_token",
        )
    return True


def _access_token(presented: str, client: ProvenClient, facts: RequestFacts) -> AccessToken | None:
    own = AccessToken.objects.filter(application_id=client.pk)
    if presented.count(".") != 2:
        return own.filter(token_checksum=digest_of(presented)).first()
    claims = verified_claims(presented, typ=TYP, now=facts.now)
    try:
        return own.filter(pk=uuid.UUID(str((claims or {}).get("jti")))).first()
    except ValueError:
        return None


def _end(access: AccessToken | None, family_id: uuid.UUID | None, client: ProvenClient, facts: RequestFacts) -> bool:
    changed = 0
    if family_id is not None:
        changed += TokenFamily.objects.filter(pk=family_id, client_id=client.pk, ended_at=None).update(
            ended_at=facts.now, ended_because="revoked_by_client"
        )
    if access is not None:
        changed += AccessToken.objects.filter(pk=access.pk, revoked_at=None).update(revoked_at=facts.now)
    return bool(changed)
