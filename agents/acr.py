"""How strongly, and how long ago, somebody proved who they are: ``acr`` and ``auth_time`` (RFC 9470; OpenID Connect Core §2).

urn:mandate:acr:single    one factor: a password, or a link
urn:mandate:acr:multi     two: a password and a code
phr                       a passkey, the last time that they proved themselves (OpenID Connect EAP ACR Values §4)

Each is worth those above it too. ``phr`` looks at the last time only: a password given again after a passkey is a password.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agents.sign_in import RECORDS, sign_in_methods, signed_in_at

if TYPE_CHECKING:
    from django.http import HttpRequest

SINGLE = "urn:mandate:acr:single"
MULTI = "urn:mandate:acr:multi"
PASSKEY = "phr"
ACR_VALUES = (SINGLE, MULTI, PASSKEY)
"""What clients may ask for, the weakest first: ``acr_values_supported``."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """How somebody is signed in. at: when they proved themselves last. acr: empty where that is not known."""

    methods: tuple[str, ...] = ()
    at: datetime | None = None
    acr: str = ""


UNKNOWN = SignIn()
"""Nothing is known of it."""


def sign_in_of(request: HttpRequest) -> SignIn:
    """Return how the person at this session is signed in."""
    methods = tuple(sign_in_methods(request))
    at = signed_in_at(request)
    moment = datetime.fromtimestamp(at, tz=UTC) if at is not None else None
    return SignIn(methods, moment, _acr(request, methods))


def _acr(request: HttpRequest, methods: tuple[str, ...]) -> str:
    records = request.session.get(RECORDS) or []
    if not records:
        return ""
    if records[-1].get("type") == "webauthn":
        return PASSKEY
    codes = {"totp", "recovery_codes", "passkey"} & set(methods)
    return MULTI if codes and set(methods) - codes else SINGLE


def is_worth(acr: str, wanted: str) -> bool:
    """Whether a sign-in of this ``acr`` is as strong as the wanted one. One that is not known is worth nothing."""
    return acr in ACR_VALUES and wanted in ACR_VALUES and ACR_VALUES.index(acr) >= ACR_VALUES.index(wanted)


def is_worth_any(acr: str, wanted: Iterable[str]) -> bool:
    """Whether it is as strong as any of those wanted; nothing wanted is always met (OpenID Connect Core §3.1.2.1)."""
    values = tuple(wanted)
    return not values or any(is_worth(acr, value) for value in values)


def weakest(values: Iterable[str]) -> str:
    """Return the weakest of these, which is the one to ask for. Empty for none."""
    known = [value for value in ACR_VALUES if value in set(values)]
    return known[0] if known else ""
