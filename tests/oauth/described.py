"""What the specifications say of the OAuth endpoints, as an OpenAPI document: which parameters, which answers.

Mandate publishes RFC 8414 metadata and no such document for them. This one is for tests: a program that makes requests of a
document can then try these endpoints too.
"""

from __future__ import annotations

from typing import Any

from agents.models import GrantType

FORM = "application/x-www-form-urlencoded"
TEXT = {"type": "string", "maxLength": 300}
ERROR = {
    "type": "object",
    "required": ["error", "error_description"],
    "properties": {
        "error": {"type": "string", "pattern": "^[a-z_]{5,50}$"},
        "error_description": {"type": "string", "pattern": r"^[\x20-\x21\x23-\x5b\x5d-\x7e]+$"},
    },
    "additionalProperties": False,
}
NOT_KEPT = {"Cache-Control": {"required": True, "schema": {"type": "string", "enum": ["no-store"]}}}
CHALLENGE = {"WWW-Authenticate": {"required": True, "schema": {"type": "string", "pattern": '^Basic realm="'}}}
WAIT = {"Retry-After": {"required": True, "schema": {"type": "integer", "minimum": 1}}}
TOKENS = {
    "type": "object",
    "required": ["access_token", "token_type", "expires_in", "scope"],
    "properties": {
        "access_token": {"type": "string", "minLength": 20},
        "token_type": {"enum": ["Bearer", "DPoP"]},
        "expires_in": {"type": "integer", "minimum": 1},
        "scope": {"type": "string"},
    },
}
INTROSPECTED = {"type": "object", "required": ["active"], "properties": {"active": {"type": "boolean"}}}
PUSHED = {
    "type": "object",
    "required": ["request_uri", "expires_in"],
    "properties": {"request_uri": {"type": "string"}, "expires_in": {"type": "integer"}},
}
DEVICE = {"type": "object", "required": ["device_code", "user_code", "verification_uri", "expires_in"]}
ASKED = {"type": "object", "required": ["auth_req_id", "expires_in"]}
AUTHORIZE = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "resource",
    "purpose",
    "state",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "nonce",
    "max_age",
    "acr_values",
    "id_token_hint",
    "dpop_jkt",
    "authorization_details",
    "request",
    "request_uri",
    "response_mode",
    "login_hint",
    "claims",
]
TOKEN = [
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "scope",
    "resource",
    "audience",
    "client_id",
    "purpose",
    "authorization_details",
    "device_code",
    "auth_req_id",
    "assertion",
    "subject_token",
    "subject_token_type",
    "actor_token",
    "actor_token_type",
    "requested_token_type",
]
OUT_OF_BAND = [
    "scope",
    "resource",
    "purpose",
    "authorization_details",
    "login_hint",
    "login_hint_token",
    "id_token_hint",
    "binding_message",
    "requested_expiry",
    "acr_values",
    "client_notification_token",
    "user_code",
    "client_id",
]


def members(*names: str, **known: dict[str, Any]) -> dict[str, Any]:
    """A form with these members, none of which is needed. known: those that are more than text."""
    return {"type": "object", "properties": {**dict.fromkeys(names, TEXT), **known}, "additionalProperties": TEXT}


def answers(right: int, body: dict[str, Any] | None) -> dict[str, Any]:
    """The right answer, and each error of RFC 6749 §5.2."""

    def told(description: str, schema: dict[str, Any] | None, headers: dict[str, Any]) -> dict[str, Any]:
        content = {"content": {"application/json": {"schema": schema}}} if schema else {}
        return {"description": description, "headers": headers, **content}

    return {
        str(right): told("Done.", body, NOT_KEPT),
        "400": told("Refused.", ERROR, NOT_KEPT),
        "401": told("Nobody proved themselves.", ERROR, NOT_KEPT | CHALLENGE),
        "403": told("Refused for good.", ERROR, NOT_KEPT),
        "429": told("Too many tries.", ERROR, NOT_KEPT | WAIT),
    }


def endpoint(form: dict[str, Any], right: int, body: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "post": {
            "requestBody": {"required": True, "content": {FORM: {"schema": form}}},
            "responses": answers(right, body),
        }
    }


DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "What the specifications say", "version": "1"},
    "paths": {
        "/oauth/token": endpoint(members(*TOKEN, grant_type={"enum": [*GrantType.values, "password"]}), 200, TOKENS),
        "/oauth/introspect": endpoint(members("token", "token_type_hint"), 200, INTROSPECTED),
        "/oauth/revoke": endpoint(members("token", "token_type_hint"), 200, None),
        "/oauth/par": endpoint(members(*AUTHORIZE), 201, PUSHED),
        "/oauth/device_authorization": endpoint(
            members("scope", "resource", "purpose", "authorization_details"), 200, DEVICE
        ),
        "/oauth/bc-authorize": endpoint(members(*OUT_OF_BAND), 200, ASKED),
    },
}
