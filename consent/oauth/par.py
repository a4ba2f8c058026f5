"""Pushed authorization requests (RFC 9126): what is asked goes to Mandate directly, and the browser carries a reference.

§2.1 the request, from a proven client          par             §4 the reference at the authorization endpoint   read
§2.2 request_uri (60 s), expires_in             push            §5 a client that must push    authorization.check_pushed
§2.3 errors, as JSON                            _checked        §7.3 used up by the decision, never by a look    read

Beside a reference nothing else of an address counts (RFC 9101 §6.3). Whoever opens it within its 60 seconds gets half an
hour to sign in, read and decide: a signed mark in the address says so, since a look stores nothing and uses nothing up.
Left out: request objects (§3), redirect URIs that are not registered (§2.4).
Errors: what the authorization endpoint and client authentication refuse; invalid_request_uri, on a page.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.core import signing
from django.http import HttpResponse

from agents.actors import RequestFacts
from agents.models import Client, User
from agents.trail.kinds import Kind
from agents.trail.record import text_digest
from agents.trail.refusals import source_of
from consent.models import PushedRequest
from consent.models.token import digest_of
from consent.oauth.authorization import (
    LONGEST_VALUE,
    PARAMETERS,
    AuthorizationRequest,
    check_before_adoption,
    read_request,
)
from consent.oauth.authorization_reading import AuthorizationRefused, Sent
from consent.oauth.client_authentication import ProvenClient, prove_client, require_usable
from consent.oauth.dpop import NOT_BOUND, binding_of, invalid_proof
from consent.oauth.endpoint import Asked, endpoint
from consent.oauth.errors import OAuthRefusal, invalid_request, json_response

PATH = "/oauth/par"
PREFIX = "urn:ietf:params:oauth:request_uri:"
LIFE = timedelta(seconds=60)
"""How soon a browser must come with the reference."""
OPEN_FOR = timedelta(minutes=30)
"""How long whoever came in time may take to sign in, read and decide."""
OPENED = "opened"
"""Our own parameter beside a reference: that a browser came in time, signed."""
MOST_WAITING = 100
"""References of one client and address that wait at a time: anybody can name a public client, and register one. A server
that proved itself pushes for all of its people from one address."""
_SAID_DIFFERENTLY = {"unknown_client", "client_not_usable", "invalid_redirect_uri"}
"""Our words for what RFC 9126 §2.3 calls invalid_request."""


@endpoint(Kind.AUTHORIZATION_REFUSED)
def par(asked: Asked) -> HttpResponse:
    """Take one pushed request (§2.1)."""
    client = prove_client(asked.authorization, asked.form, asked.facts)
    if not client.unclaimed:
        require_usable(client)
    sent: Sent = {name: list(values) for name, values in asked.form.lists() if name in PARAMETERS}
    try:
        binding = binding_of(asked.dpop, PATH, client, now=asked.facts.now) if asked.dpop else NOT_BOUND
        sent = _with_key(sent, binding.jkt)
        return json_response(push(client, sent, asked.facts), status=201)
    except OAuthRefusal as refusal:
        refusal.client_id, refusal.agent_id = client.pk, client.agent_id
        raise


def _with_key(sent: Sent, jkt: str) -> Sent:
    """RFC 9449 §10.1: a proof with the push binds the code as ``dpop_jkt`` does, and must be of the same key."""
    named = (sent.get("dpop_jkt") or [""])[0]
    if jkt and named not in {"", jkt}:
        raise invalid_proof("The key of the DPoP proof is another one than dpop_jkt names.")
    return {**sent, "dpop_jkt": [jkt]} if jkt else sent


def push(client: ProvenClient, sent: Sent, facts: RequestFacts) -> dict[str, Any]:
    """Keep a request that could be shown, and return its reference (§2.2). Raises OAuthRefusal."""
    kept = {**sent, "client_id": [client.client_id]}
    _checked(kept, facts.now, tells=not client.is_public, unclaimed=client.unclaimed)
    source = text_digest("pushed-request", source_of(facts.address), None)
    if client.is_public or client.unclaimed:
        _must_not_flood(client, source, facts.now)
    reference = PREFIX + secrets.token_urlsafe(32)
    PushedRequest.objects.create(
        digest=digest_of(reference),
        client_id=client.pk,
        sent={name: list(values) for name, values in kept.items()},
        source=source,
        created_at=facts.now,
        expires_at=facts.now + LIFE,
    )
    return {"request_uri": reference, "expires_in": int(LIFE.total_seconds())}


def _must_not_flood(client: ProvenClient, source: str, now: datetime) -> None:
    waiting = PushedRequest.objects.filter(client_id=client.pk, source=source, expires_at__gt=now)
    if waiting.count() >= MOST_WAITING:
        raise OAuthRefusal(
            "slow_down", "Too many requests of this client wait to be opened.", status=429, retry_after=60
        )


def _checked(sent: Sent, now: datetime, *, tells: bool, unclaimed: bool) -> None:
    if any(sent.get("request_uri") or []):
        raise invalid_request("A pushed request holds the parameters themselves, and no request_uri.")
    try:
        if unclaimed:
            check_before_adoption(sent, now=now)
        else:
            read_request(sent, now=now, tells=tells, pushed=True)
    except AuthorizationRefused as refusal:
        code = "invalid_request" if refusal.code in _SAID_DIFFERENTLY else refusal.code
        raise OAuthRefusal(code, refusal.description, reason_code=refusal.code) from refusal


def read(
    sent: Sent, *, now: datetime, tells: bool = False, decided_too: bool = False, person: User | None = None
) -> AuthorizationRequest:
    """Return the checked request of an address: what it says itself, or what its reference stands for (§4).

    decided_too: also one that was decided, for a form that comes again and is told so. Raises AuthorizationRefused.
    """
    reference = (sent.get("request_uri") or [""])[0]
    if not reference.startswith(PREFIX):
        return read_request(sent, now=now, tells=tells, person=person)
    named = Client.objects.filter(client_id=_client_id(sent)).first()
    row = PushedRequest.objects.filter(digest=digest_of(reference), client=named).first() if named else None
    mark = _mark_of(sent, row)
    if row is None or not (mark or row.expires_at > now) or (row.decided_at is not None and not decided_too):
        raise AuthorizationRefused(
            "invalid_request_uri", "The request_uri is unknown, over, used, or another client's.", client=named
        )
    asked = read_request(row.sent, now=now, tells=tells, pushed=True, person=person)
    address = {
        "client_id": [asked.client.client_id],
        "request_uri": [reference],
        OPENED: [mark or signing.dumps(str(row.pk), salt=OPENED)],
    }
    return replace(asked, sent=address, pushed=row.pk)


def was_opened(sent: Sent, asked: AuthorizationRequest) -> bool:
    """Whether the address says already that a browser came in time, as far as it has a reference."""
    return asked.pushed is None or sent.get(OPENED) == asked.sent[OPENED]


def _client_id(sent: Sent) -> str:
    """Return the client that the address names beside a reference: once, and as text."""
    one_each = all(len(sent.get(name) or []) < 2 for name in ("client_id", "request_uri", "request", OPENED))
    client_id = (sent.get("client_id") or [""])[0]
    if not one_each or any(sent.get("request") or []):
        raise AuthorizationRefused("invalid_request", "Beside request_uri stands client_id alone, each once.")
    if not client_id or "\0" in client_id or len(client_id) > LONGEST_VALUE:
        raise AuthorizationRefused("invalid_request", "client_id is missing or is no text.")
    return client_id


def _mark_of(sent: Sent, row: PushedRequest | None) -> str:
    """Return the mark of the address if we made it for this request not too long ago."""
    mark = (sent.get(OPENED) or [""])[0]
    try:
        right = row is not None and signing.loads(mark, salt=OPENED, max_age=OPEN_FOR) == str(row.pk)
    except (signing.BadSignature, ValueError):
        return ""
    return mark if right else ""
