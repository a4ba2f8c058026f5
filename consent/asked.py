"""How a consent was asked for out of band, as it is kept with it: written by ``consent/request_answers.py``, read by pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from consent.models import AccessRequest, Consent


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page said of the question itself. way: a ``RequestKind``. address: from where a device was started."""

    way: str
    binding_message: str = ""
    at: datetime | None = None
    address: str = ""


def as_shown(request: AccessRequest) -> dict[str, Any]:
    """Return what the page said of the question itself, kept word for word with the consent."""
    return {
        "request": str(request.pk),
        "way": request.kind,
        "binding_message": request.binding_message,
        "at": request.created_at.isoformat(),
        "from": request.address or "",
    }


def asked_of(consent: Consent) -> Asked | None:
    """Return how it was asked for, or None where the person came by themselves."""
    said = consent.shown.get("asked") if isinstance(consent.shown, dict) else None
    if not isinstance(said, dict):
        return None
    return Asked(
        way=str(said.get("way", "")),
        binding_message=str(said.get("binding_message", "")),
        at=parse_datetime(str(said.get("at", ""))),
        address=str(said.get("from", "")),
    )
