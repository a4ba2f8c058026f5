"""The MCP Python SDK as a program of somebody's: it opens a "browser", waits for the person, keeps what it got."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp.client.auth import OAuthClientProvider
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata

from tests.grants import REDIRECT

Call = tuple[str, dict[str, Any]] | Callable[[], object]


class Storage:
    """Where the SDK keeps what it got."""

    def __init__(self, client_info: OAuthClientInformationFull | None = None) -> None:
        self.tokens: Any = None
        self.client_info = client_info

    async def get_tokens(self) -> Any:
        return self.tokens

    async def set_tokens(self, tokens: Any) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client_info

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client_info = client_info


@dataclass
class McpProgram:
    """One installation of an MCP client. ``decides``: what the person does at an address; returns where they are sent."""

    server: str
    decides: Callable[[str], str]
    redirect_uri: str = REDIRECT
    storage: Storage = field(default_factory=Storage)
    metadata_url: str | None = None
    asked: list[str] = field(default_factory=list)
    """Every address that it sent the person to."""

    @classmethod
    def registered(cls, server: str, client: Any, key: str, issuer: str, decides: Callable[[str], str]) -> McpProgram:
        """A program that was given its client id and key by hand."""
        program = cls(server, decides, redirect_uri=client.redirect_uris.split()[0])
        program.storage.client_info = OAuthClientInformationFull(
            client_id=client.client_id,
            client_secret=key or None,
            issuer=issuer,
            token_endpoint_auth_method=client.auth_method,
            **program.registration,
        )
        return program

    @property
    def registration(self) -> dict[str, Any]:
        return {
            "client_name": "Ward Chat",
            "redirect_uris": [self.redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
        }

    def calls(self, *calls: Call) -> list[Any]:
        """Connect, call these tools one after the other (and do what stands between them), and return what they say."""
        return asyncio.run(self._calls(calls))

    def its_token_ends(self) -> None:
        """Let so much time pass for the program that it renews its token at the next call."""
        self.provider.context.token_expiry_time = 1

    async def _calls(self, calls: Iterable[Call]) -> list[Any]:
        method = self.storage.client_info.token_endpoint_auth_method if self.storage.client_info else "none"
        said: list[Any] = []
        self.provider = OAuthClientProvider(
            server_url=self.server,
            client_metadata=OAuthClientMetadata(token_endpoint_auth_method=method, **self.registration),
            storage=self.storage,
            redirect_handler=self._open,
            callback_handler=self._come_back,
            client_metadata_url=self.metadata_url,
        )
        async with (
            httpx2.AsyncClient(auth=self.provider, timeout=60) as http,
            streamable_http_client(self.server, http_client=http) as (read, write, *_),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            for call in calls:
                if callable(call):
                    await asyncio.to_thread(call)
                    continue
                name, arguments = call
                answer = await session.call_tool(name, arguments)
                text = answer.content[0].text if answer.content else ""
                said.append(
                    {"failed": text} if answer.is_error else (answer.structured_content or {}).get("result", text)
                )
        return said

    async def _open(self, address: str) -> None:
        self.asked.append(address)

    async def _come_back(self) -> AuthorizationCodeResult:
        back = await asyncio.to_thread(self.decides, self.asked[-1])
        answer = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
        return AuthorizationCodeResult(code=answer.get("code", ""), state=answer.get("state"), iss=answer.get("iss"))


def root_cause(problem: BaseException) -> BaseException:
    """The one error inside the groups in which tasks wrap it."""
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    return problem
