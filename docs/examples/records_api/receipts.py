"""Receipts: what an agent did with its token, told to Mandate, so that its trail leads to the record. Counts, never values."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import uuid
from datetime import UTC, datetime

from records_api.caller import Caller
from records_api.mandate import Mandate, MandateUnreachable

log = logging.getLogger("uvicorn.error")
PAUSES = (0.5, 2.0, 10.0)
"""Seconds before each further try. The idempotency key keeps a repeat from counting twice."""


def pseudonym(patient_id: str, key: str) -> str:
    """Return the name under which Mandate hears of a patient: the same for the same patient, and telling nothing."""
    return hmac.new(key.encode(), patient_id.encode(), hashlib.sha256).hexdigest()[:32]


async def send_receipt(caller: Caller, operation: str, patient_ids: list[str], *, mandate: Mandate) -> None:
    """Tell Mandate what was done with this token. Runs after the answer: the person waits for no receipt.

    A restart loses what was not sent yet. Where that matters, write receipts into your own database first.
    """
    key = mandate.settings.pseudonym_key
    receipt = {
        "token": caller.token_id,
        "operation": operation,
        "records": [{"type": "patient-file", "count": 1, "subject": pseudonym(one, key)} for one in patient_ids],
        "idempotency_key": str(uuid.uuid4()),
        # A receipt may arrive after the token's end, or after a revocation: what counts is when it was done.
        "at": datetime.now(UTC).isoformat(),
    }
    for pause in (*PAUSES, None):
        try:
            await mandate.call("POST", f"{mandate.settings.issuer}/api/v1/receipts", json=receipt)
        except MandateUnreachable as problem:
            if pause is None:
                log.warning("Receipt for token %s was not taken: %s", caller.token_id, problem)
                return
            await asyncio.sleep(pause)
        else:
            return
