"""How the API answers those who may not: which token is missing, which scope, and where to get one (RFC 6750, 9449, 9470, 9728)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from records_api.caller import Caller
from records_api.settings import Settings
from records_api.sign_ins import Demand

WELL_KNOWN = "/.well-known/oauth-protected-resource"
PROOF_ALGORITHMS = ("ES256", "EdDSA", "Ed25519", "PS256")


@dataclass(frozen=True)
class Presented:
    """The token of a request, and how it was sent: ``bearer`` or ``dpop``."""

    token: str
    scheme: str


class Refused(Exception):
    """A request that gets an error and a header that tells the client what would help."""

    def __init__(self, status: int, error: str, description: str, *, challenge: str = "") -> None:
        super().__init__(description)
        self.status, self.error, self.description, self.challenge = status, error, description, challenge


async def answer_refusal(request: Request, problem: Exception) -> JSONResponse:
    """Turn a refusal into its answer."""
    if not isinstance(problem, Refused):
        raise problem
    headers = {"WWW-Authenticate": problem.challenge} if problem.challenge else {}
    if problem.status == 503:
        headers["Retry-After"] = "1"
    body = {"error": problem.error, "error_description": problem.description}
    return JSONResponse(body, problem.status, headers)


def metadata_url(settings: Settings, uri: str) -> str:
    """Return where the metadata of one of our resources are (RFC 9728 §3.1): the path comes after the well-known part."""
    return f"{settings.records_uri}{WELL_KNOWN}{uri.removeprefix(settings.records_uri)}"


def metadata_of(settings: Settings, uri: str, scopes: list[str], details: list[str] | None = None) -> dict[str, Any]:
    """Return the metadata of one of our resources (RFC 9728 §2). details: the types that are understood here."""
    metadata: dict[str, Any] = {
        "resource": uri,
        "authorization_servers": [settings.issuer],
        "scopes_supported": scopes,
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": list(PROOF_ALGORITHMS),
        "dpop_bound_access_tokens_required": settings.require_dpop,
    }
    return {**metadata, "authorization_details_types_supported": details} if details else metadata


def proof_challenge(metadata: str, *, error: str = "") -> str:
    """Return the challenge for whoever must prove a key (RFC 9449 §7.1)."""
    said = f'error="{error}", ' if error else ""
    return f'DPoP {said}algs="{" ".join(PROOF_ALGORITHMS)}", resource_metadata="{metadata}"'


def presented_token(request: Request, *, metadata: str, scope: str) -> Presented:
    """Return the token of the Authorization header. Tokens in addresses and bodies are not read: they end up in logs."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() not in {"bearer", "dpop"} or not token.strip():
        challenge = f'Bearer resource_metadata="{metadata}", scope="{scope}"'
        raise Refused(401, "unauthorized", "Send an access token from Mandate.", challenge=challenge)
    return Presented(token.strip(), scheme.lower())


def must_be_worth(caller: Caller | None, *, metadata: str, scope: str, or_scope: str = "") -> Caller:
    """Return the caller if the token counts and holds the scope. Raises Refused: 401, or 403 with the scope that it takes.

    or_scope: one that lets in too, because what it allows is looked at afterwards.
    """
    if caller is None:
        raise Refused(
            401,
            "invalid_token",
            "The token is worth nothing here: it has ended, was revoked, or is for another resource.",
            challenge=f'Bearer error="invalid_token", resource_metadata="{metadata}"',
        )
    if not {scope, or_scope} & caller.scopes:
        raise Refused(
            403,
            "insufficient_scope",
            f"This takes the scope {scope}.",
            challenge=f'Bearer error="insufficient_scope", scope="{scope}", resource_metadata="{metadata}"',
        )
    return caller


def must_have_signed_in(caller: Caller, demand: Demand, *, metadata: str, scope: str) -> Caller:
    """Return the caller if the demand is met. Raises Refused: 401 with what is missing (§3)."""
    if demand.is_met_by(caller, now=time.time()):
        return caller
    missing = {
        "acr_values": " ".join(demand.acr_values),
        "max_age": "" if demand.max_age is None else str(demand.max_age),
        "scope": scope,  # RFC 6750 §3: the new token shall hold at least what this operation takes
        "resource_metadata": metadata,
    }
    said = ", ".join(f'{name}="{value}"' for name, value in missing.items() if value)
    raise Refused(
        401,
        "insufficient_user_authentication",
        "The person must sign in again, or more strongly, before this.",
        challenge=f'Bearer error="insufficient_user_authentication", {said}',
    )
