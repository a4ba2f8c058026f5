"""Token introspection (RFC 7662): what a token is worth now, for the resource it was issued for.

§2.1 the caller authenticates, as the resource      prove_resource      §2.2 the answer            live_answer
§2.2 everything that is not worth anything here     ``{"active": false}`` and nothing else      §4 another's audience
Beside the registered members it returns ``act`` and ``may_act`` (RFC 8693 §4.1, §4.4), ``acr`` and ``auth_time`` (RFC 9470
§6), ``purpose`` and ``consent``, and ``cnf`` for a token that is bound to a key (RFC 9449 §6.2): the resource then asks for
the proof.
Left out: GET, since a token in an address is a token in a log. Introspection of refresh tokens: no resource has one.

An introspection is an event only at the first inactive answer for a token, and when the wrong resource asks.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpResponse

from agents.actors import Actor, RequestFacts
from agents.last_use import note_use_if_possible
from agents.trail.kinds import Kind
from agents.trail.models import Outcome
from agents.trail.record import record
from agents.trail.refusals import record_refusal
from consent.models import AccessToken
from consent.oauth.access_token import authentication
from consent.oauth.authorization_details import as_answer
from consent.oauth.chain import act_of, may_act_of
from consent.oauth.endpoint import Asked, endpoint
from consent.oauth.errors import (
    invalid_request,
    json_response,
)
from consent.oauth.parameters import LARGEST_BODY
from consent.oauth.resource_authentication import ProvenResource, prove_resource
from consent.oauth.worth import Worth, worth_of
from consent.observed import BY_AGENT, BY_CONSENT, WORTH_LESS, RefusedUse, observe, observe_apart

INACTIVE: dict[str, Any] = {"active": False}


@endpoint(Kind.INTROSPECTION_REFUSED, longest=LARGEST_BODY)
def introspect(asked: Asked) -> HttpResponse:
    """Answer one introspection request."""
    resource = prove_resource(asked.authorization, asked.facts.now)
    presented = asked.form.get("token")
    if not presented:
        raise invalid_request("The token is missing.")
    return json_response(_answer(presented, resource, asked.facts))


def _answer(presented: str, resource: ProvenResource, facts: RequestFacts) -> dict[str, Any]:
    worth = worth_of(presented, facts.now)
    if worth is None:
        return INACTIVE
    if worth.audience_id != resource.pk:
        _tell_wrong_resource(worth, resource, facts)
        return INACTIVE
    if not worth.is_live:
        _tell_first_inactive(worth, resource, facts)
        return INACTIVE
    note_use_if_possible([worth.consent_id, resource.credential_id], facts.now)
    if worth.unseen_change and worth.missing:
        by = Actor.resource(resource.pk, facts)
        observe_apart(_met(worth, resource), refusal=WORTH_LESS, by=by, now=facts.now)
    return live_answer(worth)


def live_answer(worth: Worth) -> dict[str, Any]:
    """Return the members of RFC 7662 §2.2 for a live token, with its scopes of this moment."""
    answer: dict[str, Any] = {
        "active": True,
        "scope": " ".join(worth.scopes),
        "client_id": worth.client_id,
        "token_type": "DPoP" if worth.jkt else "Bearer",
        "exp": int(worth.expires.timestamp()),
        "iat": int(worth.issued_at.timestamp()),
        "sub": str(worth.user_id or worth.agent_id),
        "aud": worth.audience_uri,
        "iss": settings.ISSUER,
        "jti": str(worth.token_id),
        "purpose": worth.purpose,
        "consent": str(worth.consent_id),
    }
    if worth.details:
        answer["authorization_details"] = as_answer(worth.details)
    if worth.user_id is not None:
        answer["act"] = act_of(worth.actors)
        answer |= may_act_of(worth.passing, worth.actors)
        answer |= authentication(worth.acr, worth.auth_time)
    if worth.jkt:
        answer["cnf"] = {"jkt": worth.jkt}
    return answer


def _facts_of(worth: Worth) -> dict[str, Any]:
    return {
        "user_id": worth.user_id,
        "agent_id": worth.agent_id,
        "client_id": worth.client_pk,
        "consent_id": worth.consent_id,
        "token_id": worth.token_id,
        "purpose_digest": worth.purpose_digest,
    }


def _tell_first_inactive(worth: Worth, resource: ProvenResource, facts: RequestFacts) -> None:
    """Record the first refused use of a token. Whoever marks the row tells it."""
    if worth.told_before:
        # Its first refusal was for something else, and it counted again since.
        if worth.unseen_change and worth.refusal in BY_CONSENT | BY_AGENT:
            by = Actor.resource(resource.pk, facts)
            observe_apart(_met(worth, resource), refusal=worth.refusal, by=by, now=facts.now)
        return
    with transaction.atomic(durable=True):
        if AccessToken.objects.filter(pk=worth.token_id, refused_at=None).update(refused_at=facts.now):
            record(
                Kind.INTROSPECTION_INACTIVE,
                by=Actor.resource(resource.pk, facts),
                now=facts.now,
                outcome=Outcome.REFUSED,
                reason_code=worth.refusal,
                resource_id=resource.pk,
                **_facts_of(worth),
            )
            _observe(worth, resource, facts)


def _observe(worth: Worth, resource: ProvenResource, facts: RequestFacts) -> None:
    """Note that a change was seen to count here, where this refusal is the first that it led to."""
    if worth.refusal in BY_CONSENT | BY_AGENT:
        observe(_met(worth, resource), refusal=worth.refusal, by=Actor.resource(resource.pk, facts), now=facts.now)


def _met(worth: Worth, resource: ProvenResource) -> RefusedUse:
    return RefusedUse(
        agent_id=worth.stopped_agent_id,
        consent_id=None if worth.refusal in BY_AGENT else worth.stopped_consent_id,
        token_id=worth.token_id,
        resource_id=resource.pk,
        missing=worth.missing,
    )


def _tell_wrong_resource(worth: Worth, resource: ProvenResource, facts: RequestFacts) -> None:
    record_refusal(
        Kind.INTROSPECTION_REFUSED,
        reason_code="wrong_audience",
        by=Actor.resource(resource.pk, facts),
        now=facts.now,
        resource_id=resource.pk,
        **_facts_of(worth),
    )
