"""What a token allows in detail (RFC 9396): the file of one patient, and which parts of it.

Mandate has checked each detail against the type that was registered for us, and answers with what the person allowed of
it. It is read here once more: what does not say plainly what it allows, allows nothing.
"""

from __future__ import annotations

from records_api.caller import Caller

ONE_FILE = "one-patient-file"
"""The type, as it is registered at Mandate and named in requests."""
PARTS = frozenset({"diagnosis", "letters"})


def parts_of(caller: Caller, patient_id: str) -> frozenset[str]:
    """Return which parts of this patient's file the caller's details allow. Empty: no detail names this patient."""
    allowed: set[str] = set()
    for detail in caller.details:
        parts = detail.get("parts")
        if detail.get("type") == ONE_FILE and detail.get("patient") == patient_id and isinstance(parts, list):
            allowed |= {part for part in parts if isinstance(part, str)} & PARTS
    return frozenset(allowed)
