"""Our line to Mandate: where its endpoints are, and how we prove ourselves to it."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import httpx

from records_api.settings import Settings

METADATA_LIFE = 300.0
"""Seconds for which the metadata are kept."""


class MandateUnreachable(Exception):
    """Mandate does not answer, or answers something that cannot be used. Nobody gets in meanwhile."""


class Mandate:
    """One client for all calls to Mandate. Close it when the API stops."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        # RFC 6749 §2.3.1: both halves are form-encoded before they go into the header.
        self.http = httpx.AsyncClient(
            timeout=5, auth=(quote(settings.identifier, safe=""), quote(settings.key, safe=""))
        )
        self._metadata: dict[str, Any] = {}
        self._read_at = 0.0

    async def metadata(self) -> dict[str, Any]:
        """Return the metadata of the authorization server (RFC 8414), at most five minutes old."""
        if not self._metadata or time.monotonic() - self._read_at > METADATA_LIFE:
            found = await self.call("GET", f"{self.settings.issuer}/.well-known/oauth-authorization-server", auth=None)
            if found.get("issuer") != self.settings.issuer:  # RFC 8414 §3.3
                raise MandateUnreachable("the metadata name another issuer")
            self._metadata, self._read_at = found, time.monotonic()
        return self._metadata

    async def call(self, method: str, url: str, **request: Any) -> dict[str, Any]:
        """Return the JSON answer to one request. Raises MandateUnreachable for everything else."""
        try:
            response = await self.http.request(method, url, **request)
            response.raise_for_status()
            answer = response.json()
        except (httpx.HTTPError, ValueError) as problem:
            raise MandateUnreachable(str(problem)) from problem
        if not isinstance(answer, dict):
            raise MandateUnreachable("not a JSON object")
        return answer

    async def close(self) -> None:
        await self.http.aclose()
