"""An MCP server with one tool, protected by Mandate: built with the MCP SDK, in a thread of the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import uvicorn
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer

from tests.services.processes import until


@dataclass
class AsksMandate:
    """The SDK's token verifier, by introspection (RFC 7662)."""

    issuer: str
    identifier: str
    key: str

    async def verify_token(self, token: str) -> AccessToken | None:
        async with httpx.AsyncClient() as http:
            answer = await http.post(
                f"{self.issuer}/oauth/introspect", data={"token": token}, auth=(self.identifier, self.key)
            )
        said = answer.json()
        if not said["active"]:
            return None
        return AccessToken(token=token, client_id=said["client_id"], scopes=said["scope"].split(), resource=said["aud"])


@contextmanager
def mcp_server(port: int, verifier: AsksMandate, scopes: list[str]) -> Iterator[None]:
    """Serve ``http://127.0.0.1:<port>/mcp`` until the block ends."""
    server = MCPServer(
        "Ward tools",
        token_verifier=verifier,
        auth=AuthSettings(
            issuer_url=verifier.issuer,  # pydantic makes an address of it
            resource_server_url=f"http://127.0.0.1:{port}/mcp",
            required_scopes=scopes,
            validate_token_resource=True,
        ),
    )

    @server.tool()
    def beds_free(ward: str) -> int:
        """Say how many beds are free."""
        return len(ward)

    running = uvicorn.Server(uvicorn.Config(server.streamable_http_app(), port=port, log_level="warning"))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    until(lambda: running.started, because="The MCP server does not listen.")
    try:
        yield
    finally:
        running.should_exit = True
        thread.join(timeout=10)
