"""How OAuth endpoints answer: RFC 6749 §5.2 errors, and the refusal that goes into the trail.

A domain error becomes an OAuth error here and nowhere else. Codes are the specifications' own.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import Any

import structlog
from django.db import Error as DatabaseFault
from django.http import HttpResponse
from oauthlib.oauth2.rfc6749 import errors as oauthlib_errors

from agents.actors import Actor, RequestFacts
from agents.trail.kinds import Kind
from agents.trail.refusals import record_refusal
from consent.errors import TokenRefused
from consent.models import Consent
from consent.observed import RefusedUse

log = structlog.get_logger(__name__)
NOT_KEPT = {"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"}
NOT_IN_DESCRIPTION = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")
"""What RFC 6749 §5.2 does not allow in ``error_description``."""


class OAuthRefusal(TokenRefused):
    """An OAuth error with what is known of who asked, so that the border can record it.

    told: the event of a penalty (a code used twice, a replayed refresh token) tells of it already.
    consent: under which it was asked, once that is proven to be the client's. reason_code: for the event, where it says
    more than the error code. dpop_nonce: what the next proof must hold (RFC 9449 §8). met: what was asked for in vain
    because somebody took it away (``consent/observed.py``).
    """

    def __init__(
        self,
        code: str,
        description: str,
        *,
        status: int = 400,
        client_id: uuid.UUID | None = None,
        agent_id: uuid.UUID | None = None,
        retry_after: int | None = None,
        told: bool = False,
        consent: Consent | None = None,
        reason_code: str = "",
        met: RefusedUse | None = None,
        dpop_nonce: str = "",
    ) -> None:
        super().__init__(code, description, status=status)
        self.consent = consent
        self.reason_code = reason_code or code
        self.client_id = client_id
        self.agent_id = agent_id
        self.retry_after = retry_after
        self.told = told
        self.met = met
        self.dpop_nonce = dpop_nonce


def invalid_client(
    description: str = "The client is unknown, or it did not prove itself.",
    *,
    client_id: uuid.UUID | None = None,
    agent_id: uuid.UUID | None = None,
    reason_code: str = "",
) -> OAuthRefusal:
    """Client authentication failed. Unknown client and wrong secret are told alike."""
    return OAuthRefusal(
        "invalid_client", description, status=401, client_id=client_id, agent_id=agent_id, reason_code=reason_code
    )


def invalid_request(
    description: str, *, client_id: uuid.UUID | None = None, agent_id: uuid.UUID | None = None
) -> OAuthRefusal:
    """A parameter is missing, doubled or malformed."""
    return OAuthRefusal("invalid_request", description, client_id=client_id, agent_id=agent_id)


def from_oauthlib(error: oauthlib_errors.OAuth2Error) -> OAuthRefusal:
    """Return the refusal that an error of oauthlib stands for."""
    description = error.description or DESCRIPTIONS.get(error.error, "The request was refused.")
    return OAuthRefusal(error.error, description, status=error.status_code)


DESCRIPTIONS = {
    "invalid_grant": "The code or refresh token is unknown, used, over, or belongs to another client.",
    "invalid_scope": "A scope was asked for that is not allowed here.",
    "unauthorized_client": "The client is not registered for this grant type.",
    "unsupported_grant_type": "This way of getting a token is not offered. The server metadata lists those that are.",
    "invalid_client": "The client is unknown, or it did not prove itself.",
}


def unavailable(problem: DatabaseFault) -> HttpResponse:
    """Return 503 for a database that cannot answer now. Whatever was half-done has rolled back (security.md F1, F8).

    The log keeps why: a client cannot tell an engine that is away from a fault of ours, and an operator has to.
    """
    log.warning("database_did_not_answer", exc_info=problem)
    return error_response(OAuthRefusal("server_error", "Try again in a moment.", status=503, retry_after=1))


def error_response(refusal: OAuthRefusal) -> HttpResponse:
    """Return the JSON answer of RFC 6749 §5.2."""
    body = {"error": refusal.code, "error_description": NOT_IN_DESCRIPTION.sub("", refusal.description)}
    response = json_response(body, status=refusal.status)
    if refusal.status == 401:
        response["WWW-Authenticate"] = 'Basic realm="Mandate", charset="UTF-8"'
    if refusal.dpop_nonce:
        response["DPoP-Nonce"] = refusal.dpop_nonce
    if refusal.retry_after is not None:
        response["Retry-After"] = str(refusal.retry_after)
    return response


def json_response(body: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """Return a JSON answer that nobody keeps (RFC 6749 §5.1)."""
    return HttpResponse(json.dumps(body).encode(), status=status, headers=NOT_KEPT)


def refuse(kind: Kind, refusal: OAuthRefusal, facts: RequestFacts, **event: Any) -> HttpResponse:
    """Record a refusal in a transaction of its own and return its answer."""
    if refusal.told:
        return error_response(refusal)
    under: dict[str, Any] = {}
    if refusal.consent is not None:
        under = {
            "consent_id": refusal.consent.pk,
            "user_id": refusal.consent.user_id,
            "purpose_digest": refusal.consent.purpose_digest,
        }
    record_refusal(
        kind,
        reason_code=refusal.reason_code,
        reason=refusal.description,
        # Who did not prove to be the client is not the client: the event says whom they named, and from where.
        by=Actor.client(None if refusal.reason_code == "invalid_client" else refusal.client_id, facts),
        now=facts.now,
        client_id=refusal.client_id,
        agent_id=refusal.agent_id,
        **under,
        **event,
    )
    return error_response(refusal)


def refuse_method(kind: Kind, facts: RequestFacts) -> HttpResponse:
    """Record and return 405 for a method that the specification does not have here: these endpoints know POST alone."""
    refusal = OAuthRefusal("invalid_request", "Use POST with a form-encoded body.", status=405)
    response = refuse(kind, refusal, facts)
    response["Allow"] = "POST"
    return response
