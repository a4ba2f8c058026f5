"""What a client is told over HTTP when its token does not reach: which scope it takes, so that it can ask its human for it.

MCP clients step up when an answer is 403 with ``error="insufficient_scope"`` (RFC 6750 §3.1). FastMCP lets a tool fail with
a message instead, which clients show and do not act on. So each call is looked at before it gets to the tool.
"""

from __future__ import annotations

import json
from typing import Any

from fastmcp.server.auth import TokenVerificationError
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_BODY = 1_000_000


class StepUp:
    """Answer a call of a tool by a token that lacks the scope of that tool."""

    def __init__(self, app: ASGIApp, *, scopes: dict[str, str], metadata: str) -> None:
        self.app, self.scopes, self.metadata = app, scopes, metadata

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        user = scope.get("user")
        if scope["type"] != "http" or scope["method"] != "POST" or not isinstance(user, AuthenticatedUser):
            await self.app(scope, receive, send)
            return
        body = await _whole_body(receive)
        if body is None:
            await JSONResponse({"error": "invalid_request"}, 413)(scope, receive, send)
            return
        needed = self.scopes.get(_tool_called(body))
        if needed and needed not in user.scopes:
            await self._refuse(needed)(scope, receive, send)
            return
        await self.app(scope, _replay(body, receive), send)

    def _refuse(self, needed: str) -> JSONResponse:
        challenge = f'Bearer error="insufficient_scope", scope="{needed}", resource_metadata="{self.metadata}"'
        body = {"error": "insufficient_scope", "error_description": f"This takes the scope {needed}."}
        return JSONResponse(body, 403, {"WWW-Authenticate": challenge})


class Unavailable:
    """Answer 503 while Mandate cannot be asked. Nobody gets in meanwhile, and nobody throws a good token away."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except TokenVerificationError:
            body = {"error": "unavailable", "error_description": "The token cannot be checked now. Try again."}
            await JSONResponse(body, 503, {"Retry-After": "1"})(scope, receive, send)


async def _whole_body(receive: Receive) -> bytes | None:
    """Return the body, or None for one that is too long or not sent to its end."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > LONGEST_BODY:
            return None
        if not message.get("more_body"):
            return body


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a channel that brings the body once more, and then whatever comes after it."""
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _tool_called(body: bytes) -> str:
    """Return the name of the tool that this message calls, or nothing. The tools look again themselves."""
    try:
        message: Any = json.loads(body)
        return str(message["params"]["name"]) if message["method"] == "tools/call" else ""
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
