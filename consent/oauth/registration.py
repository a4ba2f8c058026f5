"""Dynamic client registration (RFC 7591): a program makes itself a client, which nobody has adopted yet.

§3 initial access token, by policy      _token          §3.1 what is asked for, as JSON     read_body
§2 what a client may say of itself      agents/programs/registration.py   §3.2.1 the answer  answer
§3.2.2 errors: invalid_redirect_uri, invalid_client_metadata; of tokens RFC 6750 §3.1      register
§5 no token before somebody adopts it   agents/programs/personal.py, adoption.py; limits for each source and altogether

Administrators decide whether it is open, takes a token, or is off: then there is no such address, and the metadata names none.
Managing a registration: ``registration_management.py``. Left out: software statements (§2.3), which nobody here vouches for;
``logo_uri`` and ``contacts``, which nobody reads.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseFault
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt

from agents.actors import Actor, RequestFacts, facts_of
from agents.credentials import digest_of_key
from agents.details.strict_json import NotStrict, strictly
from agents.errors import InvalidInput
from agents.models import Client, Registration, RegistrationToken
from agents.programs import self_registered
from agents.programs.registration import BadMetadata, read_claims
from agents.programs.self_registered import TooManyRegistrations, registration_policy
from agents.trail.kinds import Kind
from consent.oauth.errors import OAuthRefusal, json_response, refuse, unavailable

LARGEST_BODY = 32_000
DEEPEST = 8
ONCE = ("client_secret", "registration_access_token")
"""What is in this answer and nowhere else."""


@csrf_exempt
@login_not_required
def register(request: HttpRequest) -> HttpResponse:
    """Answer one registration request (§3)."""
    facts = facts_of(request)
    try:
        policy = registration_policy()
        if policy == Registration.OFF:
            return HttpResponse(status=404, headers={"Cache-Control": "no-store"})
        if request.method != "POST":
            return _method_not_allowed(facts)
        return json_response(_register(request, policy, facts), status=201)
    except OAuthRefusal as refusal:
        return refused(refusal, facts)
    except DatabaseFault as problem:
        return unavailable(problem)


def _register(request: HttpRequest, policy: str, facts: RequestFacts) -> dict[str, Any]:
    token = _token(request, facts)
    if token is None and policy == Registration.TOKEN:
        raise invalid_token("Registering takes an initial access token. An administrator makes one.")
    body = read_body(request)
    try:
        registered = self_registered.register(
            read_claims(body), token=token, by=Actor.client(None, facts), now=facts.now
        )
    except BadMetadata as problem:
        raise OAuthRefusal(problem.code, str(problem)) from problem
    except InvalidInput as problem:
        raise OAuthRefusal("invalid_client_metadata", "jwks holds a key that some client has already.") from problem
    except TooManyRegistrations as problem:
        raise too_many(problem, "Too many clients registered from this address. Try again later.") from problem
    said = answer(registered.client)
    if registered.secret:
        said |= {"client_secret": registered.secret, "client_secret_expires_at": 0}
    return said | {"registration_access_token": registered.management_token}


def answer(client: Client) -> dict[str, Any]:
    """Return a registration as its client reads it (§3.2.1, RFC 7592 §3)."""
    said: dict[str, Any] = {
        "client_id": client.client_id,
        "client_id_issued_at": int(client.created.timestamp()),
        "registration_client_uri": settings.ISSUER + reverse("registration-management", args=[client.client_id]),
        "redirect_uris": client.redirect_uris.split(),
        "token_endpoint_auth_method": str(client.auth_method),
        "grant_types": list(client.grant_types),
        "response_types": ["code"],
        **client.registered_metadata,
    }
    if client.name:
        said["client_name"] = client.name
    if client.jwks_uri:
        said["jwks_uri"] = client.jwks_uri
    elif client.signs:
        keys = client.credentials.filter(public_jwk__isnull=False, revoked_at=None).order_by("pk")
        said["jwks"] = {"keys": [key.public_jwk for key in keys]}
    for name, wanted in (
        ("require_pushed_authorization_requests", client.require_par),
        ("dpop_bound_access_tokens", client.require_dpop),
    ):
        if wanted:
            said[name] = True
    return said


def read_body(request: HttpRequest) -> dict[str, Any]:
    """Return the JSON object that was sent. Raises OAuthRefusal invalid_client_metadata."""
    if request.content_type != "application/json":
        raise OAuthRefusal("invalid_client_metadata", "The body must be application/json.")
    if request.META.get("QUERY_STRING"):
        raise OAuthRefusal("invalid_client_metadata", "What is registered belongs into the body.")
    try:
        body = request.read(LARGEST_BODY + 1)
        if len(body) > LARGEST_BODY:
            raise OAuthRefusal("invalid_client_metadata", f"The body has at most {LARGEST_BODY} bytes.")
        said = strictly(body.decode("utf-8"), deepest=DEEPEST)
    except (NotStrict, UnicodeDecodeError, OSError) as problem:
        raise OAuthRefusal("invalid_client_metadata", "The body is no JSON that can be read.") from problem
    if not isinstance(said, dict):
        raise OAuthRefusal("invalid_client_metadata", "The body is no JSON object.")
    return said


def bearer_of(request: HttpRequest) -> str:
    """Return the token of the Authorization header, or nothing. Raises OAuthRefusal for another scheme."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if not scheme:
        return ""
    if scheme.lower() != "bearer" or not value.strip():
        raise invalid_token("The token comes as Authorization: Bearer.")
    return value.strip()


def _token(request: HttpRequest, facts: RequestFacts) -> RegistrationToken | None:
    """Return the initial access token of the request. Raises OAuthRefusal for one that does not count."""
    presented = bearer_of(request)
    if not presented:
        return None
    token = RegistrationToken.objects.live(facts.now).filter(digest=digest_of_key(presented)).first()
    if token is None:
        raise invalid_token("This initial access token is unknown, revoked or over.")
    return token


def too_many(problem: TooManyRegistrations, description: str) -> OAuthRefusal:
    """429, with when to come again."""
    return OAuthRefusal("slow_down", description, status=429, retry_after=problem.retry_after, reason_code=problem.code)


def invalid_token(description: str) -> OAuthRefusal:
    """RFC 6750 §3.1."""
    return OAuthRefusal("invalid_token", description, status=401)


def refused(refusal: OAuthRefusal, facts: RequestFacts) -> HttpResponse:
    """Record a refusal, and answer with the challenge that belongs to tokens."""
    response = refuse(Kind.REGISTRATION_REFUSED, refusal, facts)
    if refusal.status == 401:
        response["WWW-Authenticate"] = f'Bearer realm="Mandate", error="{refusal.code}"'
    return response


def _method_not_allowed(facts: RequestFacts) -> HttpResponse:
    response = refused(OAuthRefusal("invalid_request", "Register by POST.", status=405), facts)
    response["Allow"] = "POST"
    return response
