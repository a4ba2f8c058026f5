"""Patient files: Mandate is asked about each token at each request (RFC 7662), so that a change counts from the next one."""

from __future__ import annotations

import time

from records_api.caller import Caller
from records_api.mandate import Mandate


async def caller_by_introspection(token: str, *, audience: str, mandate: Mandate) -> Caller | None:
    """Return the caller behind an opaque token, or None for one that is worth nothing here.

    The answer is not kept. If you cache it, tell Mandate for how long: its pages promise people when a change counts.
    """
    metadata = await mandate.metadata()
    answer = await mandate.call("POST", metadata["introspection_endpoint"], data={"token": token})
    if answer.get("active") is not True:
        return None
    if answer.get("iss") != mandate.settings.issuer or answer.get("aud") != audience:
        return None
    if float(answer.get("exp", 0)) <= time.time():
        return None
    return Caller.of(answer)
