"""Addresses of Mandate's own pages, for whoever reads them elsewhere: in a mail, or in the answer to a program."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.urls import reverse


def page_address(page: str, *ids: uuid.UUID | None) -> str:
    """Return the whole address of a page: from the setting, never from a Host header (security.md S6)."""
    return settings.ISSUER.rstrip("/") + reverse(page, args=ids)
