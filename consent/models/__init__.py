"""What agents may do: consents, tokens, codes, signing keys."""

from consent.models.consent import Consent, Origin
from consent.models.consent_scope import ConsentScope
from consent.models.key import SigningKey
from consent.models.token import (
    AccessToken,
    AuthorizationCode,
    DeviceGrant,
    IDToken,
    RefreshToken,
    TokenFamily,
    UsedOnce,
)

__all__ = [
    "AccessToken",
    "AuthorizationCode",
    "Consent",
    "ConsentScope",
    "DeviceGrant",
    "IDToken",
    "Origin",
    "RefreshToken",
    "SigningKey",
    "TokenFamily",
    "UsedOnce",
]
