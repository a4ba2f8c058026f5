"""``purpose`` at the token endpoint: the one that was agreed to, or none (decisions.md, Purpose).

It is taken at authorization. A token request may repeat it, and cannot change it.      Errors: invalid_request.
"""

from __future__ import annotations

from consent.models.consent import purpose_key
from consent.oauth.errors import OAuthRefusal, invalid_request
from consent.oauth.parameters import Form


def asked_purpose(form: Form) -> str:
    """Return the key of the purpose that a token request names, or an empty string."""
    purpose = form.get("purpose", "").strip()
    return purpose_key(purpose) if purpose else ""


def require_same_purpose(form: Form, agreed: str) -> None:
    """Raise OAuthRefusal unless the request names no purpose, or the agreed one. agreed: its key."""
    if asked_purpose(form) not in {"", agreed}:
        raise another_purpose()


def another_purpose() -> OAuthRefusal:
    return invalid_request("The purpose is another one than was agreed to. Leave it out, or ask for a new consent.")
