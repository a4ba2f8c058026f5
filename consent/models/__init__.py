"""What agents may do: consents, tokens, codes, signing keys."""

from consent.models.consent import Consent, Origin
from consent.models.consent_scope import ConsentScope
from consent.models.key import EvidenceKey, SigningKey
from consent.models.pending import PendingConsent
from consent.models.pushed_request import PushedRequest
from consent.models.record_count import RecordCount
from consent.models.report import Report
from consent.models.request import AccessRequest, RequestDecision, RequestKind, Silence, WrongEntries
from consent.models.stream import Signal, StatusReason, Stream, StreamStatus
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
    "AccessRequest",
    "AccessToken",
    "AuthorizationCode",
    "Consent",
    "ConsentScope",
    "DeviceGrant",
    "EvidenceKey",
    "IDToken",
    "Origin",
    "PendingConsent",
    "PushedRequest",
    "RecordCount",
    "RefreshToken",
    "Report",
    "RequestDecision",
    "RequestKind",
    "Signal",
    "SigningKey",
    "Silence",
    "StatusReason",
    "Stream",
    "StreamStatus",
    "TokenFamily",
    "UsedOnce",
    "WrongEntries",
]
