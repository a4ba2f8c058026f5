"""Our line to Mandate: is this token worth something here (RFC 7662), and what was done with it (receipts)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import time
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx2
from fastmcp.server.auth import AccessToken, TokenVerificationError, TokenVerifier

from ward_tools.caller import Caller
from ward_tools.settings import Settings

log = logging.getLogger("uvicorn.error")
PAUSES = (0.5, 2.0, 10.0)
"""Seconds before each further try of a receipt. The idempotency key keeps a repeat from counting twice."""


class Mandate(TokenVerifier):
    """Asks about each token at each request, so that a revoked or narrowed consent counts from the next one."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(base_url=settings.base)
        self.settings = settings
        # RFC 6749 §2.3.1: both halves are form-encoded before they go into the header.
        name, key = quote(settings.identifier, safe=""), quote(settings.key, safe="")
        self.http = httpx2.AsyncClient(timeout=5, auth=(name, key))
        self._sending: set[asyncio.Task[None]] = set()

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return what the token says, or None for one that is worth nothing here. Raises TokenVerificationError."""
        said = await self._call("/oauth/introspect", data={"token": token})
        if said.get("active") is not True:
            return None
        if said.get("iss") != self.settings.issuer or said.get("aud") != self.settings.uri:
            return None
        if (said.get("cnf") or {}).get("jkt"):
            return None  # bound to a key (RFC 9449): it counts with a proof of that key only, which we do not check
        if float(said.get("exp", 0)) <= time.time():
            return None
        return AccessToken(
            token=token,
            client_id=str(said["client_id"]),
            scopes=str(said.get("scope", "")).split(),
            expires_at=int(said["exp"]),
            subject=str(said["sub"]),
            resource=self.settings.uri,
            claims=said,
        )

    def report(self, who: Caller, operation: str, record_type: str, names: list[str]) -> None:
        """Tell Mandate what an agent did, after the answer: nobody waits for it. Counts and pseudonyms, never values.

        A restart loses what was not sent yet. Where that matters, write receipts into your own database first.
        """
        receipt = {
            "token": who.token_id,
            "operation": operation,
            "records": [{"type": record_type, "count": 1, "subject": self._pseudonym(name)} for name in names],
            "idempotency_key": str(uuid.uuid4()),
            # A receipt may arrive after a revocation: what counts is when it was done.
            "at": datetime.now(UTC).isoformat(),
        }
        sending = asyncio.create_task(self._send(receipt))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    async def _send(self, receipt: dict[str, Any]) -> None:
        for pause in (*PAUSES, None):
            try:
                await self._call("/api/v1/receipts", json=receipt)
            except TokenVerificationError as problem:
                if pause is None:
                    log.warning("Receipt for token %s was not taken: %s", receipt["token"], problem)
                    return
                await asyncio.sleep(pause)
            else:
                return

    def _pseudonym(self, name: str) -> str:
        return hmac.new(self.settings.pseudonym_key.encode(), name.encode(), hashlib.sha256).hexdigest()[:32]

    async def _call(self, path: str, **request: Any) -> dict[str, Any]:
        try:
            answer = await self.http.post(self.settings.issuer + path, **request)
            answer.raise_for_status()
            said = answer.json()
        except (httpx2.HTTPError, ValueError) as problem:
            raise TokenVerificationError(str(problem)) from problem
        if not isinstance(said, dict):
            raise TokenVerificationError("not a JSON object")
        return said
